//! Where pending messages survive this process.

use async_trait::async_trait;
use domain::Timestamp;
use thiserror::Error;

use super::Message;
use crate::SourceName;

/// Keeps on disk what has been received and is not settled yet.
///
/// Entries are written in ascending [`sequence`](JournalEntry::sequence), with
/// holes: what is settled early never gets here. They are read back in that
/// order, and let go once they are acknowledged.
///
/// An implementation MUST
/// - make an entry survive `kill -9` and power loss before [`append`](Self::append)
///   returns well, and keep it until it is acknowledged;
/// - find damage by checksums, lose no more than the damaged entries, count
///   and report them, and go on: damage is never an error of a call;
/// - hold neither its entries nor an unbounded index of them in memory;
/// - keep within its size limit, and leave room on the disk for others;
/// - survive a failed call: after an error every call may be tried again, and
///   an entry appended a second time is read once;
/// - be cancel safe: what a dropped call has begun is done or undone, and
///   the next call finds the journal whole.
///
/// One caller at a time appends and acknowledges; another may read meanwhile.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait Journal: Send + Sync {
    /// Looks through everything that is there. To be called once, first, and
    /// until it has returned nothing else is.
    ///
    /// # Errors
    /// [`JournalError::Failed`] when it cannot be read at all.
    async fn recover(&self) -> Result<Recovered, JournalError>;

    /// Writes `entries`, which go on in ascending sequence, and makes them durable.
    ///
    /// # Errors
    /// [`JournalError::Full`] at the size limit or when the disk runs out of
    /// room; [`JournalError::Failed`] when the disk does not do its work.
    /// Nothing, some or all of the entries are durable then.
    async fn append(&self, entries: &[JournalEntry]) -> Result<(), JournalError>;

    /// Lets go of the entries with these sequences, which are ascending.
    ///
    /// Need not be durable when it returns: an entry that comes back after a
    /// crash is found in the topic, and at worst is a dead letter set aside twice.
    ///
    /// # Errors
    /// [`JournalError::Failed`]; the caller tries the same sequences again.
    async fn acknowledge(&self, sequences: &[u64]) -> Result<(), JournalError>;

    /// The first entries at or after `from` that are not acknowledged, in
    /// order, at most `count` and at least one as long as there is one.
    ///
    /// # Errors
    /// [`JournalError::Failed`]; nothing is lost, the caller asks again.
    async fn read(&self, from: u64, count: usize) -> Result<Vec<JournalEntry>, JournalError>;

    /// How much is in it.
    fn figures(&self) -> JournalFigures;
}

/// A pending message with its place in the order of receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Ascending over the life of a journal; never given twice.
    pub sequence: u64,
    /// What is to be published.
    pub message: Message,
}

/// What a process has left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Entries that are not acknowledged, by the feed they came from.
    pub pending: Vec<(SourceName, u64)>,
    /// The sequence of the first of them, if there are any.
    pub first: Option<u64>,
    /// Above every sequence that was ever given, as far as it is known.
    pub next_sequence: u64,
    /// Entries that were damaged and are lost.
    pub lost: u64,
}

impl Recovered {
    /// How many entries are not acknowledged.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.pending.iter().map(|(_, count)| count).sum()
    }
}

/// How much a journal holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JournalFigures {
    /// Bytes on disk.
    pub bytes: u64,
    /// So many bytes may be received before what is not in the journal yet
    /// could be too much for it; 0 when it is full.
    pub room: u64,
    /// At least as old as the oldest entry that is not acknowledged; none without one.
    pub oldest: Option<Timestamp>,
    /// Entries found damaged since the start, each of them a lost match.
    pub lost: u64,
}

/// Why the journal did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JournalError {
    /// No room, by the size limit or on the disk.
    #[error("the journal is full: {reason}")]
    Full {
        /// Which limit, and what to do.
        reason: String,
    },
    /// The disk refused or broke.
    #[error("the journal failed: {reason}")]
    Failed {
        /// What happened, and where.
        reason: String,
    },
}
