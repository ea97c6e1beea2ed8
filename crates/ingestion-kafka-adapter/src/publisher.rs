//! The publisher: messages in, records out, and again until acknowledged.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::MatchId;
use health_kit::{Clock, HealthCheck, HealthReporter};
use ingestion_application::{
    Receipt,
    ports::{FlushError, Message, MessagePublisher, PublishError},
};
use kafka_kit::{brokers::in_thread, reader::Reader, settings::SettingsError};
use rdkafka::{ClientConfig, error::RDKafkaErrorCode, producer::ThreadedProducer};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    at_least_once::{AtLeastOnce, returned::Returned},
    delivery::{
        client::Context,
        in_flight::{InFlight, extra_bytes},
        record::Topics,
    },
    exactly_once::ExactlyOnce,
    health::KafkaHealth,
    settings::{Delivery, KafkaSettings},
    shared_state::SharedState,
    topic::{
        published_tail::{NoTail, Tail, read_tail},
        readable::ReadabilityWatch,
        undecided::wait_until_decided,
    },
};

/// Before the topic's tail is asked for again.
const READ_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Publishes matches and dead letters to Kafka, each at least or exactly once.
///
/// [`run`](Self::run) must run beside it until the last
/// [`flush`](MessagePublisher::flush) has returned: it sends again what came
/// back and watches the brokers, and exactly-once delivery does not begin
/// without it. To drop the publisher is to give up what has not been
/// acknowledged: every open receipt is dropped unsettled, within a few
/// seconds. So flush first.
pub struct KafkaPublisher {
    shared: SharedState,
    health: Arc<KafkaHealth>,
    readability_watch: Arc<ReadabilityWatch>,
    way: Way,
    consumer_config: ClientConfig,
    publish_topic: String,
    /// Cancelled when the run has ended.
    over: CancellationToken,
}

enum Way {
    AtLeastOnce(Box<AtLeastOnce>),
    ExactlyOnce(Box<ExactlyOnce>),
}

impl KafkaPublisher {
    /// Prepares to publish; connects in the background and never waits for it.
    ///
    /// # Errors
    /// [`SettingsError`] names the settings that are wrong.
    pub fn try_new(
        settings: &KafkaSettings,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, SettingsError> {
        SettingsError::unless_empty(settings.check())?;
        let shared = SharedState::new();
        let way = match settings.delivery {
            Delivery::AtLeastOnce => {
                let way = AtLeastOnce::try_new(
                    settings.producer_config(),
                    Topics::from(settings),
                    Returned::new(shared.clone()),
                )?;
                Way::AtLeastOnce(Box::new(way))
            }
            Delivery::ExactlyOnce => {
                let way = ExactlyOnce::try_new(settings, shared.clone())?;
                Way::ExactlyOnce(Box::new(way))
            }
        };
        let readability_watch = ReadabilityWatch::new(
            Reader::config(&settings.client),
            settings.publish_topic.clone(),
            Arc::clone(&shared.readability),
        );
        let health = KafkaHealth::new(settings, shared.clone(), clock);
        Ok(Self {
            shared,
            health: Arc::new(health),
            readability_watch: Arc::new(readability_watch),
            way,
            consumer_config: Reader::config(&settings.client),
            publish_topic: settings.publish_topic.clone(),
            over: CancellationToken::new(),
        })
    }

    /// Sends again what came back and watches the brokers, until `stop`; a
    /// publisher is run once.
    ///
    /// Whatever has not been acknowledged by then is kept, but not sent again
    /// should it come back.
    ///
    /// # Errors
    /// [`PublishError::Fenced`] when another instance has taken over, and
    /// [`PublishError::Stopped`] when the publisher cannot go on.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), PublishError> {
        let _over = self.over.clone().drop_guard();
        let watch = async {
            tokio::join!(
                self.health.probe_for_ever(|| self.producer()),
                self.health.watch_for_ever(),
                self.health.try_addresses_for_ever(|| self.producer()),
                self.readability_watch.watch_for_ever(|| self.producer()),
            )
        };
        match &self.way {
            Way::AtLeastOnce(way) => {
                let work = async { tokio::join!(way.resend_for_ever(), watch) };
                stop.run_until_cancelled(work).await;
                Ok(())
            }
            Way::ExactlyOnce(way) => {
                let outcome = tokio::select! {
                    outcome = way.run(&stop) => outcome,
                    _ = watch => Ok(()),
                };
                // Nobody watches any more, and it may be for a reason to be told.
                self.health.judge_brokers();
                outcome
            }
        }
    }

    fn producer(&self) -> ThreadedProducer<Context> {
        match &self.way {
            Way::AtLeastOnce(way) => way.producer(),
            Way::ExactlyOnce(way) => way.producer(),
        }
    }

    /// Reads the topic's tail, once all that is in the topic is decided.
    async fn read_tail(&self, count: usize, stop: &CancellationToken) -> Result<Tail, NoTail> {
        let (config, topic) = (self.consumer_config.clone(), self.publish_topic.clone());
        let reading = in_thread("kafka-published", {
            let (stop, readability) = (stop.clone(), Arc::clone(&self.shared.readability));
            move || {
                let decided = wait_until_decided(&config, &topic, &stop, |hidden| {
                    readability.set_awaited(hidden);
                });
                decided.and_then(|()| read_tail(&config, &topic, count, &stop))
            }
        });
        match stop.run_until_cancelled(reading).await {
            None => Err(NoTail::Stopped),
            Some(Ok(tail)) => tail,
            Some(Err(error)) => {
                tracing::warn!(
                    "the topic cannot be read yet, as no thread can be started: {error}"
                );
                Err(NoTail::Refused(RDKafkaErrorCode::Fail))
            }
        }
    }

    fn why_over(&self) -> PublishError {
        match &self.way {
            Way::ExactlyOnce(way) => way.over(),
            Way::AtLeastOnce(_) => PublishError::Stopped {
                reason: "it was asked to".to_owned(),
            },
        }
    }
}

#[async_trait]
impl MessagePublisher for KafkaPublisher {
    async fn publish(&self, message: Message, receipt: Receipt) -> Result<(), PublishError> {
        match &self.way {
            Way::ExactlyOnce(way) => way.publish(message, receipt).await,
            Way::AtLeastOnce(way) => {
                let permit = self.shared.room.enter(extra_bytes(&message)).await;
                way.send(Box::new(InFlight {
                    content: message,
                    is_alone: false,
                    receipt,
                    permit: permit.expect("nobody closes the room of this way"),
                }));
                Ok(())
            }
        }
    }

    async fn published(&self, count: usize) -> Result<Vec<MatchId>, PublishError> {
        if let Way::ExactlyOnce(way) = &self.way {
            way.ready().await?;
        }
        // Also when this future is dropped.
        let stop = self.over.child_token();
        let _guard = stop.clone().drop_guard();
        let begun = Instant::now();
        loop {
            let code = match self.read_tail(count, &stop).await {
                Ok(tail) => {
                    self.shared.trouble.set_reading(None);
                    report(&tail, &self.publish_topic, begun);
                    return Ok(tail.ids);
                }
                Err(NoTail::Stopped) => return Err(self.why_over()),
                Err(NoTail::Refused(code)) => code,
            };
            self.shared.trouble.set_reading(Some(code));
            tracing::debug!(%code, "the topic cannot be read yet");
            if stop
                .run_until_cancelled(sleep(READ_AGAIN_AFTER))
                .await
                .is_none()
            {
                return Err(self.why_over());
            }
        }
    }

    /// Waits for all room to come back. A message published meanwhile waits
    /// until this has ended; the last records may take one linger longer.
    async fn flush(&self, deadline: Duration) -> Result<(), FlushError> {
        let room = &self.shared.room;
        timeout(deadline, room.empty())
            .await
            .map_err(|_| FlushError::DeadlinePassed {
                unacknowledged: room.occupied() as u64,
                deadline,
            })
    }
}

fn report(tail: &Tail, topic: &str, begun: Instant) {
    if tail.undecodable > 0 {
        tracing::warn!(
            records = tail.undecodable,
            "records of topic {topic} that hold no match id are passed over"
        );
    }
    tracing::info!(
        matches = tail.ids.len(),
        duration_ms = begun.elapsed().as_millis(),
        "read the newest match ids of topic {topic}"
    );
}

impl HealthReporter for KafkaPublisher {
    fn checks(&self) -> Vec<HealthCheck> {
        self.health.checks()
    }
}
