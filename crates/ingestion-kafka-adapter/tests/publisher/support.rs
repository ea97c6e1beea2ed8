//! A publisher under test, with what is needed to look at it from all sides.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use contracts::{DeadLetterRecord, Header, MatchIdRecord, MatchSummaryRecord};
use domain::{MatchId, Timestamp};
use health_kit::{Clock, HealthCheck, HealthReporter, HealthStatus, SystemClock};
use ingestion_application::{
    DeadLetterReason, ReceivedMatch, SourceName,
    ports::{DeadLetter, Message, MessagePublisher, PublishError},
};
use ingestion_kafka_adapter::{Delivery, KafkaPublisher, KafkaSettings};
use ingestion_test_support::{
    publisher::publisher_contract::Arrived,
    receipts::{ReceiptFigures, ReceiptRecorder},
};
use kafka_kit::embedded::{ReadFrom, TopicReader, TopicRecord};
use test_kit::waiting;
use tokio::task::{self, JoinHandle};
use tokio_util::sync::CancellationToken;

pub(crate) const SOURCE: SourceName = SourceName::new("test_feed");
/// 2025-11-22T13:25:01.040Z
pub(crate) const RECEIVED_AT: Timestamp = Timestamp::from_unix_ms(1_763_817_901_040);
/// How long anything may take that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// Within this, health must tell of a loss and of a recovery.
pub(crate) const NOTICED_WITHIN: Duration = Duration::from_secs(5);

/// A running publisher and the receipts of what it is given.
pub(crate) struct Rig {
    pub(crate) publisher: Arc<KafkaPublisher>,
    pub(crate) receipts: Arc<ReceiptRecorder>,
    pub(crate) settings: KafkaSettings,
    pub(crate) run: JoinHandle<Result<(), PublishError>>,
    pub(crate) stop: CancellationToken,
}

impl Rig {
    /// Starts a publisher at these brokers, for these topics, at least once.
    pub(crate) fn start(servers: &str, publish_topic: &str, dead_letter_topic: &str) -> Self {
        Self::start_with(KafkaSettings {
            publish_topic: publish_topic.to_owned(),
            dead_letter_topic: dead_letter_topic.to_owned(),
            delivery: Delivery::AtLeastOnce,
            ..KafkaSettings::at(servers)
        })
    }

    /// Starts a publisher with these settings.
    pub(crate) fn start_with(settings: KafkaSettings) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let publisher =
            KafkaPublisher::try_new(&settings, &clock).expect("these settings are fine");
        let (publisher, stop) = (Arc::new(publisher), CancellationToken::new());
        let run = task::spawn({
            let (publisher, stop) = (Arc::clone(&publisher), stop.clone());
            async move { publisher.run(stop).await }
        });
        Self {
            run,
            publisher,
            receipts: Arc::default(),
            settings,
            stop,
        }
    }

    pub(crate) async fn publish(&self, message: Message) {
        let receipt = self.receipts.give_out();
        let published = self.publisher.publish(message, receipt).await;
        assert_eq!(published, Ok(()));
    }

    pub(crate) async fn publish_matches(&self, ids: std::ops::Range<i64>) {
        for id in ids {
            self.publish(a_match(id)).await;
        }
    }

    /// Waits until everything is acknowledged, and returns what became of it.
    pub(crate) async fn flush(&self) -> ReceiptFigures {
        assert_eq!(
            self.publisher.flush(PATIENCE).await,
            Ok(()),
            "{:?}",
            self.publisher.checks()
        );
        let figures = self.receipts.figures();
        assert_eq!(
            (figures.returned, figures.pending),
            (0, 0),
            "each is settled"
        );
        figures
    }

    pub(crate) fn check(&self, name: &str) -> HealthCheck {
        let checks = self.publisher.checks();
        checks
            .into_iter()
            .find(|check| check.name == name)
            .expect("it has its checks always")
    }

    /// Waits until the check has the status, at most `within`, and returns it.
    pub(crate) async fn wait_for(
        &self,
        name: &str,
        status: HealthStatus,
        within: Duration,
    ) -> HealthCheck {
        wait_until(within, &format!("{name} is {status:?}"), || {
            let check = self.check(name);
            (check.status == status).then_some(check)
        })
        .await
    }

    /// Waits until the check says so.
    pub(crate) async fn wait_for_reason(&self, name: &str, expected: &str) {
        wait_until(PATIENCE, expected, || {
            self.check(name).reason.contains(expected).then_some(())
        })
        .await;
    }

    pub(crate) async fn wait_until_healthy(&self) {
        for name in ["kafka", "publish_topic", "dead_letter_topic"] {
            self.wait_for(name, HealthStatus::Healthy, PATIENCE).await;
        }
    }

    pub(crate) async fn read_matches(&self) -> Vec<TopicRecord> {
        read(
            &self.settings.client.bootstrap_servers,
            &self.settings.publish_topic,
        )
        .await
    }

    pub(crate) async fn read_dead_letters(&self) -> Vec<TopicRecord> {
        read(
            &self.settings.client.bootstrap_servers,
            &self.settings.dead_letter_topic,
        )
        .await
    }

    /// All that has arrived in both topics.
    pub(crate) async fn arrived(&self) -> Vec<Arrived> {
        let (matches, letters) = (self.read_matches().await, self.read_dead_letters().await);
        let matches = matches.iter().map(|record| {
            let read = MatchIdRecord::decode(&record.value, headers(record));
            let read = read.expect("the records are as the contract says");
            Arrived::Match {
                id: read.id.get(),
                source: read.source.to_owned(),
                received_at: read.received_at,
            }
        });
        let letters = letters.iter().map(|record| {
            let read = dead_letter(record);
            Arrived::DeadLetter {
                reason: reason(read.reason),
                detail: read.detail.to_owned(),
                source: read.source.to_owned(),
                received_at: read.received_at,
                payload: Bytes::copy_from_slice(read.payload),
            }
        });
        let mut arrived: Vec<_> = matches.chain(letters).collect();
        if let Some(topic) = &self.settings.match_summary_topic {
            let records = read(&self.settings.client.bootstrap_servers, topic).await;
            arrived.extend(records.iter().map(summary));
        }
        arrived
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn a_match(raw: i64) -> Message {
    Message::Match(ReceivedMatch {
        id: MatchId::try_new(raw).expect("the tests use valid ids"),
        source: SOURCE,
        received_at: RECEIVED_AT,
    })
}

pub(crate) fn a_dead_letter(payload: Vec<u8>) -> Message {
    Message::DeadLetter(Box::new(DeadLetter {
        reason: DeadLetterReason::NotJson,
        detail: "expected value at line 1 column 1".to_owned(),
        source: SOURCE,
        received_at: RECEIVED_AT,
        size_bytes: payload.len(),
        payload: payload.into(),
    }))
}

fn reason(word: &str) -> DeadLetterReason {
    let mut known = DeadLetterReason::ALL.into_iter();
    known
        .find(|known| known.as_str() == word)
        .expect("the service writes no other reason")
}

pub(crate) fn dead_letter(record: &TopicRecord) -> DeadLetterRecord<'_> {
    DeadLetterRecord::decode(&record.value, headers(record)).expect("as the contract says")
}

fn summary(record: &TopicRecord) -> Arrived {
    let key = record.key.as_deref();
    let read = MatchSummaryRecord::decode(key, &record.value, headers(record));
    let read = read.expect("the records are as the contract says");
    Arrived::Summary {
        summary: read.summary,
        source: read.source.to_owned(),
        received_at: read.received_at,
    }
}

fn headers(record: &TopicRecord) -> impl Iterator<Item = Header<'_>> {
    let headers = record.headers.iter();
    headers.map(|(name, value)| Header { name, value })
}

/// How often each match id is among the records.
pub(crate) fn counts(records: &[TopicRecord]) -> HashMap<i64, usize> {
    let mut counts = HashMap::new();
    for record in records {
        let id = MatchIdRecord::decode_id(&record.value).expect("the record holds an id");
        *counts.entry(id.get()).or_default() += 1;
    }
    counts
}

/// All records of a topic.
pub(crate) async fn read(servers: &str, topic: &str) -> Vec<TopicRecord> {
    let (servers, topic) = (servers.to_owned(), topic.to_owned());
    let reading = task::spawn_blocking(move || {
        TopicReader::open(&servers, &topic, ReadFrom::Beginning)?.read_to_end(PATIENCE)
    });
    let records = reading.await.expect("reading does not panic");
    records.expect("the topic is there and can be read")
}

/// Waits until `found` finds something.
pub(crate) async fn wait_until<T>(
    within: Duration,
    what: &str,
    mut found: impl FnMut() -> Option<T>,
) -> T {
    let found = waiting::wait_for(within, what, async || found()).await;
    found.unwrap_or_else(|error| panic!("{error}"))
}
