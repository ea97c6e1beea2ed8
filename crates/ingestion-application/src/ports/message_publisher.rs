//! Where matches go.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{MatchId, Timestamp};
use thiserror::Error;

use super::InvalidFrame;
use crate::{DeadLetterReason, Receipt, ReceivedMatch, SourceName};

/// Takes messages and sees to it that each one arrives.
///
/// Accepting and acknowledging are two moments: [`publish`](Self::publish)
/// takes a message when there is room and returns; the acknowledgement comes
/// back later through the [`Receipt`], from any thread and in any order.
///
/// An implementation MUST
/// - settle each receipt exactly once: [`Receipt::published`] for a match and
///   [`Receipt::dead_lettered`] for a dead letter, and only when the record
///   would survive the loss of this process and of any one broker;
/// - keep a message it has accepted and send it again, however long the outage;
/// - turn a match that is refused for good into a dead letter with
///   [`DeadLetterReason::RefusedByKafka`], under the same receipt;
/// - hold a bounded number of messages and bytes.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait MessagePublisher: Send + Sync {
    /// Waits for room, never for the broker.
    ///
    /// Dropping the returned future before it is ready drops the message and
    /// its receipt: only a caller that gives up for good does so.
    ///
    /// # Errors
    /// [`PublishError`] when this publisher will never send again.
    async fn publish(&self, message: Message, receipt: Receipt) -> Result<(), PublishError>;

    /// The newest match ids that consumers can read in the topic, at most
    /// `count`, the oldest of them first.
    ///
    /// Waits for the brokers. Where delivery is exactly once, no earlier
    /// writer can add anything any more when this returns: whoever published
    /// before is shut out first.
    ///
    /// # Errors
    /// [`PublishError`] when this publisher will never send again.
    async fn published(&self, count: usize) -> Result<Vec<MatchId>, PublishError>;

    /// Waits until every accepted message has been acknowledged.
    ///
    /// # Errors
    /// [`FlushError::DeadlinePassed`] with what was still unacknowledged after
    /// `deadline`; those messages are kept, and further attempts go on.
    async fn flush(&self, deadline: Duration) -> Result<(), FlushError>;
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A match for the consumers.
    Match(ReceivedMatch),
    /// Something set aside for a human.
    DeadLetter(Box<DeadLetter>),
}

impl Message {
    /// When its frame had been read from the socket.
    #[must_use]
    pub fn received_at(&self) -> Timestamp {
        match self {
            Self::Match(found) => found.received_at,
            Self::DeadLetter(letter) => letter.received_at,
        }
    }
}

/// A frame or record that was not published, with everything needed to judge it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Which rule it broke.
    pub reason: DeadLetterReason,
    /// What exactly was wrong, for the person who reads it.
    pub detail: String,
    /// Who sent it.
    pub source: SourceName,
    /// When its frame had been read from the socket.
    pub received_at: Timestamp,
    /// The bytes as they were received; of a long frame its beginning.
    pub payload: Bytes,
    /// The length of the whole frame in bytes.
    pub size_bytes: usize,
}

impl DeadLetter {
    /// As much of a frame is kept, in memory, on disk and in its record: half
    /// of what Kafka takes in one record unless told otherwise.
    pub const PAYLOAD_SIZE_MAX_BYTES: usize = 512 * 1024;

    /// Sets aside an invalid frame; of a long one the rest is let go.
    #[must_use]
    pub fn of(frame: InvalidFrame, source: SourceName, received_at: Timestamp) -> Self {
        let size_bytes = frame.payload.len();
        let payload = if size_bytes > Self::PAYLOAD_SIZE_MAX_BYTES {
            // A slice would keep the whole frame in memory.
            Bytes::copy_from_slice(&frame.payload[..Self::PAYLOAD_SIZE_MAX_BYTES])
        } else {
            frame.payload
        };
        Self {
            reason: frame.reason,
            detail: frame.detail,
            source,
            received_at,
            payload,
            size_bytes,
        }
    }
}

/// Why a message was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PublishError {
    /// The publisher has been stopped, or cannot go on.
    #[error("the publisher has stopped: {reason}")]
    Stopped {
        /// What stopped it.
        reason: String,
    },
    /// Another instance has taken over; it never helps to try again.
    #[error("another instance has taken over: {reason}")]
    Fenced {
        /// How that is known.
        reason: String,
    },
}

/// Why a flush did not complete.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FlushError {
    /// Time ran out.
    #[error("{unacknowledged} messages were still unacknowledged after {deadline:?}")]
    DeadlinePassed {
        /// How many messages are only in memory.
        unacknowledged: u64,
        /// How long it was tried.
        deadline: Duration,
    },
}
