//! librdkafka's way to us: who has which partitions, and what is in the way.

use std::sync::Arc;

use rdkafka::{
    ClientContext, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance},
    error::{KafkaError, RDKafkaErrorCode},
};
use tokio_util::sync::DropGuard;

use super::{TopicPartition, buffer::Buffer};
use crate::{
    connection::ConnectionTrouble,
    error_code::{code_of, is_of_brokers},
    log,
};

/// The callbacks of a member.
pub(super) struct Context {
    buffer: Arc<Buffer>,
    connection: Arc<ConnectionTrouble>,
    /// Dropped with the client, when it has left the group.
    _left: DropGuard,
}

impl Context {
    pub(super) fn new(
        buffer: Arc<Buffer>,
        connection: Arc<ConnectionTrouble>,
        left: DropGuard,
    ) -> Self {
        Self {
            buffer,
            connection,
            _left: left,
        }
    }

    fn partitions(&self, list: &TopicPartitionList) -> Vec<TopicPartition> {
        let elements = list.elements();
        let partition = |one: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
            self.buffer.partition(one.topic(), one.partition())
        };
        elements.iter().map(partition).collect()
    }
}

/// Both run in the thread that polls; what is not polled meanwhile is
/// heartbeats, which librdkafka sends from a thread of its own.
impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, change: &Rebalance<'_>) {
        match change {
            Rebalance::Assign(list) => {
                let partitions = self.partitions(list);
                tracing::info!(partitions = partitions.len(), "partitions are added");
                self.buffer.assign(partitions);
            }
            Rebalance::Revoke(list) => {
                let partitions = self.partitions(list);
                let is_lost = consumer.assignment_lost();
                tracing::info!(
                    partitions = partitions.len(),
                    is_lost,
                    "partitions are taken away"
                );
                if is_lost {
                    self.buffer.lose(partitions);
                } else {
                    self.buffer.revoke(&partitions);
                }
            }
            // What comes next is that nothing is assigned any more.
            Rebalance::Error(error) => {
                tracing::warn!(%error, "the group has failed to share its partitions");
                self.buffer.lose_all();
            }
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, change: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = change {
            // A partition that was paused when it went comes back paused.
            let changed = if self.buffer.note(|status| status.is_paused) {
                consumer.pause(list)
            } else {
                consumer.resume(list)
            };
            if let Err(error) = changed {
                tracing::warn!(%error, "partitions are not paused or resumed");
            }
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log::log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        use RDKafkaErrorCode::{GroupAuthorizationFailed, TopicAuthorizationFailed};
        match code_of(&error) {
            GroupAuthorizationFailed | TopicAuthorizationFailed => self
                .buffer
                .note(|status| status.trouble = Some(reason.to_owned())),
            // It passes, or has a check of its own as a topic that is missing.
            code if is_of_brokers(code) => tracing::debug!(%code, "librdkafka: {reason}"),
            _ => self.connection.note(&error, reason),
        }
    }
}
