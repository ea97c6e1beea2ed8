//! Each message at least once: sent at once, and again whenever it comes back.

pub(crate) mod sender;

use std::sync::Arc;

use kafka_kit::settings::SettingsError;
use rdkafka::{ClientConfig, error::RDKafkaErrorCode, producer::ThreadedProducer};
use tokio::{
    sync::OnceCell,
    time::{Duration, sleep, timeout},
};

use crate::{
    at_least_once::sender::Sender,
    delivery::{Context, Deliveries, in_flight::InFlight, record::Topics},
};

/// What came back is sent again after this pause, at first …
pub(crate) const RESEND_PAUSE_MIN: Duration = Duration::from_millis(50);
/// … and after at most this one: a topic that is there again is used within a second.
pub(crate) const RESEND_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Hands messages to librdkafka as they come.
pub(crate) struct AtLeastOnce {
    deliveries: Arc<Deliveries>,
    topics: Topics,
    config: ClientConfig,
    /// For all but a few: records travel in batches.
    together: Sender,
    /// For records refused in a batch; there is none until the first of them.
    alone: OnceCell<Sender>,
}

impl AtLeastOnce {
    /// Makes the producer; nothing is connected yet.
    ///
    /// # Errors
    /// [`SettingsError`] when librdkafka does not accept `config`.
    pub(crate) fn try_new(
        config: ClientConfig,
        topics: Topics,
        deliveries: Arc<Deliveries>,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            together: Sender::try_new(config.clone(), Arc::clone(&deliveries))?,
            alone: OnceCell::new(),
            deliveries,
            topics,
            config,
        })
    }

    /// The producer through which the brokers are asked.
    pub(crate) fn producer(&self) -> ThreadedProducer<Context> {
        self.together.producer()
    }

    /// Hands a message to librdkafka; if it is not taken it counts as returned.
    pub(crate) fn send(&self, message: Box<InFlight>) {
        let sender = if message.is_alone {
            self.alone.get()
        } else {
            Some(&self.together)
        };
        let Some(sender) = sender else {
            // Became so a moment ago, or its producer cannot be made: the next time, then.
            return self.deliveries.give_back(message, RDKafkaErrorCode::Fail);
        };
        sender.send(message, &self.topics);
    }

    /// Sends again what came back.
    pub(crate) async fn resend_for_ever(&self) {
        let mut pause = RESEND_PAUSE_MIN;
        loop {
            let returned = self.deliveries.something_returned.notified();
            // What comes back after a quiet time is a new trouble.
            if timeout(RESEND_PAUSE_MAX * 2, returned).await.is_err() {
                pause = RESEND_PAUSE_MIN;
                self.deliveries.something_returned.notified().await;
            }
            sleep(pause).await;
            pause = RESEND_PAUSE_MAX.min(pause * 2);
            self.prepare_senders().await;
            // From here on nothing waits: who is stopped while waiting loses what it holds.
            let returned = self.deliveries.take_returned();
            tracing::debug!(messages = returned.len(), "sending again what came back");
            self.deliveries.warn_of_refused();
            for message in returned {
                self.send(message);
            }
        }
    }

    /// Makes the producers that are needed now and missing, or have failed for good.
    async fn prepare_senders(&self) {
        self.together.replace_failed_producer().await;
        if self.alone.get().is_none() && !self.deliveries.must_send_alone() {
            return;
        }
        let open = || {
            let mut config = self.config.clone();
            config.set("batch.num.messages", "1");
            Sender::open(config, Arc::clone(&self.deliveries))
        };
        match self.alone.get_or_try_init(open).await {
            Ok(alone) => alone.replace_failed_producer().await,
            Err(error) => tracing::error!(
                "there is no Kafka producer for single records, another attempt follows: {error}"
            ),
        }
    }
}
