//! Where dead letters can be read again.

use async_trait::async_trait;
use bytes::Bytes;
use domain::Timestamp;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::DeadLetterReason;

/// The dead letters that are kept, for whoever looks through them.
///
/// An implementation MUST
/// - show each letter that consumers can see once, and change nothing;
/// - hold a bounded number of letters, whatever the reader does;
/// - stop when the reading is dropped.
#[async_trait]
pub trait DeadLetterArchive: Send + Sync {
    /// Begins to read, at the first letter written at or after `from`, and up
    /// to the last one that is there now; in order within a partition.
    ///
    /// # Errors
    /// [`ArchiveError`] says what is in the way.
    async fn read(&self, from: Option<Timestamp>) -> Result<DeadLetterReading, ArchiveError>;
}

/// Letters as they come; the end of the channel is the end.
#[derive(Debug)]
pub struct DeadLetterReading {
    /// How many places there are to pass, at least as many as letters.
    pub places: u64,
    /// The letters; after an error nothing follows.
    pub letters: mpsc::Receiver<Result<ArchivedLetter, ArchiveError>>,
}

/// A dead letter, where it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedLetter {
    /// The partition it is in.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// When it was written.
    pub written_at: Timestamp,
    /// How many places have been passed, this one included.
    pub passed: u64,
    /// The bytes that were set aside; of a long frame its beginning.
    pub payload: Bytes,
    /// What is known of it; otherwise what cannot be read of it.
    pub account: Result<LetterAccount, String>,
}

/// Why a dead letter is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterAccount {
    /// Which rule it broke.
    pub reason: DeadLetterReason,
    /// What exactly was wrong.
    pub detail: String,
    /// Who sent it.
    pub source: String,
    /// When it was received.
    pub received_at: Timestamp,
    /// The length of the whole frame in bytes.
    pub size_bytes: usize,
}

/// Why dead letters cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("dead letters cannot be read: {reason}")]
pub struct ArchiveError {
    /// What is in the way, and what to do about it.
    pub reason: String,
}
