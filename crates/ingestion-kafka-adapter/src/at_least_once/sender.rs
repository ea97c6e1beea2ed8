//! One librdkafka producer, and another in its place once it has failed for good.

use std::{
    mem,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use kafka_kit::{error_code::code_of, settings::SettingsError};
use rdkafka::{
    ClientConfig,
    producer::{Producer, PurgeConfig, ThreadedProducer},
};
use tokio::task;

use crate::delivery::{Context, Deliveries, in_flight::InFlight, record::Topics};

/// For so long a producer that is given up may take to say what has become of
/// the messages it has.
const RETIRE_TIME_MAX: Duration = Duration::from_millis(500);

/// Hands messages to librdkafka, and survives its fatal errors.
pub(crate) struct Sender {
    config: ClientConfig,
    deliveries: Arc<Deliveries>,
    /// Replaced after a fatal error; a lock for reading costs nothing next to a send.
    producer: RwLock<ThreadedProducer<Context>>,
}

impl Sender {
    /// Makes the first producer; blocks while certificates are read and threads started.
    ///
    /// # Errors
    /// [`SettingsError`] when librdkafka does not accept `config`.
    pub(crate) fn try_new(
        config: ClientConfig,
        deliveries: Arc<Deliveries>,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            producer: RwLock::new(create_producer(&config, &deliveries)?),
            config,
            deliveries,
        })
    }

    /// As [`Sender::try_new`], without blocking the runtime.
    pub(crate) async fn open(
        config: ClientConfig,
        deliveries: Arc<Deliveries>,
    ) -> Result<Self, SettingsError> {
        let created = task::spawn_blocking(move || Self::try_new(config, deliveries));
        created.await.expect("creating a producer does not panic")
    }

    /// Hands a message to librdkafka; if it is not taken it counts as returned.
    pub(crate) fn send(&self, message: Box<InFlight>, topics: &Topics) {
        let producer = self.producer.read().unwrap_or_else(PoisonError::into_inner);
        send(&producer, message, topics);
    }

    /// Makes a new producer if the current one has failed for good, or may
    /// keep messages for ever.
    ///
    /// What the old one had not acknowledged is taken back and sent again;
    /// some of it may have arrived, and then arrives twice.
    pub(crate) async fn replace_failed_producer(&self) {
        let current = self.producer();
        if let Some((code, reason)) = current.client().fatal_error() {
            tracing::warn!(%code, "the Kafka producer has failed and is replaced: {reason}");
        } else if !current.context().unreported.has_lost_partitions() {
            return;
        }
        drop(current);
        let (config, deliveries) = (self.config.clone(), Arc::clone(&self.deliveries));
        // Reads certificates and starts threads.
        let created = task::spawn_blocking(move || create_producer(&config, &deliveries));
        match created.await.expect("creating a producer does not panic") {
            Ok(new) => {
                let old = self.swap_producer(new);
                let retired = task::spawn_blocking(move || retire(&old));
                retired.await.expect("retiring a producer does not panic");
            }
            Err(error) => {
                tracing::error!("there is no new Kafka producer, another attempt follows: {error}");
            }
        }
    }

    /// The current producer.
    pub(crate) fn producer(&self) -> ThreadedProducer<Context> {
        // The slot always holds a whole producer, whatever has panicked elsewhere.
        self.producer
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn swap_producer(&self, new: ThreadedProducer<Context>) -> ThreadedProducer<Context> {
        let mut current = self
            .producer
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        mem::replace(&mut current, new)
    }
}

fn create_producer(
    config: &ClientConfig,
    deliveries: &Arc<Deliveries>,
) -> Result<ThreadedProducer<Context>, SettingsError> {
    Ok(config.create_with_context(Context::new(Arc::clone(deliveries)))?)
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
