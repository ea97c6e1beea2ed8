//! librdkafka's way to us: what the group has shared out.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rdkafka::{
    ClientContext, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance},
    error::{KafkaError, RDKafkaErrorCode},
};

use super::standing::{Shared, Standing};
use crate::{error_code::code_of, log};

/// The callbacks of a member.
pub(super) struct Context {
    shared: Arc<Shared>,
    /// Whether the group has missed this member.
    is_missed: AtomicBool,
}

impl Context {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            is_missed: AtomicBool::new(false),
        }
    }

    pub(super) fn is_missed(&self) -> bool {
        self.is_missed.load(Ordering::Relaxed)
    }

    fn holds_first_partition(&self, list: &TopicPartitionList) -> bool {
        let topic = self.shared.topic();
        list.find_partition(topic, 0).is_some()
    }
}

/// All run in the thread that polls. That partitions are taken back says
/// nothing yet: the group takes them all back, then shares them out.
impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, change: &Rebalance<'_>) {
        match change {
            Rebalance::Assign(list) => {
                let is_owner = self.holds_first_partition(list);
                self.shared.set_standing(if is_owner {
                    Standing::Owner
                } else {
                    Standing::Other
                });
            }
            Rebalance::Revoke(_) if consumer.assignment_lost() => {
                self.is_missed.store(true, Ordering::Relaxed);
            }
            Rebalance::Revoke(_) => {}
            Rebalance::Error(error) => {
                tracing::warn!(%error, "the group has failed to share its topic out");
                self.is_missed.store(true, Ordering::Relaxed);
            }
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, change: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = change
            && let Err(error) = consumer.pause(list)
        {
            tracing::debug!(%error, "records come that nobody asked for, and are passed over");
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log::log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        use RDKafkaErrorCode::{GroupAuthorizationFailed, TopicAuthorizationFailed};
        let code = code_of(&error);
        if matches!(code, GroupAuthorizationFailed | TopicAuthorizationFailed) {
            self.shared.set_trouble(Some(reason.to_owned()));
        }
        // Others pass, or are told by whoever asks the brokers for something.
        tracing::debug!(%code, "ownership: {reason}");
    }
}
