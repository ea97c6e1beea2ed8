//! The publisher: messages in, records out, and again until acknowledged.

mod places;
mod reading;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use domain::MatchId;
use health_kit::{Clock, HealthCheck, HealthReporter};
use ingestion_application::{
    Checkpoint, GAPS, Receipt, ReceivedSummary, SourceName, SummaryKey,
    ports::{FlushError, Followed, Message, MessagePublisher, PublishError},
};
use kafka_kit::{brokers::in_thread, reader::Reader, settings::SettingsError};
use rdkafka::{error::RDKafkaErrorCode, producer::ThreadedProducer};
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    at_least_once::{AtLeastOnce, returned::Returned},
    delivery::{
        client::Context,
        halves::halve,
        in_flight::{InFlight, extra_bytes},
        record::{Topics, key_of_record},
        room::Permit,
    },
    exactly_once::{
        ExactlyOnce,
        places::{Kept, Place},
    },
    health::KafkaHealth,
    settings::{Delivery, KafkaSettings},
    shared_state::SharedState,
    standby::Standby,
    topic::{kept_place::PlaceGroup, readable::ReadabilityWatch},
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
    /// None where this instance is the only one.
    standby: Option<Standby>,
    settings: KafkaSettings,
    /// The groups of feeds that have been asked for, see [`PlaceGroup`].
    place_groups: Mutex<HashMap<SourceName, Arc<PlaceGroup>>>,
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
            standby: settings
                .is_standby
                .then(|| Standby::start(settings, clock))
                .transpose()?,
            settings: settings.clone(),
            place_groups: Mutex::default(),
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
                self.watch_standby_for_ever(),
            )
        };
        match &self.way {
            Way::AtLeastOnce(way) => {
                let work = async { tokio::join!(way.resend_for_ever(), watch) };
                stop.run_until_cancelled(work).await;
                Ok(())
            }
            Way::ExactlyOnce(way) => {
                let ownership = self.standby.as_ref().map(|it| &*it.ownership);
                let outcome = tokio::select! {
                    outcome = way.run(&stop, ownership) => outcome,
                    _ = watch => Ok(()),
                };
                if let Some(ownership) = ownership {
                    // Whoever is next need not wait for the end of a session.
                    ownership.close().await;
                }
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

    /// Gives back what was not acknowledged when the run ended: their receipts hold
    /// the backlog, which holds this publisher, so neither would ever be dropped.
    pub fn let_go(&self) {
        if let Way::ExactlyOnce(way) = &self.way {
            way.let_go();
        }
    }

    async fn watch_standby_for_ever(&self) {
        if let Some(standby) = &self.standby {
            standby.watch_for_ever().await;
        }
    }

    /// Does what blocks.
    async fn in_thread<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, RDKafkaErrorCode> {
        in_thread(name, work).await.map_err(|error| {
            tracing::warn!("brokers cannot be asked yet, as no thread can be started: {error}");
            RDKafkaErrorCode::Fail
        })
    }

    /// Takes a message that becomes one record.
    async fn publish_one(&self, message: Message, receipt: Receipt) -> Result<(), PublishError> {
        match &self.way {
            Way::ExactlyOnce(way) => way.publish(message, receipt).await,
            Way::AtLeastOnce(way) => {
                let permit = self.shared.room.enter(extra_bytes(&message)).await;
                let permit = permit.expect("nobody closes the room of this way");
                way.send(Box::new(in_flight(message, receipt, permit)));
                Ok(())
            }
        }
    }

    /// Takes a new match, and what is known of it.
    async fn publish_both(
        &self,
        told: Arc<ReceivedSummary>,
        receipt: Receipt,
    ) -> Result<(), PublishError> {
        let [of_match, of_summary] = halve(receipt);
        let found = (Message::Match(told.received_match()), of_match);
        let told = (Message::Summary(told), of_summary);
        match &self.way {
            Way::ExactlyOnce(way) => way.publish_both([found, told]).await,
            Way::AtLeastOnce(way) => {
                let permits = self.shared.room.enter_both(extra_bytes(&told.0)).await;
                let [first, second] = permits.expect("nobody closes the room of this way");
                way.send(Box::new(in_flight(found.0, found.1, first)));
                way.send(Box::new(in_flight(told.0, told.1, second)));
                Ok(())
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
    async fn followed(
        &self,
        ids_max: usize,
        summaries_max: usize,
    ) -> Result<Option<Followed>, PublishError> {
        self.follow(ids_max, summaries_max).await
    }

    async fn publish(&self, message: Message, receipt: Receipt) -> Result<(), PublishError> {
        let has_summaries = self.settings.match_summary_topic.is_some();
        match message {
            Message::Summary(told) if has_summaries && told.is_id_new => {
                self.publish_both(told, receipt).await
            }
            // An earlier run had a topic for it.
            Message::Summary(told) if !has_summaries => {
                let found = Message::Match(told.received_match());
                self.publish_one(found, receipt).await
            }
            message => self.publish_one(message, receipt).await,
        }
    }

    async fn published(&self, count: usize) -> Result<Vec<MatchId>, PublishError> {
        self.read_ids(count).await
    }

    async fn published_summaries(&self, count: usize) -> Result<Vec<SummaryKey>, PublishError> {
        self.read_summaries(count).await
    }

    fn summary_key(&self, told: &ReceivedSummary) -> SummaryKey {
        key_of_record(told)
    }

    fn announce_checkpoint(&self, source: SourceName, checkpoint: &Checkpoint, after: u64) {
        let Way::ExactlyOnce(way) = &self.way else {
            return;
        };
        if source == GAPS {
            // No match waits for it: a group for it may not be permitted.
            return;
        }
        let described = self.place_group(source);
        match described.and_then(|group| place(&group, source, checkpoint.clone())) {
            Ok(place) => way.keep_place(Kept::With(place, after)),
            // Told once it is to be kept by itself.
            Err(code) => tracing::debug!(%source, %code, "the group of a feed is not known yet"),
        }
    }

    async fn keep_checkpoint(
        &self,
        source: SourceName,
        checkpoint: &Checkpoint,
    ) -> Result<(), PublishError> {
        if source == GAPS && !self.can_keep_gaps().await {
            return Ok(());
        }
        let checkpoint = checkpoint.clone();
        let Way::ExactlyOnce(way) = &self.way else {
            let keep = move |group: &PlaceGroup| group.keep(&checkpoint);
            return self.with_place_group(source, keep).await;
        };
        way.ready().await?;
        let describe = move |group: &PlaceGroup| place(group, source, checkpoint.clone());
        let place = self.with_place_group(source, describe).await?;
        let (kept, is_kept) = oneshot::channel();
        way.keep_place(Kept::Now(place, kept));
        match self.over.run_until_cancelled(is_kept).await {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) | None => Err(way.ended().await),
        }
    }

    async fn last_checkpoint(
        &self,
        source: SourceName,
    ) -> Result<Option<Checkpoint>, PublishError> {
        if let Way::ExactlyOnce(way) = &self.way {
            way.ready().await?;
        }
        if source == GAPS {
            return self.kept_gaps().await;
        }
        self.with_place_group(source, PlaceGroup::kept).await
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

fn place(
    group: &PlaceGroup,
    source: SourceName,
    checkpoint: Checkpoint,
) -> Result<Place, RDKafkaErrorCode> {
    Ok(Place {
        offsets: group.offsets(Some(&checkpoint))?,
        group: group.metadata()?,
        source,
        checkpoint,
    })
}

fn in_flight(content: Message, receipt: Receipt, permit: Permit) -> InFlight {
    InFlight {
        content,
        is_alone: false,
        receipt,
        permit,
    }
}

impl HealthReporter for KafkaPublisher {
    fn checks(&self) -> Vec<HealthCheck> {
        let mut checks = self.health.checks();
        checks.extend(self.standby.as_ref().map(Standby::check));
        checks
    }
}
