//! Where records come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use thiserror::Error;
use tokio::sync::oneshot;

use crate::Record;

/// A member of a consumer group that is read as fast as it is asked, and no faster.
///
/// An implementation MUST
/// - stay a member of the group while it is not asked, however long: it keeps
///   at most a bounded number of records ahead, and pauses its partitions beyond;
/// - hand over the records of a partition in their order, each once for as long
///   as the partition stays with this member;
/// - begin where the group's committed position is, or where its settings say
///   when there is none;
/// - get on by itself after every loss of the brokers, for ever;
/// - be cancel safe: a dropped [`next`](Self::next) loses nothing.
#[async_trait]
pub trait RecordConsumer: Send + Sync {
    /// Waits for what happens next; `None` once [`close`](Self::close) was called
    /// and everything from before has been handed over.
    async fn next(&self) -> Option<ConsumerEvent>;

    /// Commits positions, those of partitions that went away left out silently:
    /// who has them now repeats what was not committed.
    ///
    /// Returns when the group's coordinator has them.
    ///
    /// # Errors
    /// [`CommitFailed`]; whoever asks tries again, with what has come since.
    async fn commit(&self, positions: &Positions) -> Result<(), CommitFailed>;

    /// Hands nothing more over, and leaves the group as soon as the last commit is done.
    async fn close(&self);
}

/// What can happen to a member.
#[derive(Debug)]
pub enum ConsumerEvent {
    /// Records have arrived; never empty.
    Records(Vec<Record>),
    /// These partitions go to another member, who waits for it: everything that
    /// can be committed of them is committed before `release` is dropped, for
    /// which there are [`RELEASE_SECONDS_MAX`] seconds.
    Revoked {
        /// Which partitions.
        partitions: Vec<TopicPartition>,
        /// Whoever drops it lets them go.
        release: oneshot::Sender<()>,
    },
    /// These partitions have gone already: nothing of them can be committed.
    Lost(Vec<TopicPartition>),
}

/// How long a group waits for a member to let go of its partitions.
pub const RELEASE_SECONDS_MAX: u64 = 5;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// Its topic.
    pub topic: Arc<str>,
    /// Its number there.
    pub partition: i32,
}

/// For each partition the offset to go on at: one above the last record done.
pub type Positions = BTreeMap<TopicPartition, i64>;

/// A commit did not get through.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the positions were not committed: {detail}")]
pub struct CommitFailed {
    /// What happened, for the person who reads it.
    pub detail: String,
}
