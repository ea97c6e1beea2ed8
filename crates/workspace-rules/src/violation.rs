//! What every rule reports.

use std::fmt;

/// One broken rule: where, what, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// A crate, or a file with its line where there is one.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
    /// What to do about it.
    pub remedy: &'static str,
}

impl Violation {
    pub(crate) fn new(
        place: impl Into<String>,
        problem: impl Into<String>,
        remedy: &'static str,
    ) -> Self {
        Self {
            place: place.into(),
            problem: problem.into(),
            remedy,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: {}; {}",
            self.place, self.problem, self.remedy
        )
    }
}
