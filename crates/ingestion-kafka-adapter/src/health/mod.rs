//! How Kafka is, for those who ask: the brokers, and both topics.
//!
//! The brokers are asked once a second, also when nothing is published; what
//! is published must be acknowledged within a few seconds. Both together show
//! a broker that is gone as well as one that takes connections and no records.

mod addresses;

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use health_kit::{Clock, Condition, HealthCheck, HealthStatus};
use kafka_kit::{
    advice::advice_for_connections,
    health::{TopicHealth, TopicTrouble, log, unknown},
    probe::{TopicState, topic_state},
};
use rdkafka::producer::{Producer, ThreadedProducer};
use tokio::{sync::oneshot, time::sleep};

use crate::{
    delivery::{client::Context, trouble::Refusal},
    settings::KafkaSettings,
    shared_state::SharedState,
    topic::undecided::Hidden,
};

/// Pause between two questions to the brokers. With the time two of them may
/// take unanswered, a loss shows within four seconds and a half.
const PROBE_PAUSE: Duration = Duration::from_secs(1);
/// How often the age of the oldest message is looked at.
const WATCH_PAUSE: Duration = Duration::from_millis(250);
/// A message unacknowledged for so long is stuck: linger, a slow broker and
/// several attempts are behind it.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(3);

/// The conditions `kafka`, `publish_topic` and `dead_letter_topic`.
pub(crate) struct KafkaHealth {
    shared: SharedState,
    bootstrap_servers: String,
    brokers: Condition,
    /// Whether the last probe was answered, or why not; none before the first.
    answer: Mutex<Option<Result<(), String>>>,
    /// The broker that cannot be reached at its own address, while that is in the way.
    unreachable: Mutex<Option<String>>,
    publish_topic: TopicHealth,
    dead_letter_topic: TopicHealth,
}

impl KafkaHealth {
    pub(crate) fn new(
        settings: &KafkaSettings,
        shared: SharedState,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let servers = &settings.client.bootstrap_servers;
        let topic = |name, topic: &str, partitions: u32| {
            TopicHealth::new(name, topic, partitions, servers, clock)
        };
        Self {
            shared,
            bootstrap_servers: servers.clone(),
            brokers: unknown("kafka", servers, clock),
            answer: Mutex::default(),
            unreachable: Mutex::default(),
            publish_topic: topic("publish_topic", &settings.publish_topic, 12),
            dead_letter_topic: topic("dead_letter_topic", &settings.dead_letter_topic, 1),
        }
    }

    /// The three checks, as they are known now.
    pub(crate) fn checks(&self) -> Vec<HealthCheck> {
        vec![
            self.brokers.check(),
            self.publish_topic.check(),
            self.dead_letter_topic.check(),
        ]
    }

    /// Asks the brokers, again and again.
    pub(crate) async fn probe_for_ever(
        self: &Arc<Self>,
        producer: impl Fn() -> ThreadedProducer<Context>,
    ) {
        loop {
            let (health, producer) = (Arc::clone(self), producer());
            let (done, answer) = oneshot::channel();
            // The question blocks. A thread of its own, unlike one of the
            // runtime's, holds nobody up who stops while brokers are silent.
            let thread = thread::Builder::new().name("kafka-probe".to_owned());
            let started = thread.spawn(move || {
                health.probe(&producer);
                // Nobody listens any more after a stop.
                let _ = done.send(());
            });
            match started {
                Ok(_) => answer.await.expect("a probe does not panic"),
                Err(error) => self.take_answer(Err(format!(
                    "they cannot be asked, as no thread can be started: {error}"
                ))),
            }
            sleep(PROBE_PAUSE).await;
        }
    }

    /// Watches the age of the oldest message, again and again.
    pub(crate) async fn watch_for_ever(&self) {
        loop {
            sleep(WATCH_PAUSE).await;
            self.shared.room.tick();
            self.judge_brokers();
        }
    }

    fn probe(&self, producer: &ThreadedProducer<Context>) {
        let ask = |health: &TopicHealth| topic_state(producer.client(), health.topic());
        let states =
            ask(&self.publish_topic).and_then(|first| Ok((first, ask(&self.dead_letter_topic)?)));
        self.take_answer(states.map_err(|code| {
            let trouble = self.shared.trouble.connection();
            trouble.unwrap_or_else(|| code.to_string())
        }));
    }

    /// Judges by the states of both topics, or by why they are not known.
    fn take_answer(&self, states: Result<(TopicState, TopicState), String>) {
        let answer = match states {
            Ok((publish_topic, dead_letter_topic)) => {
                self.shared.trouble.forget_connection();
                self.publish_topic
                    .judge(publish_topic, self.publish_trouble());
                let letters = written_trouble(&self.shared.trouble.dead_letters);
                self.dead_letter_topic.judge(dead_letter_topic, letters);
                Ok(())
            }
            Err(trouble) => {
                self.publish_topic.forget();
                self.dead_letter_topic.forget();
                Err(trouble)
            }
        };
        // A whole value is replaced: a panic elsewhere spoils nothing.
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        self.judge_brokers();
    }

    /// What is wrong with the topic of matches: it must take them, be read, and
    /// let others read.
    fn publish_trouble(&self) -> Option<TopicTrouble> {
        let (topic, servers) = (self.publish_topic.topic(), &self.bootstrap_servers);
        let awaited = |hidden: Hidden| {
            let reason = format!(
                "nothing is published until it is known what topic {topic} holds: {}",
                hidden.explain(topic, servers)
            );
            TopicTrouble::Other(HealthStatus::Unhealthy, reason)
        };
        let hidden = |hidden: Hidden| {
            let reason = format!(
                "consumers cannot read what is published: {}",
                hidden.explain(topic, servers)
            );
            TopicTrouble::Other(HealthStatus::Degraded, reason)
        };
        let matches = &self.shared.trouble.matches;
        matches
            .get()
            .map(TopicTrouble::Refused)
            .or_else(|| self.shared.trouble.reading().map(TopicTrouble::Unreadable))
            .or_else(|| self.shared.readability.awaited().map(awaited))
            .or_else(|| self.shared.readability.hidden().map(hidden))
            .or_else(|| written_trouble(matches))
    }

    /// Judges by what is known now.
    pub(crate) fn judge_brokers(&self) {
        let answer = self.answer.lock();
        let Some(answer) = answer.unwrap_or_else(PoisonError::into_inner).clone() else {
            return;
        };
        let (status, reason) = self.assess_brokers(answer);
        if self.brokers.set(status, reason) {
            log(&self.brokers);
        }
    }

    fn assess_brokers(&self, answer: Result<(), String>) -> (HealthStatus, String) {
        let servers = &self.bootstrap_servers;
        let transactions = self.shared.trouble.transactions();
        let unreachable = self.unreachable();
        match (answer, self.shared.room.oldest_age()) {
            (Ok(()), _) if let Some(found) = unreachable => {
                let reason = format!("{servers} answers, but {found}");
                (HealthStatus::Unhealthy, reason)
            }
            (Ok(()), _) if let Some(trouble) = transactions => (HealthStatus::Unhealthy, trouble),
            (Err(trouble), _) => {
                let advice = advice_for_connections(&trouble);
                let reason = format!("no broker of {servers} answers: {trouble}; {advice}");
                (HealthStatus::Unhealthy, reason)
            }
            (Ok(()), Some(age)) if age > ACKNOWLEDGED_WITHIN => {
                let reason = format!(
                    "the brokers of {servers} have not acknowledged the oldest record for {} s; \
                     check that all of them run and that both topics can be written",
                    age.as_secs()
                );
                (HealthStatus::Unhealthy, reason)
            }
            (Ok(()), _) => {
                let reason = format!("the brokers of {servers} answer and acknowledge");
                (HealthStatus::Healthy, reason)
            }
        }
    }
}

/// Why records are not written to a topic as they should be.
fn written_trouble(refusal: &Refusal) -> Option<TopicTrouble> {
    let in_batches = || TopicTrouble::LargeBatchesRefused;
    let refused = refusal.get().map(TopicTrouble::Refused);
    refused.or_else(|| refusal.is_of_large_batches().then(in_batches))
}
