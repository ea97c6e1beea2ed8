//! Where matches go.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{MatchId, Timestamp};
use thiserror::Error;

use super::InvalidFrame;
use crate::{
    Checkpoint, DeadLetterReason, Receipt, ReceivedMatch, ReceivedSummary, SourceName, SummaryKey,
};

/// Takes messages and sees to it that each one arrives.
///
/// Accepting and acknowledging are two moments: [`publish`](Self::publish)
/// takes a message when there is room and returns; the acknowledgement comes
/// back later through the [`Receipt`], from any thread and in any order.
///
/// An implementation MUST
/// - settle each receipt exactly once: [`Receipt::published`] for a match or a
///   summary and [`Receipt::dead_lettered`] for a dead letter, and only when all
///   of its records would survive the loss of this process and of any one broker;
/// - publish a summary together with the id of its match where that is new: as
///   long as both topics take records, consumers see both or neither;
/// - keep a message it has accepted and send it again, however long the outage;
/// - turn what is refused for good into a dead letter with
///   [`DeadLetterReason::RefusedByKafka`], under the same receipt; of a summary
///   with a new id the outcome of the id counts;
/// - keep checkpoints where the next process that publishes under the same name
///   finds them, even after this one has died, and give out none that an earlier
///   process could still replace;
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

    /// What another instance has published, as consumers can read it, as long as
    /// it is not this one's turn to publish; none from then on, and at once where
    /// there is only one.
    ///
    /// Told at first are the newest, so many at most, the oldest of them first,
    /// and each time what has come since the last; after a trouble again the
    /// newest. Returns within a second or so once something was told, also with
    /// nothing new. [`published`](Self::published) then need not tell once more
    /// what was told here.
    ///
    /// # Errors
    /// [`PublishError`] when this publisher will never send.
    async fn followed(
        &self,
        ids_max: usize,
        summaries_max: usize,
    ) -> Result<Option<Followed>, PublishError> {
        let _ = (ids_max, summaries_max);
        Ok(None)
    }

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

    /// The newest summaries that consumers can read in the topic, at most
    /// `count`, the oldest of them first; as [`published`](Self::published),
    /// which is called before.
    ///
    /// # Errors
    /// [`PublishError`] when this publisher will never send again.
    async fn published_summaries(&self, count: usize) -> Result<Vec<SummaryKey>, PublishError>;

    /// By what [`published_summaries`](Self::published_summaries) and
    /// [`followed`](Self::followed) tell of this summary, once it is in the topic.
    /// Never waits.
    fn summary_key(&self, told: &ReceivedSummary) -> SummaryKey {
        SummaryKey::of(told.source.as_str(), &told.summary)
    }

    /// Says that `checkpoint` will be the place of `source` once the message whose
    /// receipt has the sequence `after`, which is about to be published, is settled,
    /// and all that were accepted before it.
    ///
    /// Whoever publishes in transactions keeps it in the one that settles the last
    /// of these, unless that would hold them up. [`keep_checkpoint`](Self::keep_checkpoint)
    /// is called all the same, and then has nothing to do.
    fn announce_checkpoint(&self, source: SourceName, checkpoint: &Checkpoint, after: u64) {
        let _ = (source, checkpoint, after);
    }

    /// Keeps `checkpoint` as the place of `source`, instead of the one before.
    ///
    /// Called when every message up to it is settled, and once more with a later
    /// one only when this has returned. Waits for the brokers, and gives nothing
    /// up: what is in the way of it is in the way of no message.
    ///
    /// # Errors
    /// [`PublishError`] when this publisher will never keep anything again.
    async fn keep_checkpoint(
        &self,
        source: SourceName,
        checkpoint: &Checkpoint,
    ) -> Result<(), PublishError>;

    /// The place of `source` that was kept last; waits for the brokers, as
    /// [`published`](Self::published) does.
    ///
    /// # Errors
    /// [`PublishError`] when this publisher will never send again.
    async fn last_checkpoint(&self, source: SourceName)
    -> Result<Option<Checkpoint>, PublishError>;

    /// Waits until every accepted message has been acknowledged.
    ///
    /// # Errors
    /// [`FlushError::DeadlinePassed`] with what was still unacknowledged after
    /// `deadline`; those messages are kept, and further attempts go on.
    async fn flush(&self, deadline: Duration) -> Result<(), FlushError>;
}

/// What another instance has published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Followed {
    /// Of matches that are in the topic.
    pub ids: Vec<MatchId>,
    /// Of what is known of them.
    pub summaries: Vec<SummaryKey>,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A match for the consumers, of which nothing but the id is to be told.
    Match(ReceivedMatch),
    /// What is known of a match, for the consumers. Shared: it is large, and
    /// several hold it until it is settled.
    Summary(Arc<ReceivedSummary>),
    /// Something set aside for a human.
    DeadLetter(Box<DeadLetter>),
}

impl Message {
    /// When its frame had been read from the socket.
    #[must_use]
    pub fn received_at(&self) -> Timestamp {
        match self {
            Self::Match(found) => found.received_at,
            Self::Summary(told) => told.received_at,
            Self::DeadLetter(letter) => letter.received_at,
        }
    }

    /// Where its frame came from.
    #[must_use]
    pub fn source(&self) -> SourceName {
        match self {
            Self::Match(found) => found.source,
            Self::Summary(told) => told.source,
            Self::DeadLetter(letter) => letter.source,
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
