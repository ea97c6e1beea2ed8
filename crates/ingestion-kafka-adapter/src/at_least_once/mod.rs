//! Each message at least once: sent at once, and again whenever it comes back.

pub(crate) mod returned;
mod sender;

use std::sync::Arc;

use kafka_kit::settings::SettingsError;
use rdkafka::{ClientConfig, error::RDKafkaErrorCode, producer::ThreadedProducer};
use tokio::{
    sync::OnceCell,
    time::{sleep, timeout},
};

use self::{returned::Returned, sender::Sender};
use crate::delivery::{
    client::{Context, Outcomes},
    in_flight::InFlight,
    pause::{RESEND_PAUSE_MAX, RESEND_PAUSE_MIN},
    record::Topics,
};

/// Hands messages to librdkafka as they come.
pub(crate) struct AtLeastOnce {
    returned: Arc<Returned>,
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
        returned: Returned,
    ) -> Result<Self, SettingsError> {
        let returned = Arc::new(returned);
        Ok(Self {
            together: Sender::try_new(config.clone(), Arc::clone(&returned))?,
            alone: OnceCell::new(),
            returned,
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
            return self.returned.failed(message, RDKafkaErrorCode::Fail);
        };
        sender.send(message, &self.topics);
    }

    /// Sends again what came back.
    pub(crate) async fn resend_for_ever(&self) {
        let mut pause = RESEND_PAUSE_MIN;
        loop {
            let returned = self.returned.is_waiting.notified();
            // What comes back after a quiet time is a new trouble.
            if timeout(RESEND_PAUSE_MAX * 2, returned).await.is_err() {
                pause = RESEND_PAUSE_MIN;
                self.returned.is_waiting.notified().await;
            }
            sleep(pause).await;
            pause = RESEND_PAUSE_MAX.min(pause * 2);
            self.prepare_senders().await;
            // From here on nothing waits: who is stopped while waiting loses what it holds.
            let returned = self.returned.take();
            tracing::debug!(messages = returned.len(), "sending again what came back");
            self.returned.shared.trouble.warn_of_refused();
            for message in returned {
                self.send(message);
            }
        }
    }

    /// Makes the producers that are needed now and missing, or have failed for good.
    async fn prepare_senders(&self) {
        self.together.replace_failed_producer().await;
        if self.alone.get().is_none() && !self.returned.must_send_alone() {
            return;
        }
        let open = || {
            let mut config = self.config.clone();
            config.set("batch.num.messages", "1");
            Sender::open(config, Arc::clone(&self.returned))
        };
        match self.alone.get_or_try_init(open).await {
            Ok(alone) => alone.replace_failed_producer().await,
            Err(error) => tracing::error!(
                "there is no Kafka producer for single records, another attempt follows: {error}"
            ),
        }
    }
}
