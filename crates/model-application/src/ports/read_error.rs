//! Why something was not read.

use domain::Day;
use thiserror::Error;

/// Why something was not read of the warehouse; variants by what can be done.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// There was no answer, or one that passes: it helps to try again.
    #[error("{detail}")]
    Unavailable {
        /// Where, what is wrong, and what to do about it if it stays.
        detail: String,
        /// The word for it in metrics.
        cause: &'static str,
    },
    /// Somebody has to do something first: a table or a column is missing, it is
    /// of a newer program, or this user may not read it.
    #[error("{detail}")]
    Unfit {
        /// Where, what is wrong, and what to do about it.
        detail: String,
    },
    /// The counters of a day are not those of the build that was asked for: it
    /// helps to look how the day was built, and to read again.
    #[error("the counters of {0} were built anew while they were read")]
    DayChanged(Day),
}

impl ReadError {
    /// The word of its kind, for metrics.
    #[must_use]
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::Unavailable { cause, .. } => cause,
            Self::Unfit { .. } => "unfit",
            Self::DayChanged(_) => "day_changed",
        }
    }
}
