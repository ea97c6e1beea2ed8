//! How Kafka is, for those who ask: the brokers, and the topics.
//!
//! The brokers are asked once a second, also when nothing is published; what
//! is published must be acknowledged within a few seconds. Both together show
//! a broker that is gone as well as one that takes connections and no records.

use std::{sync::Arc, time::Duration};

use health_kit::{Clock, HealthCheck, HealthStatus};
use kafka_kit::{
    brokers::{BrokersHealth, probe_for_ever},
    health::{TopicHealth, TopicTrouble},
    probe::{TopicState, topic_state},
    undecided::Hidden,
};
use rdkafka::{
    error::RDKafkaErrorCode,
    producer::{Producer, ThreadedProducer},
};
use tokio::time::sleep;

use crate::{
    delivery::{client::Context, trouble::Refusal},
    settings::KafkaSettings,
    shared_state::SharedState,
};

/// How often the age of the oldest message is looked at.
const WATCH_PAUSE: Duration = Duration::from_millis(250);
/// A message unacknowledged for so long is stuck: linger, a slow broker and
/// several attempts are behind it.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(3);
/// How long the brokers have to say where they are.
const ANSWER_TIME_MAX: Duration = Duration::from_millis(1500);

/// The conditions `kafka`, `publish_topic`, `dead_letter_topic` and, where there
/// is one, `match_summary_topic`.
pub(crate) struct KafkaHealth {
    shared: SharedState,
    bootstrap_servers: String,
    brokers: BrokersHealth,
    publish_topic: TopicHealth,
    dead_letter_topic: TopicHealth,
    match_summary_topic: Option<TopicHealth>,
}

/// The states of all topics.
struct States {
    matches: TopicState,
    letters: TopicState,
    summaries: Option<TopicState>,
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
            brokers: BrokersHealth::new("kafka", servers, clock),
            publish_topic: topic("publish_topic", &settings.publish_topic, 12),
            dead_letter_topic: topic("dead_letter_topic", &settings.dead_letter_topic, 1),
            match_summary_topic: settings
                .match_summary_topic
                .as_ref()
                .map(|name| topic("match_summary_topic", name, 12)),
        }
    }

    /// The checks, as they are known now.
    pub(crate) fn checks(&self) -> Vec<HealthCheck> {
        let mut checks = vec![
            self.brokers.check(),
            self.publish_topic.check(),
            self.dead_letter_topic.check(),
        ];
        checks.extend(self.match_summary_topic.as_ref().map(TopicHealth::check));
        checks
    }

    /// Asks the brokers, again and again.
    pub(crate) async fn probe_for_ever(
        self: &Arc<Self>,
        producer: impl Fn() -> ThreadedProducer<Context>,
    ) {
        let question = || {
            let (health, producer) = (Arc::clone(self), producer());
            move || health.probe(&producer)
        };
        probe_for_ever(question, |trouble| self.take_answer(Err(trouble))).await;
    }

    /// Tries the brokers' own addresses whenever something does not get on, for ever.
    pub(crate) async fn try_addresses_for_ever(
        &self,
        producer: impl Fn() -> ThreadedProducer<Context>,
    ) {
        let question = || {
            let (producer, topic) = (producer(), self.publish_topic.topic().to_owned());
            move || {
                let client = producer.client();
                client.fetch_metadata(Some(&topic), ANSWER_TIME_MAX).ok()
            }
        };
        let is_stuck = || self.is_stuck();
        self.brokers
            .try_addresses_for_ever(is_stuck, question)
            .await;
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
        let ask_all = || {
            Ok(States {
                matches: ask(&self.publish_topic)?,
                letters: ask(&self.dead_letter_topic)?,
                summaries: self.match_summary_topic.as_ref().map(ask).transpose()?,
            })
        };
        let states: Result<_, RDKafkaErrorCode> = ask_all();
        self.take_answer(states.map_err(|code| {
            let trouble = self.shared.trouble.connection.get();
            trouble.unwrap_or_else(|| code.to_string())
        }));
    }

    /// Judges by the states of all topics, or by why they are not known.
    fn take_answer(&self, states: Result<States, String>) {
        let summaries = self.match_summary_topic.as_ref();
        let answer = match states {
            Ok(states) => {
                let trouble = &self.shared.trouble;
                trouble.connection.forget();
                self.publish_topic
                    .judge(states.matches, self.publish_trouble());
                let letters = written_trouble(&trouble.dead_letters);
                self.dead_letter_topic.judge(states.letters, letters);
                if let Some((health, state)) = summaries.zip(states.summaries) {
                    health.judge(state, written_trouble(&trouble.summaries));
                }
                Ok(())
            }
            Err(trouble) => {
                self.publish_topic.forget();
                self.dead_letter_topic.forget();
                if let Some(summaries) = summaries {
                    summaries.forget();
                }
                Err(trouble)
            }
        };
        self.brokers.take_answer(answer);
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
        let places = |code: RDKafkaErrorCode| {
            let reason = format!(
                "it is not kept where feeds go on after a restart: {code}; allow this user Read \
                 on topic {topic} and on the groups that begin with KAFKA_GROUP_ID"
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
            .or_else(|| self.shared.trouble.places().map(places))
            .or_else(|| written_trouble(matches))
    }

    /// Judges by what is known now.
    pub(crate) fn judge_brokers(&self) {
        let trouble = self.shared.trouble.transactions();
        let trouble = trouble.or_else(|| self.unacknowledged());
        self.brokers
            .judge(self.is_stuck(), trouble, "answer and acknowledge");
    }

    /// Whether the brokers answer some questions, and not all.
    fn is_stuck(&self) -> bool {
        self.shared.trouble.transactions().is_some()
            || self.shared.trouble.reading().is_some()
            || self.stuck_age().is_some()
    }

    /// The age of the oldest message, if it is stuck.
    fn stuck_age(&self) -> Option<Duration> {
        let age = self.shared.room.oldest_age();
        age.filter(|age| *age > ACKNOWLEDGED_WITHIN)
    }

    fn unacknowledged(&self) -> Option<String> {
        let age = self.stuck_age()?;
        Some(format!(
            "the brokers of {} have not acknowledged the oldest record for {} s; \
             check that all of them run and that both topics can be written",
            self.bootstrap_servers,
            age.as_secs()
        ))
    }
}

/// Why records are not written to a topic as they should be.
fn written_trouble(refusal: &Refusal) -> Option<TopicTrouble> {
    let in_batches = || TopicTrouble::LargeBatchesRefused;
    let refused = refusal.get().map(TopicTrouble::Refused);
    refused.or_else(|| refusal.is_of_large_batches().then(in_batches))
}
