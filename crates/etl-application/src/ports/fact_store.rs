//! Where facts are kept.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use domain::Day;
use thiserror::Error;

use crate::Answer;

/// The tables of facts, and the marks of days whose counters are behind them.
///
/// Of all rows with one key the one with the highest version counts, whatever
/// the order, the cuts and the repetitions in which they come. So to store
/// again changes nothing, and nothing outside the tables needs to be remembered.
#[async_trait]
pub trait FactStore: Send + Sync {
    /// Stores what [`Facts::of`](crate::Facts::of) makes of each answer.
    ///
    /// When it returns, the rows survive the loss of this process and, where the
    /// tables were made so, of the machine. Returns the days whose counters may
    /// change by it: those that the answers name, and those that earlier rows of
    /// the same matches had named.
    ///
    /// A day that a match leaves, because its start was corrected, is marked dirty
    /// by this already: when it is repeated because the marks were lost, the
    /// earlier row is gone, and nobody could name the day any more.
    ///
    /// # Errors
    /// [`StoreError`]; any part of the answers may have been stored.
    async fn store(&self, answers: &[Answer]) -> Result<BTreeSet<Day>, StoreError>;

    /// Marks days as dirty, by the clock of the store. To be called after
    /// [`store`](Self::store) and before positions are committed: a mark from
    /// before could be taken for done by a build that had not seen the rows.
    ///
    /// # Errors
    /// [`StoreError`]; never [`StoreError::Refused`].
    async fn mark_dirty(&self, days: &BTreeSet<Day>) -> Result<(), StoreError>;
}

/// Why nothing, or not everything, was stored.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// Something in the answers is not taken. It never helps to send the same again.
    #[error("the warehouse refuses the content: {detail}")]
    Refused {
        /// What it says.
        detail: String,
    },
    /// Nothing can be taken now: network, overload, a full disk, read-only, a quota.
    #[error("the warehouse takes nothing now: {detail}")]
    Unavailable {
        /// What it says.
        detail: String,
        /// Which kind, for metrics.
        cause: &'static str,
    },
    /// It takes rows in larger batches only: the wait for a batch is to grow.
    #[error("the warehouse asks for fewer and larger inserts: {detail}")]
    TooManyParts {
        /// What it says.
        detail: String,
    },
    /// A table is missing or older than this program: `migrate` helps.
    #[error("the tables of the warehouse do not fit: {detail}")]
    Schema {
        /// What is missing, and the command that makes it.
        detail: String,
    },
}

impl StoreError {
    /// The word of its kind, for metrics.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Unavailable { cause, .. } => cause,
            Self::TooManyParts { .. } => "too_many_parts",
            Self::Schema { .. } => "schema",
        }
    }
}

/// The pauses between attempts at a store that takes nothing.
pub const STORE_PAUSE_MIN: Duration = Duration::from_millis(250);
/// The longest of these pauses.
pub const STORE_PAUSE_MAX: Duration = Duration::from_secs(5);
