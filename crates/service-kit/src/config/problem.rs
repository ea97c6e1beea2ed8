//! What is wrong with the settings, all of it at once.

use std::fmt;

/// One thing that is wrong. Secrets are masked before they get here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A setting whose value is not allowed.
    #[error("{variable} is {value} ({origin}): {reason}; allowed: {allowed}")]
    WrongValue {
        /// Its name in the environment.
        variable: &'static str,
        /// Its text, quoted, with the secrets masked.
        value: String,
        /// The layer that gave it.
        origin: String,
        /// The rule it breaks.
        reason: String,
        /// What would have been right.
        allowed: String,
    },
    /// A setting that is read, but that no section declares: whatever gives it
    /// would be passed over, so the program is wrong, and every start says so.
    #[error("{variable} is read but not declared, so nothing can give it: a defect of the program")]
    Undeclared {
        /// Its name in the environment.
        variable: &'static str,
    },
    /// A file of settings that cannot be read or understood.
    #[error("{file}: {reason}")]
    WrongFile {
        /// Its path, and what named it unless it is always looked for.
        file: String,
        /// What is wrong in it, and where.
        reason: String,
    },
}

/// Everything that is wrong with the settings; its text names it line by line.
#[derive(Debug, thiserror::Error)]
pub struct WrongSettings {
    /// Never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for WrongSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wrong settings:")?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// A rule that a setting breaks beside others, or in the world.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {reason}")]
pub struct Broken {
    /// The setting to change.
    pub variable: &'static str,
    /// What is wrong with it, without its value.
    pub reason: String,
}

impl Broken {
    /// The rule this setting breaks.
    #[must_use]
    pub fn new(variable: &'static str, reason: impl Into<String>) -> Self {
        Self {
            variable,
            reason: reason.into(),
        }
    }
}
