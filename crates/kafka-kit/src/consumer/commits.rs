//! The thread that commits.
//!
//! A commit waits for its answer, for as long as a session when the coordinator
//! is away. The thread that polls must not wait so long, and it waits itself
//! while partitions are let go of.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
    error::KafkaError,
};
use thiserror::Error;
use tokio::{sync::oneshot, time::timeout};

use super::{TopicPartition, buffer::Buffer, context::Context};
use crate::error_code::code_of;

/// How long a commit is waited for. It may still succeed afterwards.
const COMMIT_TIME_MAX: Duration = Duration::from_secs(5);

/// A commit did not get through, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommitError {
    /// The coordinator, or librdkafka, has refused.
    #[error("{0}")]
    Refused(String),
    /// There is no answer yet.
    #[error("the group's coordinator does not answer")]
    Unanswered,
    /// This member has left the group.
    #[error("the group has been left")]
    Left,
}

/// The way to the thread; dropped, it ends.
pub(super) struct Commits(SyncSender<Request>);

struct Request {
    positions: Vec<(TopicPartition, i64)>,
    outcome: oneshot::Sender<Outcome>,
}

pub(super) type Outcome = Result<(), CommitError>;

impl Commits {
    pub(super) fn start(
        consumer: Arc<BaseConsumer<Context>>,
        buffer: Arc<Buffer>,
    ) -> io::Result<Self> {
        // One waits behind the one that is on its way.
        let (sender, requests) = sync_channel(1);
        thread::Builder::new()
            .name("kafka-commit".to_owned())
            .spawn(move || commit_for_ever(&consumer, &buffer, &requests))?;
        Ok(Self(sender))
    }

    pub(super) fn begin(
        &self,
        positions: Vec<(TopicPartition, i64)>,
    ) -> Result<oneshot::Receiver<Outcome>, CommitError> {
        let (outcome, answer) = oneshot::channel();
        match self.0.try_send(Request { positions, outcome }) {
            Ok(()) => Ok(answer),
            Err(TrySendError::Full(_)) => Err(CommitError::Unanswered),
            Err(TrySendError::Disconnected(_)) => Err(CommitError::Left),
        }
    }
}

pub(super) async fn wait(answer: oneshot::Receiver<Outcome>) -> Outcome {
    match timeout(COMMIT_TIME_MAX, answer).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(CommitError::Left),
        Err(_) => Err(CommitError::Unanswered),
    }
}

fn commit_for_ever(
    consumer: &BaseConsumer<Context>,
    buffer: &Buffer,
    requests: &Receiver<Request>,
) {
    for Request { positions, outcome } in requests {
        let committed = commit(consumer, buffer, positions);
        buffer.note(|status| {
            status.commit_trouble = committed.as_ref().err().map(ToString::to_string);
        });
        // Whoever asked may have given up waiting.
        let _ = outcome.send(committed);
    }
}

fn commit(
    consumer: &BaseConsumer<Context>,
    buffer: &Buffer,
    mut positions: Vec<(TopicPartition, i64)>,
) -> Outcome {
    // Asked for now, as partitions may have gone since, and come back.
    buffer.note(|status| {
        positions.retain(|(partition, position)| {
            let known = status.partitions.get(partition);
            known.is_some_and(|known| known.may_commit(*position))
        });
    });
    if positions.is_empty() {
        return Ok(());
    }
    let refused = |error: KafkaError| CommitError::Refused(code_of(&error).to_string());
    let mut list = TopicPartitionList::with_capacity(positions.len());
    for (partition, offset) in &positions {
        let offset = Offset::Offset(*offset);
        list.add_partition_offset(&partition.topic, partition.partition, offset)
            .map_err(refused)?;
    }
    consumer.commit(&list, CommitMode::Sync).map_err(refused)?;
    buffer.note(|status| {
        // It takes the same permissions to read.
        status.trouble = None;
        for (partition, offset) in &positions {
            if let Some(known) = status.partitions.get_mut(partition) {
                known.committed = Some(*offset);
            }
        }
    });
    Ok(())
}
