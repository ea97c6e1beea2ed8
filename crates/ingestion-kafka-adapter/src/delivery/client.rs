//! librdkafka's way to us: what becomes of the records of one client.

use std::{sync::Arc, time::Duration};

use kafka_kit::{error_code::code_of, log};
use rdkafka::{
    ClientContext, Message as _,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::{Producer, ProducerContext, PurgeConfig, ThreadedProducer},
};

use crate::delivery::{
    in_flight::InFlight, record::Topics, trouble::Trouble, unreported::Unreported,
};

/// For so long a producer that is given up may take to say what has become of
/// the messages it has.
const RETIRE_TIME_MAX: Duration = Duration::from_millis(500);

/// Who is told what becomes of each record.
pub(crate) trait Outcomes: Send + Sync {
    /// It is in its topic, at this place; the offset is negative where brokers
    /// do not say it.
    fn delivered(&self, message: Box<InFlight>, partition: i32, offset: i64);

    /// It is not in its topic, and why.
    fn failed(&self, message: Box<InFlight>, code: RDKafkaErrorCode);

    /// Partitions have gone, perhaps with messages on their way, see
    /// [`Unreported::has_lost_partitions`].
    fn lost_partitions(&self);
}

/// Its callbacks, one for each client.
pub(crate) struct Context {
    pub(crate) unreported: Unreported,
    outcomes: Arc<dyn Outcomes>,
    trouble: Arc<Trouble>,
}

impl Context {
    pub(crate) fn new(outcomes: Arc<dyn Outcomes>, trouble: Arc<Trouble>) -> Self {
        Self {
            unreported: Unreported::default(),
            outcomes,
            trouble,
        }
    }

    /// The record with this key was not taken.
    fn not_taken(&self, key: usize, code: RDKafkaErrorCode) {
        if let Some(message) = self.unreported.remove(key) {
            self.outcomes.failed(message, code);
        }
    }

    /// Takes back what the client has not reported, which gets nothing more.
    fn take_back(&self) {
        for message in self.unreported.take_all() {
            self.outcomes
                .failed(message, RDKafkaErrorCode::PurgeInflight);
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, key: usize) {
        let Some(message) = self.unreported.remove(key) else {
            // The client was given up, and the message is sent by another one.
            return;
        };
        match result {
            Ok(record) => self
                .outcomes
                .delivered(message, record.partition(), record.offset()),
            Err((error, _)) => self.outcomes.failed(message, code_of(error)),
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        if facility == PARTITION_COUNT_FACILITY && !tells_of_more_partitions(line) {
            self.unreported.set_lost_partitions(true);
            self.outcomes.lost_partitions();
        }
        log::log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.trouble.connection.note(&error, reason);
    }
}

/// Hands a message to librdkafka; if it is not taken it has failed.
pub(crate) fn send(producer: &ThreadedProducer<Context>, message: Box<InFlight>, topics: &Topics) {
    let context = producer.context();
    topics.with_record(message, &context.unreported, |record| {
        if let Err((error, record)) = producer.send(record) {
            // Also a full queue: it has emptied a little when this is sent again.
            context.not_taken(record.delivery_opaque, code_of(&error));
        }
    });
}

/// Takes back everything a producer has that gets nothing more.
pub(crate) fn retire(producer: &ThreadedProducer<Context>) {
    producer.purge(PurgeConfig::default().queue().inflight());
    if producer.flush(RETIRE_TIME_MAX).is_err() {
        tracing::debug!(
            messages = producer.in_flight_count(),
            "a producer that is given up does not report all of its messages"
        );
    }
    producer.context().take_back();
}

/// The number of a topic's partitions has changed, as librdkafka calls it; it
/// tells of that in no other way.
const PARTITION_COUNT_FACILITY: &str = "PARTCNT";

/// Whether the line about a number of partitions says that it has grown:
/// "Topic matches partition count changed from 3 to 12".
fn tells_of_more_partitions(line: &str) -> bool {
    let number = |word: &str| word.parse::<u32>().ok();
    let mut words = line.rsplit(' ');
    let (new, old) = (words.next(), words.nth(1));
    old.and_then(number)
        .zip(new.and_then(number))
        .is_some_and(|(old, new)| old < new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_partitions_that_are_added_are_no_loss() {
        let line =
            |change: &str| format!("[thrd:main]: Topic a b partition count changed {change}");
        assert!(tells_of_more_partitions(&line("from 9 to 12")));
        for loss in ["from 12 to 0", "from 12 to 9", "in words not known", ""] {
            assert!(!tells_of_more_partitions(&line(loss)), "{loss}");
        }
    }
}
