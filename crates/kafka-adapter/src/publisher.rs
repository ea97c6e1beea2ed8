//! The publisher: messages in, records out, and again until acknowledged.

use std::{sync::Arc, time::Duration};

use application::{
    HealthCheck, Receipt,
    ports::{Clock, FlushError, HealthReporter, Message, MessagePublisher, PublishError},
};
use async_trait::async_trait;
use event_contracts::{DeadLetterRecord, Header, MatchIdRecord};
use rdkafka::{
    ClientConfig,
    error::RDKafkaErrorCode,
    message::{Header as KafkaHeader, OwnedHeaders},
    producer::BaseRecord,
};
use tokio::{
    sync::OnceCell,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    KafkaSettings, SettingsError,
    delivery::Deliveries,
    health::KafkaHealth,
    in_flight::{Content, InFlight},
    sender::Sender,
};

/// What came back is sent again after this pause, at first …
const RESEND_PAUSE_MIN: Duration = Duration::from_millis(50);
/// … and after at most this one: a topic that is there again is used within a second.
const RESEND_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Publishes matches and dead letters to Kafka, each at least once.
///
/// [`run`](Self::run) must run beside it until the last
/// [`flush`](MessagePublisher::flush) has returned: it sends again what came
/// back and watches the brokers. To drop the publisher is to give up what has
/// not been acknowledged: every open receipt is dropped unsettled, within a few
/// seconds. So flush first.
pub struct KafkaPublisher {
    deliveries: Arc<Deliveries>,
    health: Arc<KafkaHealth>,
    /// For all but a few: records travel in batches.
    together: Sender,
    /// For records refused in a batch; there is none until the first of them.
    alone: OnceCell<Sender>,
    config: ClientConfig,
    publish_topic: String,
    dead_letter_topic: String,
}

impl KafkaPublisher {
    /// Prepares to publish; connects in the background and never waits for it.
    ///
    /// # Errors
    /// [`SettingsError`] when librdkafka does not accept the settings; it
    /// names the property.
    pub fn try_new(
        settings: &KafkaSettings,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, SettingsError> {
        let config = settings.client_config()?;
        let deliveries = Arc::new(Deliveries::new());
        Ok(Self {
            health: Arc::new(KafkaHealth::new(settings, Arc::clone(&deliveries), clock)),
            together: Sender::try_new(config.clone(), Arc::clone(&deliveries))?,
            alone: OnceCell::new(),
            deliveries,
            config,
            publish_topic: settings.publish_topic.clone(),
            dead_letter_topic: settings.dead_letter_topic.clone(),
        })
    }

    /// Sends again what came back and watches the brokers, until `stop`.
    ///
    /// Whatever has not been acknowledged by then is kept, but not sent again
    /// should it come back.
    pub async fn run(&self, stop: CancellationToken) {
        let work = async {
            tokio::join!(
                self.resend_for_ever(),
                self.health.probe_for_ever(|| self.together.producer()),
                self.health.watch_for_ever(),
            )
        };
        stop.run_until_cancelled(work).await;
    }

    async fn resend_for_ever(&self) {
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
            let refused = self.deliveries.take_refused_count();
            if refused > 0 {
                tracing::warn!(
                    messages = refused,
                    "Kafka refuses records, see the dead letters"
                );
            }
            for message in returned {
                self.send(message);
            }
        }
    }

    /// Makes the producers that are needed now and missing, or have failed for good.
    async fn prepare_senders(&self) {
        self.together.replace_failed_producer().await;
        if !self.deliveries.must_send_alone() {
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

    /// Hands a message to librdkafka; if it is not taken it counts as returned.
    fn send(&self, message: Box<InFlight>) {
        let sender = if message.is_alone {
            self.alone.get()
        } else {
            Some(&self.together)
        };
        let Some(sender) = sender else {
            // Became so a moment ago, or its producer cannot be made: the next time, then.
            return self.deliveries.give_back(message, RDKafkaErrorCode::Fail);
        };
        match &message.content {
            Content::Match(received) => {
                let record = MatchIdRecord {
                    id: received.id,
                    source: received.source.as_str(),
                    received_at: received.received_at,
                };
                let record = record.encode();
                let base = BaseRecord::with_opaque_to(&self.publish_topic, message)
                    .key(record.key())
                    .payload(record.value())
                    .headers(kafka_headers(&record.headers()));
                sender.send(base);
            }
            Content::DeadLetter(letter) => {
                // A second owner of the bytes, as the message itself goes along.
                let payload = letter.payload.clone();
                let record = DeadLetterRecord {
                    reason: letter.reason,
                    detail: &letter.detail,
                    source: letter.source.as_str(),
                    received_at: letter.received_at,
                    payload: &payload,
                    size_bytes: letter.size_bytes,
                };
                let headers = kafka_headers(&record.encode().headers());
                let base: BaseRecord<'_, [u8], _, _> =
                    BaseRecord::with_opaque_to(&self.dead_letter_topic, message)
                        .payload(&payload[..])
                        .headers(headers);
                sender.send(base);
            }
        }
    }
}

#[async_trait]
impl MessagePublisher for KafkaPublisher {
    async fn publish(&self, message: Message, receipt: Receipt) -> Result<(), PublishError> {
        let content = Content::from(message);
        let place = self.deliveries.room.enter(content.extra_bytes()).await;
        self.send(Box::new(InFlight {
            content,
            is_alone: false,
            receipt,
            place,
        }));
        Ok(())
    }

    async fn published(&self, _count: usize) -> Result<Vec<domain::MatchId>, PublishError> {
        Ok(Vec::new())
    }

    /// Waits for all room to come back. A message published meanwhile waits
    /// until this has ended; the last records may take one linger longer.
    async fn flush(&self, deadline: Duration) -> Result<(), FlushError> {
        let room = &self.deliveries.room;
        timeout(deadline, room.empty())
            .await
            .map_err(|_| FlushError::DeadlinePassed {
                unacknowledged: room.occupied() as u64,
                deadline,
            })
    }
}

impl HealthReporter for KafkaPublisher {
    fn checks(&self) -> Vec<HealthCheck> {
        self.health.checks()
    }
}

fn kafka_headers(headers: &[Header<'_>]) -> OwnedHeaders {
    let empty = OwnedHeaders::new_with_capacity(headers.len());
    headers.iter().fold(empty, |all, header| {
        all.insert(KafkaHeader {
            key: header.name,
            value: Some(header.value),
        })
    })
}
