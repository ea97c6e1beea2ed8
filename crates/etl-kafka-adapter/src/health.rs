//! How Kafka is, for those who ask: the brokers, each topic, and the member's partitions.

use std::{sync::Arc, time::Duration};

use health_kit::{Clock, HealthCheck, HealthReporter, HealthStatus};
use kafka_kit::{
    brokers::{BrokersHealth, probe_for_ever},
    consumer::{GroupHealth, GroupStatus},
    health::{TopicHealth, TopicTrouble},
    probe::TopicState,
};
use rdkafka::error::RDKafkaErrorCode;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    dead_letters::{KafkaDeadLetters, Refusal},
    records::KafkaRecords,
    settings::KafkaSettings,
};

/// With so many partitions missing topics would be created.
pub(crate) const PARTITIONS_OF_READ: u32 = 12;
pub(crate) const PARTITIONS_OF_LETTERS: u32 = 1;

/// A group is joined within so long, if its coordinator can be reached.
const JOINED_WITHIN: Duration = Duration::from_secs(10);

/// The conditions `kafka`, `topic.<name>` of each topic, and `partitions`.
///
/// [`watch`](Self::watch) must run beside it: without it nothing is known.
pub struct KafkaHealth {
    records: Arc<KafkaRecords>,
    refusal: Arc<Refusal>,
    since: Instant,
    brokers: BrokersHealth,
    read: Vec<TopicHealth>,
    dead_letters: TopicHealth,
    partitions: GroupHealth,
}

impl KafkaHealth {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(
        settings: &KafkaSettings,
        records: Arc<KafkaRecords>,
        dead_letters: &KafkaDeadLetters,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let servers = &settings.client.bootstrap_servers;
        let topic = |topic: &str, partitions: u32| {
            TopicHealth::new(format!("topic.{topic}"), topic, partitions, servers, clock)
        };
        Self {
            records,
            refusal: dead_letters.refusal(),
            since: Instant::now(),
            brokers: BrokersHealth::new("kafka", servers, clock),
            read: settings
                .topics()
                .map(|name| topic(name, PARTITIONS_OF_READ))
                .collect(),
            dead_letters: topic(&settings.dead_letter_topic, PARTITIONS_OF_LETTERS),
            partitions: GroupHealth::new("partitions", &settings.group_id, clock),
        }
    }

    /// Asks the brokers, again and again, until `stop`.
    pub async fn watch(self: &Arc<Self>, stop: CancellationToken) {
        let question = || {
            let health = Arc::clone(self);
            move || health.probe()
        };
        let metadata = || {
            let health = Arc::clone(self);
            move || {
                let topic = health.dead_letters.topic();
                health.records.group.metadata(topic).ok()
            }
        };
        let watch = async {
            tokio::join!(
                probe_for_ever(question, |trouble| self.take_answer(Err(trouble))),
                self.brokers
                    .try_addresses_for_ever(|| self.is_stuck(), metadata),
            )
        };
        stop.run_until_cancelled(watch).await;
    }

    fn probe(&self) {
        let group = &self.records.group;
        let all = self.read.iter().chain([&self.dead_letters]);
        let states: Result<Vec<_>, RDKafkaErrorCode> =
            all.map(|topic| group.topic_state(topic.topic())).collect();
        if states.is_ok()
            && let Err(code) = group.look_for_ends()
        {
            // What was known stays, and the next question comes soon.
            tracing::debug!(%code, "the ends of partitions are not told");
        }
        self.take_answer(states.map_err(|code| {
            let trouble = group.connection().get();
            trouble.unwrap_or_else(|| code.to_string())
        }));
    }

    /// Judges by the states of all topics, or by why they are not known.
    fn take_answer(&self, states: Result<Vec<TopicState>, String>) {
        let member = self.records.group.status();
        let answer = states.map(|states| {
            self.records.group.connection().forget();
            let (letters, read) = states.split_last().expect("there is one of dead letters");
            for (topic, state) in self.read.iter().zip(read) {
                topic.judge(*state, Some(reading(topic.topic(), *state, &member)));
            }
            let refused = self.refusal.of_brokers().map(TopicTrouble::Refused);
            self.dead_letters.judge(*letters, refused);
        });
        if answer.is_err() {
            self.read.iter().for_each(TopicHealth::forget);
            self.dead_letters.forget();
        }
        self.partitions.judge(&member);
        self.brokers.take_answer(answer);
        self.brokers.judge(self.is_stuck(), None, "answer");
    }

    /// Whether the brokers answer some questions, and not all.
    fn is_stuck(&self) -> bool {
        let status = self.records.group.status();
        status.commit_trouble.is_some()
            || !status.has_joined && self.since.elapsed() > JOINED_WITHIN
    }
}

/// What this instance has of a topic, and how far it is.
fn reading(topic: &str, state: TopicState, status: &GroupStatus) -> TopicTrouble {
    let of = match state {
        TopicState::Ready { partitions } => partitions,
        _ => 0,
    };
    let count = status.partition_count(topic);
    let lag = match status.lag(topic) {
        _ if count == 0 => String::new(),
        None => ", and does not know yet how far they go".to_owned(),
        Some(0) => ", and has read all of them".to_owned(),
        Some(1) => ", with one record to go".to_owned(),
        Some(lag) => format!(", with {lag} records to go"),
    };
    let reason =
        format!("this instance reads {count} of the {of} partitions of topic {topic}{lag}");
    TopicTrouble::Other(HealthStatus::Healthy, reason)
}

impl HealthReporter for KafkaHealth {
    fn checks(&self) -> Vec<HealthCheck> {
        let topics = self.read.iter().chain([&self.dead_letters]);
        let topics = topics.map(TopicHealth::check);
        [self.brokers.check()]
            .into_iter()
            .chain(topics)
            .chain([self.partitions.check()])
            .collect()
    }
}
