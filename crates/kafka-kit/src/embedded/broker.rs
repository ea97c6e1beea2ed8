//! The broker inside the process.

use std::time::Duration;

use rdkafka::{
    ClientConfig, ClientContext,
    config::RDKafkaLogLevel,
    error::KafkaError,
    message::DeliveryResult,
    mocking::MockCluster,
    producer::{Producer, ProducerContext, ThreadedProducer},
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use thiserror::Error;

/// A Kafka broker in this process, on a free port of the loopback interface.
///
/// It stops when it is dropped.
pub struct EmbeddedBroker {
    /// The client that the stand-in belongs to. It sends nothing; it is
    /// threaded so that what it logs is taken from it.
    owner: ThreadedProducer<Quiet>,
}

/// Why a tool around topics has failed.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    /// Kafka, or librdkafka, has refused.
    #[error("{action}: {source}")]
    Refused {
        /// What was tried.
        action: String,
        /// What it says.
        source: KafkaError,
    },
    /// Kafka did not do it in time.
    #[error("{action}: not done within {deadline:?}")]
    DeadlinePassed {
        /// What was tried.
        action: String,
        /// How long it was tried.
        deadline: Duration,
    },
}

impl EmbeddedError {
    pub(super) fn refused(action: impl Into<String>) -> impl FnOnce(KafkaError) -> Self {
        let action = action.into();
        |source| Self::Refused { action, source }
    }
}

impl EmbeddedBroker {
    /// Starts a broker with the given topics, each a name and its number of partitions.
    ///
    /// # Errors
    /// [`EmbeddedError::Refused`] when librdkafka cannot start it or make a topic.
    pub fn start(topics: &[(&str, usize)]) -> Result<Self, EmbeddedError> {
        let owner = ClientConfig::new()
            .set("test.mock.num.brokers", "1")
            .set_log_level(RDKafkaLogLevel::Error)
            .create_with_context(Quiet)
            .map_err(EmbeddedError::refused("starting the embedded broker"))?;
        let broker = Self { owner };
        for (name, partitions) in topics {
            broker.create_topic(name, *partitions)?;
        }
        Ok(broker)
    }

    /// Makes a topic.
    ///
    /// # Errors
    /// [`EmbeddedError::Refused`] when there is one of this name.
    pub fn create_topic(&self, name: &str, partitions: usize) -> Result<(), EmbeddedError> {
        let partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
        self.cluster()
            .create_topic(name, partitions, 1)
            .map_err(EmbeddedError::refused(format!("creating the topic {name}")))
    }

    /// Where to reach it: `host:port`.
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        self.cluster().bootstrap_servers()
    }

    /// Closes every connection and refuses new ones.
    ///
    /// # Errors
    /// [`EmbeddedError::Refused`] when it is being stopped.
    pub fn take_down(&self) -> Result<(), EmbeddedError> {
        let down = self.cluster().broker_down(EVERY_BROKER);
        down.map_err(EmbeddedError::refused("taking the embedded broker down"))
    }

    /// Accepts connections again; what it held it still holds.
    ///
    /// # Errors
    /// [`EmbeddedError::Refused`] when it is being stopped.
    pub fn bring_up(&self) -> Result<(), EmbeddedError> {
        let up = self.cluster().broker_up(EVERY_BROKER);
        up.map_err(EmbeddedError::refused("bringing the embedded broker up"))
    }

    /// Answers the next requests to write with these errors, one each.
    pub fn refuse_writes(&self, errors: &[RDKafkaRespErr]) {
        self.cluster()
            .request_errors(RDKafkaApiKey::Produce, errors);
    }

    /// Answers questions about `topic` with an error, until told otherwise.
    ///
    /// # Errors
    /// [`EmbeddedError::Refused`] for a name that cannot be a topic.
    pub fn refuse_topic(&self, topic: &str, error: RDKafkaRespErr) -> Result<(), EmbeddedError> {
        let refused = self.cluster().topic_error(topic, error);
        refused.map_err(EmbeddedError::refused(format!(
            "refusing the topic {topic}"
        )))
    }

    fn cluster(&self) -> MockCluster<'_, Quiet> {
        self.owner
            .client()
            .mock_cluster()
            .expect("the owner was created with a mock cluster")
    }
}

const EVERY_BROKER: i32 = -1;

/// Says nothing of its own: clients report what they see of the broker.
struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, line: &str) {
        tracing::debug!(facility, "embedded broker: {line}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, "embedded broker: {reason}");
    }
}

impl ProducerContext for Quiet {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}
