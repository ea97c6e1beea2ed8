//! What is written for the adapter, and how it is looked at.

use std::{sync::Arc, time::Duration};

use contracts::{Header, MatchIdRecord, MatchSummaryRecord};
use domain::{MatchId, MatchSummary, Timestamp};
use etl_application::{
    Record,
    ports::{ConsumerEvent, RecordConsumer},
};
use etl_kafka_adapter::{KafkaDeadLetters, KafkaHealth, KafkaRecords, KafkaSettings};
use health_kit::{Clock, HealthCheck, HealthReporter, HealthStatus, SystemClock};
use kafka_kit::embedded::{ReadFrom, TopicReader, TopicRecord};
use rdkafka::{
    ClientConfig,
    message::{Header as KafkaHeader, OwnedHeaders},
    producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer},
};
use test_kit::waiting::wait_for;
use tokio::{task, time::timeout};
use tokio_util::sync::CancellationToken;

/// How long anything may take that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// 2025-11-22T13:25:01.040Z
pub(crate) const RECEIVED_AT: Timestamp = Timestamp::from_unix_ms(1_763_817_901_040);

pub(crate) const SUMMARIES: &str = "match_summaries";
pub(crate) const IDS: &str = "match_ids_raw";
pub(crate) const LETTERS: &str = "etl_dead_letter";

/// The adapter, running.
pub(crate) struct Rig {
    pub(crate) records: Arc<KafkaRecords>,
    pub(crate) letters: Arc<KafkaDeadLetters>,
    pub(crate) health: Arc<KafkaHealth>,
    stop: CancellationToken,
}

impl Rig {
    pub(crate) fn start(settings: &KafkaSettings) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let fine = "these settings are fine";
        let records = Arc::new(KafkaRecords::try_new(settings, Arc::clone(&clock)).expect(fine));
        let letters = Arc::new(KafkaDeadLetters::try_new(settings).expect(fine));
        let health = KafkaHealth::new(settings, Arc::clone(&records), &letters, &clock);
        let (health, stop) = (Arc::new(health), CancellationToken::new());
        task::spawn({
            let (health, stop) = (Arc::clone(&health), stop.clone());
            async move { health.watch(stop).await }
        });
        Self {
            records,
            letters,
            health,
            stop,
        }
    }

    /// Takes so many records; nothing else happens meanwhile.
    pub(crate) async fn take(&self, count: usize) -> Vec<Record> {
        let mut taken = Vec::new();
        while taken.len() < count {
            let event = timeout(PATIENCE, self.records.next()).await;
            let checks = || self.health.checks();
            let event = event.unwrap_or_else(|_| panic!("nothing happens: {:?}", checks()));
            match event.expect("nobody has closed it") {
                ConsumerEvent::Records(records) => taken.extend(records),
                other => panic!("{other:?}"),
            }
        }
        taken
    }

    /// Waits until the check has the status and says so.
    pub(crate) async fn wait_for(&self, name: &str, status: HealthStatus, expected: &str) {
        let what = format!("{name} is {status:?}: {expected}");
        let found = wait_for(PATIENCE, &what, async || {
            let check = self.check(name);
            (check.status == status && check.reason.contains(expected)).then_some(())
        });
        found
            .await
            .unwrap_or_else(|error| panic!("{error}; {:?}", self.check(name)));
    }

    pub(crate) fn check(&self, name: &str) -> HealthCheck {
        let checks = self.health.checks();
        let mut named = checks.into_iter().filter(|check| check.name == name);
        named.next().expect("it has its checks always")
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) struct Writer(ThreadedProducer<DefaultProducerContext>);

impl Writer {
    pub(crate) fn new(servers: &str) -> Self {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .create();
        Self(producer.expect("these properties are fine"))
    }

    pub(crate) fn write(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        value: &[u8],
        headers: &[Header<'_>],
    ) {
        let headers = headers.iter().fold(OwnedHeaders::new(), |all, header| {
            all.insert(KafkaHeader {
                key: header.name,
                value: Some(header.value),
            })
        });
        let mut record = BaseRecord::to(topic).payload(value).headers(headers);
        record.key = key;
        self.0.send(record).expect("the queue is large");
        self.0.flush(PATIENCE).expect("the broker takes it");
    }

    pub(crate) fn write_summary(&self, id: i64) {
        let record = MatchSummaryRecord {
            summary: summary(id),
            source: "opendota_pages",
            received_at: RECEIVED_AT,
        };
        let record = record.encode();
        self.write(
            SUMMARIES,
            Some(record.key()),
            record.value(),
            &record.headers(),
        );
    }

    pub(crate) fn write_id(&self, id: i64) {
        self.write_id_to(IDS, id);
    }

    pub(crate) fn write_id_to(&self, topic: &str, id: i64) {
        let record = MatchIdRecord {
            id: match_id(id),
            source: "opendota_stream",
            received_at: RECEIVED_AT,
        };
        let record = record.encode();
        self.write(topic, Some(record.key()), record.value(), &record.headers());
    }
}

pub(crate) fn match_id(raw: i64) -> MatchId {
    MatchId::try_new(raw).expect("the tests use valid ids")
}

pub(crate) fn summary(id: i64) -> MatchSummary {
    MatchSummary::new(match_id(id), Timestamp::from_unix_ms(1_742_744_300_000))
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
