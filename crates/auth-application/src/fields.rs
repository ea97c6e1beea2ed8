//! The parameters of a request, each there once.

/// Parameters as they were sent, decoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a [(String, String)]);

impl<'a> Fields<'a> {
    /// The value of this parameter if it is there once, and not empty: RFC 6749, 3.1, has an empty one count as
    /// none.
    pub(crate) fn one(self, name: &str) -> Option<&'a str> {
        let mut values = self.0.iter().filter(|(key, _)| key == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) if !value.is_empty() => Some(value),
            _ => None,
        }
    }

    /// A parameter that is there more than once.
    pub(crate) fn repeated(self) -> Option<&'a str> {
        let mut seen = std::collections::BTreeSet::new();
        let mut names = self.0.iter().map(|(key, _)| key.as_str());
        names.find(|name| !seen.insert(*name))
    }
}
