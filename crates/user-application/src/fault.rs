//! What is wrong with a document, place by place.

/// So many are told; who has made more begins with these.
const FAULTS_MAX: usize = 100;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: a JSON pointer (RFC 6901).
    pub pointer: String,
    /// The word for it, for programs.
    pub code: &'static str,
    /// What is allowed, for people. It repeats nothing of what was sent.
    pub detail: String,
}

/// Everything that is wrong, in the order in which it was found.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds one.
    pub fn add(
        &mut self,
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) {
        if self.0.len() < FAULTS_MAX {
            self.0.push(Fault {
                pointer: pointer.into(),
                code,
                detail: detail.into(),
            });
        }
    }

    /// `found`, unless something is wrong.
    ///
    /// # Errors
    /// All that is.
    pub fn conclude<T>(self, found: T) -> Result<T, Vec<Fault>> {
        if self.0.is_empty() {
            Ok(found)
        } else {
            Err(self.0)
        }
    }
}

/// The pointer to a member of what is at `pointer`.
pub(crate) fn member(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_written_as_the_standard_says() {
        assert_eq!(member("", "locale"), "/locale");
        assert_eq!(member("/overlay", "a/b~c"), "/overlay/a~1b~0c");
    }

    #[test]
    fn there_is_an_end_to_faults() {
        let mut faults = Faults::default();
        for _ in 0..1_000 {
            faults.add("", "unknown", "nothing");
        }
        assert_eq!(
            faults.conclude(()).map_err(|all| all.len()),
            Err(FAULTS_MAX)
        );
    }
}
