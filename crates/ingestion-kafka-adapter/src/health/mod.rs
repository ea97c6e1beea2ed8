//! How Kafka is, for those who ask: the brokers, and both topics.
//!
//! The brokers are asked once a second, also when nothing is published; what
//! is published must be acknowledged within a few seconds. Both together show
//! a broker that is gone as well as one that takes connections and no records.

mod addresses;
mod advice;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use health_kit::{Clock, Condition, HealthCheck, HealthStatus};
use kafka_kit::probe::{TopicState, topic_state};
use rdkafka::{
    error::RDKafkaErrorCode,
    producer::{Producer, ThreadedProducer},
};
use tokio::{sync::oneshot, time::sleep};

use self::advice::{advice_for_connections, explain_refusal};
use crate::{
    delivery::{
        client::Context,
        room::Room,
        trouble::{Refusal, Trouble},
    },
    settings::KafkaSettings,
    topic::{readable::Readability, undecided::Hidden},
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
    room: Arc<Room>,
    trouble: Arc<Trouble>,
    readability: Arc<Readability>,
    bootstrap_servers: String,
    brokers: Condition,
    /// Whether the last probe was answered, or why not; none before the first.
    answer: Mutex<Option<Result<(), String>>>,
    /// The broker that cannot be reached at its own address, while that is in the way.
    unreachable: Mutex<Option<String>>,
    publish_topic: TopicHealth,
    dead_letter_topic: TopicHealth,
}

/// One topic and its condition.
struct TopicHealth {
    topic: String,
    bootstrap_servers: String,
    /// What to create it with, when it is missing.
    create_command: String,
    condition: Condition,
    /// False as long as no broker answers: what one says then is news.
    is_known: AtomicBool,
}

/// Why a topic cannot be read that must be.
#[derive(Debug, Clone, Copy)]
enum ReadingTrouble {
    /// The brokers do not let it.
    Refused(RDKafkaErrorCode),
    /// What is hidden must be decided before anything is published.
    Awaited(Hidden),
    /// It can be published, and nobody can read it.
    Hidden(Hidden),
}

impl KafkaHealth {
    pub(crate) fn new(
        settings: &KafkaSettings,
        room: Arc<Room>,
        trouble: Arc<Trouble>,
        readability: Arc<Readability>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let servers = &settings.client.bootstrap_servers;
        let condition = |name| {
            let reason = format!("no broker of {servers} has answered yet");
            Condition::new(name, HealthStatus::Unhealthy, reason, Arc::clone(clock))
        };
        let topic = |name, topic: &str, partitions: u32| TopicHealth {
            topic: topic.to_owned(),
            bootstrap_servers: servers.clone(),
            create_command: format!(
                "kafka-topics.sh --bootstrap-server {servers} --create --topic {topic} \
                 --partitions {partitions}"
            ),
            condition: condition(name),
            is_known: AtomicBool::new(false),
        };
        Self {
            room,
            trouble,
            readability,
            bootstrap_servers: servers.clone(),
            brokers: condition("kafka"),
            answer: Mutex::default(),
            unreachable: Mutex::default(),
            publish_topic: topic("publish_topic", &settings.publish_topic, 12),
            dead_letter_topic: topic("dead_letter_topic", &settings.dead_letter_topic, 1),
        }
    }

    /// The three checks, as they are known now.
    pub(crate) fn checks(&self) -> Vec<HealthCheck> {
        [
            &self.brokers,
            &self.publish_topic.condition,
            &self.dead_letter_topic.condition,
        ]
        .map(Condition::check)
        .into()
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
            self.room.tick();
            self.judge_brokers();
        }
    }

    fn probe(&self, producer: &ThreadedProducer<Context>) {
        let ask = |health: &TopicHealth| topic_state(producer.client(), &health.topic);
        let states =
            ask(&self.publish_topic).and_then(|first| Ok((first, ask(&self.dead_letter_topic)?)));
        self.take_answer(states.map_err(|code| {
            let trouble = self.trouble.connection();
            trouble.unwrap_or_else(|| code.to_string())
        }));
    }

    /// Judges by the states of both topics, or by why they are not known.
    fn take_answer(&self, states: Result<(TopicState, TopicState), String>) {
        let answer = match states {
            Ok((publish_topic, dead_letter_topic)) => {
                self.trouble.forget_connection();
                let (matches, letters) = (&self.trouble.matches, &self.trouble.dead_letters);
                let reading = self.reading_trouble();
                self.publish_topic.judge(publish_topic, matches, reading);
                self.dead_letter_topic
                    .judge(dead_letter_topic, letters, None);
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

    fn reading_trouble(&self) -> Option<ReadingTrouble> {
        let refused = self.trouble.reading();
        let refused = refused.map(ReadingTrouble::Refused);
        let awaited = self.readability.awaited().map(ReadingTrouble::Awaited);
        let hidden = self.readability.hidden().map(ReadingTrouble::Hidden);
        refused.or(awaited).or(hidden)
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
        let transactions = self.trouble.transactions();
        let unreachable = self.unreachable();
        match (answer, self.room.oldest_age()) {
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

impl TopicHealth {
    /// Judges by its state, by whether records are refused, and by why it
    /// cannot be read although it must be.
    fn judge(&self, state: TopicState, refusal: &Refusal, reading: Option<ReadingTrouble>) {
        let (status, reason) = self.assess(state, refusal, reading);
        let was_known = self.is_known.swap(true, Ordering::Relaxed);
        if self.condition.set(status, reason) || !was_known {
            log(&self.condition);
        }
    }

    /// Says that nothing is known; not logged, as the missing answer itself is.
    fn forget(&self) {
        self.is_known.store(false, Ordering::Relaxed);
        let reason = format!("topic {} is not known while no broker answers", self.topic);
        self.condition.set(HealthStatus::Unhealthy, reason);
    }

    fn assess(
        &self,
        state: TopicState,
        refusal: &Refusal,
        reading: Option<ReadingTrouble>,
    ) -> (HealthStatus, String) {
        let topic = &self.topic;
        match (state, refusal.get()) {
            (TopicState::Ready { .. }, None) if let Some(trouble) = reading => {
                trouble.assess(topic, &self.bootstrap_servers)
            }
            (TopicState::Ready { .. }, None) if refusal.is_of_large_batches() => {
                let reason = format!(
                    "topic {topic} refuses large batches, their records are sent one by one; \
                     raise its max.message.bytes, or lower the property batch.size"
                );
                (HealthStatus::Degraded, reason)
            }
            (TopicState::Ready { partitions }, None) => (
                HealthStatus::Healthy,
                format!(
                    "topic {topic} has {}, each with a leader",
                    count_of_partitions(partitions)
                ),
            ),
            (TopicState::Leaderless { partitions, of }, None) => (
                HealthStatus::Degraded,
                format!(
                    "topic {topic} has no leader for {partitions} of {}: \
                     their records wait until a replica's broker is back",
                    count_of_partitions(of)
                ),
            ),
            (TopicState::Ready { .. } | TopicState::Leaderless { .. }, Some(code)) => {
                (HealthStatus::Unhealthy, explain_refusal(topic, code))
            }
            (TopicState::Missing, _) => (
                HealthStatus::Unhealthy,
                format!(
                    "topic {topic} does not exist; create it: {}",
                    self.create_command
                ),
            ),
            (TopicState::Forbidden, _) => (
                HealthStatus::Unhealthy,
                format!("topic {topic} may not be seen; allow this user Describe on it"),
            ),
            (TopicState::Failed(code), _) => (
                HealthStatus::Unhealthy,
                format!("topic {topic} cannot be used: {code}"),
            ),
        }
    }
}

impl ReadingTrouble {
    fn assess(self, topic: &str, servers: &str) -> (HealthStatus, String) {
        match self {
            Self::Refused(code) => {
                let advice = match code {
                    RDKafkaErrorCode::TopicAuthorizationFailed => "allow this user Read on it",
                    _ => "check that all brokers run",
                };
                let reason = format!("topic {topic} cannot be read: {code}; {advice}");
                (HealthStatus::Unhealthy, reason)
            }
            Self::Awaited(hidden) => {
                let reason = format!(
                    "nothing is published until it is known what topic {topic} holds: {}",
                    hidden.explain(topic, servers)
                );
                (HealthStatus::Unhealthy, reason)
            }
            Self::Hidden(hidden) => {
                let reason = format!(
                    "consumers cannot read what is published: {}",
                    hidden.explain(topic, servers)
                );
                (HealthStatus::Degraded, reason)
            }
        }
    }
}

fn count_of_partitions(count: usize) -> String {
    format!("{count} partition{}", if count == 1 { "" } else { "s" })
}

fn log(condition: &Condition) {
    let check = condition.check();
    if check.status == HealthStatus::Healthy {
        tracing::info!(check = &*check.name, "{}", check.reason);
    } else {
        tracing::warn!(check = &*check.name, "{}", check.reason);
    }
}
