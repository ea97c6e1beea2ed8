//! How brokers and topics are, in words that say what to do.

use std::borrow::Cow;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use health_kit::{Clock, Condition, HealthCheck, HealthStatus};
use rdkafka::error::RDKafkaErrorCode;

use crate::{advice::explain_refusal, probe::TopicState};

/// One topic and its condition.
pub struct TopicHealth {
    topic: String,
    /// What to create it with, when it is missing.
    create_command: String,
    condition: Condition,
    /// False as long as no broker answers: what one says then is news.
    is_known: AtomicBool,
}

/// What is wrong with a topic that is there, as whoever uses it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicTrouble {
    /// The brokers do not take what is written to it.
    Refused(RDKafkaErrorCode),
    /// They do not take it in large batches.
    LargeBatchesRefused,
    /// They do not let it be read.
    Unreadable(RDKafkaErrorCode),
    /// Something else: how bad it is, why, and what to do about it.
    Other(HealthStatus, String),
}

impl TopicHealth {
    /// The check `name` of a topic, about which nothing is known yet; it would
    /// be created with so many partitions.
    #[must_use]
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        topic: &str,
        partitions: u32,
        bootstrap_servers: &str,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        Self {
            topic: topic.to_owned(),
            create_command: create_command(topic, partitions, bootstrap_servers),
            condition: unknown(name, bootstrap_servers, clock),
            is_known: AtomicBool::new(false),
        }
    }

    /// Its name.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The check, as it is known now.
    #[must_use]
    pub fn check(&self) -> HealthCheck {
        self.condition.check()
    }

    /// Judges by its state, and by what is wrong with it although it is there.
    pub fn judge(&self, state: TopicState, trouble: Option<TopicTrouble>) {
        let (status, reason) = self.assess(state, trouble);
        let was_known = self.is_known.swap(true, Ordering::Relaxed);
        if self.condition.set(status, reason) || !was_known {
            self.condition.log();
        }
    }

    /// Says that nothing is known; not logged, as the missing answer itself is.
    pub fn forget(&self) {
        self.is_known.store(false, Ordering::Relaxed);
        let reason = format!("topic {} is not known while no broker answers", self.topic);
        self.condition.set(HealthStatus::Unhealthy, reason);
    }

    fn assess(&self, state: TopicState, trouble: Option<TopicTrouble>) -> (HealthStatus, String) {
        let topic = &self.topic;
        match (state, trouble) {
            (
                TopicState::Ready { .. } | TopicState::Leaderless { .. },
                Some(TopicTrouble::Refused(code)),
            ) => (HealthStatus::Unhealthy, explain_refusal(topic, code)),
            (TopicState::Ready { .. }, Some(trouble)) => trouble.assess(topic),
            (state, _) => explain_state(topic, state, &self.create_command),
        }
    }
}

/// How a topic is by its state alone; it would be created with so many partitions.
#[must_use]
pub fn explain_topic(
    topic: &str,
    partitions: u32,
    bootstrap_servers: &str,
    state: TopicState,
) -> (HealthStatus, String) {
    explain_state(
        topic,
        state,
        &create_command(topic, partitions, bootstrap_servers),
    )
}

fn create_command(topic: &str, partitions: u32, bootstrap_servers: &str) -> String {
    format!(
        "kafka-topics.sh --bootstrap-server {bootstrap_servers} --create --topic {topic} \
         --partitions {partitions}"
    )
}

fn explain_state(topic: &str, state: TopicState, create_command: &str) -> (HealthStatus, String) {
    match state {
        TopicState::Ready { partitions } => (
            HealthStatus::Healthy,
            format!(
                "topic {topic} has {}, each with a leader",
                count_of_partitions(partitions)
            ),
        ),
        TopicState::Leaderless { partitions, of } => (
            HealthStatus::Degraded,
            format!(
                "topic {topic} has no leader for {partitions} of {}: \
                 their records wait until a replica's broker is back",
                count_of_partitions(of)
            ),
        ),
        TopicState::Missing => (
            HealthStatus::Unhealthy,
            format!("topic {topic} does not exist; create it: {create_command}"),
        ),
        TopicState::Forbidden => (
            HealthStatus::Unhealthy,
            format!("topic {topic} may not be seen; allow this user Describe on it"),
        ),
        TopicState::Failed(code) => (
            HealthStatus::Unhealthy,
            format!("topic {topic} cannot be used: {code}"),
        ),
    }
}

impl TopicTrouble {
    fn assess(self, topic: &str) -> (HealthStatus, String) {
        match self {
            Self::Refused(code) => (HealthStatus::Unhealthy, explain_refusal(topic, code)),
            Self::LargeBatchesRefused => {
                let reason = format!(
                    "topic {topic} refuses large batches, their records are sent one by one; \
                     raise its max.message.bytes, or lower the property batch.size"
                );
                (HealthStatus::Degraded, reason)
            }
            Self::Unreadable(code) => {
                let advice = match code {
                    RDKafkaErrorCode::TopicAuthorizationFailed => "allow this user Read on it",
                    _ => "check that all brokers run",
                };
                let reason = format!("topic {topic} cannot be read: {code}; {advice}");
                (HealthStatus::Unhealthy, reason)
            }
            Self::Other(status, reason) => (status, reason),
        }
    }
}

/// A condition about which nothing is known before a broker has answered.
#[must_use]
pub fn unknown(
    name: impl Into<Cow<'static, str>>,
    bootstrap_servers: &str,
    clock: &Arc<dyn Clock>,
) -> Condition {
    let reason = format!("no broker of {bootstrap_servers} has answered yet");
    Condition::new(name, HealthStatus::Unhealthy, reason, Arc::clone(clock))
}

fn count_of_partitions(count: usize) -> String {
    format!("{count} partition{}", if count == 1 { "" } else { "s" })
}
