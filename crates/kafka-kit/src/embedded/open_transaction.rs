//! Somebody else's transaction, open for as long as a test wants.

use std::time::Duration;

use rdkafka::{
    error::KafkaError,
    producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer},
};
use tokio::task;

use super::{EmbeddedError, topics::config};

/// How long the brokers have for each step.
const DEADLINE: Duration = Duration::from_secs(30);

/// Records of another producer, written and neither committed nor aborted.
///
/// Dropped, it stays open until its coordinator aborts it: what a producer
/// leaves behind that was killed.
pub struct OpenTransaction {
    producer: ThreadedProducer<DefaultProducerContext>,
    transactional_id: String,
}

impl OpenTransaction {
    /// Begins one, writes `records`, each a partition and a value, and waits
    /// until the brokers have them.
    ///
    /// # Errors
    /// [`EmbeddedError::Refused`] when Kafka refuses, or takes longer than half a minute.
    pub async fn begin(
        bootstrap_servers: &str,
        topic: &str,
        transactional_id: &str,
        records: Vec<(i32, String)>,
    ) -> Result<Self, EmbeddedError> {
        let mut config = config(bootstrap_servers);
        config.set("transactional.id", transactional_id);
        let topic = topic.to_owned();
        let begun = blocking(move || {
            let producer: ThreadedProducer<_> = config.create()?;
            producer.init_transactions(DEADLINE)?;
            producer.begin_transaction()?;
            for (partition, value) in &records {
                let record = BaseRecord::<(), _>::to(&topic).partition(*partition);
                let sent = producer.send(record.payload(value));
                sent.map_err(|(error, _)| error)?;
            }
            producer.flush(DEADLINE)?;
            Ok(producer)
        });
        let action = format!("beginning a transaction of {transactional_id}");
        Ok(Self {
            producer: begun.await.map_err(EmbeddedError::refused(action))?,
            transactional_id: transactional_id.to_owned(),
        })
    }

    /// Commits it.
    ///
    /// # Errors
    /// [`EmbeddedError::Refused`] when Kafka refuses, or takes longer than half a minute.
    pub async fn commit(self) -> Result<(), EmbeddedError> {
        let action = format!("committing a transaction of {}", self.transactional_id);
        let committed = blocking(move || self.producer.commit_transaction(DEADLINE));
        committed.await.map_err(EmbeddedError::refused(action))
    }

    /// Aborts it.
    ///
    /// # Errors
    /// [`EmbeddedError::Refused`] when Kafka refuses, or takes longer than half a minute.
    pub async fn abort(self) -> Result<(), EmbeddedError> {
        let action = format!("aborting a transaction of {}", self.transactional_id);
        let aborted = blocking(move || self.producer.abort_transaction(DEADLINE));
        aborted.await.map_err(EmbeddedError::refused(action))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KafkaError> + Send + 'static,
) -> Result<T, KafkaError> {
    let done = task::spawn_blocking(work).await;
    done.expect("a producer does not panic")
}
