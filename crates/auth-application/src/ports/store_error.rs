//! Why something was not looked up or changed.

use thiserror::Error;

/// Why something was not looked up or changed; variants by what can be done.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// It passes: it helps to try again. Whether a change has happened is not known.
    #[error("{detail}")]
    Unavailable {
        /// Where, what is wrong, and what to do about it if it stays.
        detail: String,
        /// The word for it in metrics.
        cause: &'static str,
    },
    /// Somebody has to do something first. Nothing has changed.
    #[error("{detail}")]
    Unfit {
        /// Where, what is wrong, and what to do about it.
        detail: String,
    },
}

impl StoreError {
    /// The word of its kind, for metrics.
    #[must_use]
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::Unavailable { cause, .. } => cause,
            Self::Unfit { .. } => "unfit",
        }
    }
}
