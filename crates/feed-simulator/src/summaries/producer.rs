//! Sends summaries to Kafka, as their real producer does.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rdkafka::{
    ClientConfig, ClientContext,
    error::{KafkaError, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer},
};
use tokio::{
    task,
    time::{Instant, sleep, sleep_until},
};

use super::{Summaries, SummaryRecord};

/// What may wait in the client for the broker.
const WAITING_RECORDS_MAX: &str = "100000";

/// How long a full client is left to send.
const ROOM_DELAY: Duration = Duration::from_millis(5);

/// How long the broker has for one record, and for the last ones.
const DELIVERY_DURATION_MAX: Duration = Duration::from_mins(1);

/// Records after which others of this thread get their turn.
const RECORDS_PER_TURN: u64 = 256;

/// Hands records to Kafka: partitioned by the murmur2 of the key, acknowledged by all replicas,
/// each once in its order.
pub struct SummaryProducer {
    producer: ThreadedProducer<Deliveries>,
    outcomes: Arc<Outcomes>,
    topic: String,
}

/// Why summaries could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    /// The client has refused.
    #[error("sending summaries to the topic {topic} failed")]
    Client {
        /// Where to.
        topic: String,
        /// What it says.
        source: KafkaError,
    },
    /// The broker has not taken all of them.
    #[error("{count} records were not delivered to the topic {topic}, the first of them: {source}")]
    Undelivered {
        /// Where to.
        topic: String,
        /// How many.
        count: u64,
        /// What the first one met with.
        source: KafkaError,
    },
}

/// What became of the records.
#[derive(Default)]
struct Outcomes {
    failed: AtomicU64,
    first_error: Mutex<Option<KafkaError>>,
}

struct Deliveries {
    outcomes: Arc<Outcomes>,
}

impl SummaryProducer {
    /// A producer to a topic that exists. It connects by itself.
    ///
    /// # Errors
    /// [`ProduceError::Client`] for addresses that are none.
    pub fn try_new(bootstrap_servers: &str, topic: &str) -> Result<Self, ProduceError> {
        let outcomes = Arc::new(Outcomes::default());
        let context = Deliveries {
            outcomes: Arc::clone(&outcomes),
        };
        let timeout_ms = DELIVERY_DURATION_MAX.as_millis().to_string();
        let producer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap_servers)
            .set("client.id", "feed-simulator")
            .set("partitioner", "murmur2_random")
            .set("allow.auto.create.topics", "false")
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .set("compression.type", "lz4")
            .set("queue.buffering.max.messages", WAITING_RECORDS_MAX)
            .set("message.timeout.ms", timeout_ms)
            // A topic that is missing is not about to be made.
            .set("topic.metadata.propagation.max.ms", "2000")
            .set("log.connection.close", "false")
            .create_with_context(context)
            .map_err(|source| ProduceError::Client {
                topic: topic.to_owned(),
                source,
            })?;
        Ok(Self {
            producer,
            outcomes,
            topic: topic.to_owned(),
        })
    }

    /// Takes a record as soon as there is room; it is on its way, not delivered.
    ///
    /// # Errors
    /// The client refuses, or an earlier record was not delivered.
    pub async fn send(&self, record: &SummaryRecord) -> Result<(), ProduceError> {
        self.check()?;
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (name, value) in &record.headers {
            headers = headers.insert(Header {
                key: name,
                value: Some(value),
            });
        }
        let mut outgoing = BaseRecord::to(&self.topic)
            .key(&record.key)
            .payload(&record.value)
            .headers(headers);
        loop {
            match self.producer.send(outgoing) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                    outgoing = refused;
                    sleep(ROOM_DELAY).await;
                }
                Err((source, _)) => return Err(self.client_error(source)),
            }
        }
    }

    /// Sends all of them, at most `rate` a second on average, 0 for as fast as they are taken,
    /// and waits until they are delivered.
    ///
    /// # Errors
    /// The client refuses, or a record was not delivered.
    pub async fn send_all(&self, summaries: &mut Summaries, rate: f64) -> Result<(), ProduceError> {
        let begun = Instant::now();
        let mut count = 0_u32;
        for record in summaries {
            if rate > 0.0 {
                sleep_until(begun + Duration::from_secs_f64(f64::from(count) / rate)).await;
            } else if u64::from(count).is_multiple_of(RECORDS_PER_TURN) {
                task::yield_now().await;
            }
            self.send(&record).await?;
            count = count.saturating_add(1);
        }
        self.flush().await
    }

    /// Waits until everything sent so far is delivered.
    ///
    /// # Errors
    /// A record was not delivered, or not in time.
    pub async fn flush(&self) -> Result<(), ProduceError> {
        let producer = self.producer.clone();
        let flushing = task::spawn_blocking(move || producer.flush(DELIVERY_DURATION_MAX));
        let flushed = flushing.await.expect("flushing does not panic");
        flushed.map_err(|source| self.client_error(source))?;
        self.check()
    }

    fn check(&self) -> Result<(), ProduceError> {
        let count = self.outcomes.failed.load(Ordering::Acquire);
        if count == 0 {
            return Ok(());
        }
        let first_error = self.outcomes.first_error.lock();
        let first_error = first_error.unwrap_or_else(PoisonError::into_inner).clone();
        Err(ProduceError::Undelivered {
            topic: self.topic.clone(),
            count,
            source: first_error.expect("it is set before the record is counted"),
        })
    }

    fn client_error(&self, source: KafkaError) -> ProduceError {
        ProduceError::Client {
            topic: self.topic.clone(),
            source,
        }
    }
}

impl ClientContext for Deliveries {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, "producer of summaries: {reason}");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            let mut first_error = self
                .outcomes
                .first_error
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            first_error.get_or_insert_with(|| error.clone());
            drop(first_error);
            self.outcomes.failed.fetch_add(1, Ordering::Release);
        }
    }
}
