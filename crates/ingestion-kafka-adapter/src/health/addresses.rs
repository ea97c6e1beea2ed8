//! Tries the brokers' own addresses while something does not get on.
//!
//! As long as metadata come and something else does not, an address that leads
//! nowhere may be why; what would be blamed otherwise is whatever request
//! happens to be the first without an answer.

use std::{
    sync::{Arc, PoisonError},
    thread,
};

use kafka_kit::addresses::first_unreachable;
use rdkafka::producer::{Producer, ThreadedProducer};
use tokio::{
    sync::oneshot,
    time::{Duration, sleep},
};

use super::{ACKNOWLEDGED_WITHIN, KafkaHealth};
use crate::delivery::client::Context;

/// Between two looks whether something does not get on.
const LOOK_PAUSE: Duration = Duration::from_millis(500);
/// Between two attempts to reach all brokers: each is a connection to each.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(3);
/// How long the brokers have to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_millis(1500);

impl KafkaHealth {
    /// Tries the addresses whenever something does not get on, for ever.
    pub(crate) async fn try_addresses_for_ever(
        self: &Arc<Self>,
        producer: impl Fn() -> ThreadedProducer<Context>,
    ) {
        loop {
            sleep(LOOK_PAUSE).await;
            if !self.is_stuck() {
                self.set_unreachable(None);
                continue;
            }
            let (producer, topic) = (producer(), self.publish_topic.topic().to_owned());
            let (done, answer) = oneshot::channel();
            // Names are resolved for as long as the system likes: in a thread
            // of its own, as the probe.
            let thread = thread::Builder::new().name("kafka-addresses".to_owned());
            let started = thread.spawn(move || {
                let client = producer.client();
                let metadata = client.fetch_metadata(Some(&topic), ANSWER_TIME_MAX);
                // Without metadata the probe says why.
                let found = metadata.ok().and_then(|found| first_unreachable(&found));
                // Nobody listens any more after a stop.
                let _ = done.send(found);
            });
            // Without a thread there is no attempt: the next one, then.
            if started.is_ok() {
                self.set_unreachable(answer.await.expect("trying does not panic"));
                sleep(TRY_AGAIN_AFTER).await;
            }
        }
    }

    /// Whether the brokers answer some questions, and not all.
    fn is_stuck(&self) -> bool {
        self.shared.trouble.transactions().is_some()
            || self.shared.trouble.reading().is_some()
            || self
                .shared
                .room
                .oldest_age()
                .is_some_and(|age| age > ACKNOWLEDGED_WITHIN)
    }

    /// The broker that cannot be reached, as long as something does not get on.
    pub(super) fn unreachable(&self) -> Option<String> {
        if !self.is_stuck() {
            return None;
        }
        // A whole value is replaced: a panic elsewhere spoils nothing.
        let unreachable = self.unreachable.lock();
        unreachable.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_unreachable(&self, found: Option<String>) {
        // A whole value is replaced: a panic elsewhere spoils nothing.
        let unreachable = self.unreachable.lock();
        *unreachable.unwrap_or_else(PoisonError::into_inner) = found;
    }
}
