//! One librdkafka producer, and another in its place once it has failed for good.

use std::{
    mem,
    sync::{Arc, PoisonError, RwLock},
};

use kafka_kit::settings::SettingsError;
use rdkafka::{
    ClientConfig,
    producer::{Producer, ThreadedProducer},
};
use tokio::task;

use crate::{
    at_least_once::returned::Returned,
    delivery::{
        client::{Context, retire, send},
        in_flight::InFlight,
        record::Topics,
    },
};

/// Hands messages to librdkafka, and survives its fatal errors.
pub(crate) struct Sender {
    config: ClientConfig,
    returned: Arc<Returned>,
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
        returned: Arc<Returned>,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            producer: RwLock::new(create_producer(&config, &returned)?),
            config,
            returned,
        })
    }

    /// As [`Sender::try_new`], without blocking the runtime.
    pub(crate) async fn open(
        config: ClientConfig,
        returned: Arc<Returned>,
    ) -> Result<Self, SettingsError> {
        let created = task::spawn_blocking(move || Self::try_new(config, returned));
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
        let (config, returned) = (self.config.clone(), Arc::clone(&self.returned));
        // Reads certificates and starts threads.
        let created = task::spawn_blocking(move || create_producer(&config, &returned));
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
    returned: &Arc<Returned>,
) -> Result<ThreadedProducer<Context>, SettingsError> {
    let (outcomes, trouble) = (Arc::clone(returned), Arc::clone(&returned.shared.trouble));
    Ok(config.create_with_context(Context::new(outcomes, trouble))?)
}
