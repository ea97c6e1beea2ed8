//! A member under test, and what is written for it to read.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kafka_kit::{
    consumer::{
        BufferLimits, GroupConsumer, GroupEvent, GroupRecord, GroupSettings, Start, TopicPartition,
    },
    settings::ClientSection,
};
use rdkafka::{
    ClientConfig,
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer},
};
use service_kit::config::SettingsReader;
use test_kit::waiting::wait_until;
use tokio::time::timeout;

/// How long anything may take that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn settings(servers: &str, topics: &[&str]) -> GroupSettings {
    let mut reader = SettingsReader::default();
    let mut client = ClientSection::DEFAULT.read(&mut reader, "kafka-kit-tests");
    servers.clone_into(&mut client.bootstrap_servers);
    // The broker inside the process waits for as long as a session for members
    // that have to join again. A real one allows no shorter sessions than this.
    let properties = [
        ("session.timeout.ms", "6000"),
        ("heartbeat.interval.ms", "300"),
    ];
    client.properties = properties
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    GroupSettings {
        client,
        group_id: "readers".to_owned(),
        topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
        start: Start::Earliest,
        buffer: BufferLimits::default(),
    }
}

pub(crate) fn start(settings: &GroupSettings) -> GroupConsumer {
    GroupConsumer::start(settings).expect("these settings are fine")
}

/// Writes `first..end` as keys and values, and returns when they are there.
pub(crate) fn write(servers: &str, topic: &str, numbers: std::ops::Range<u32>) {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("linger.ms", "5")
        .set("acks", "all")
        .create()
        .expect("these properties are fine");
    send(&producer, topic, numbers);
    producer.flush(PATIENCE).expect("the broker takes them");
}

fn send(
    producer: &ThreadedProducer<DefaultProducerContext>,
    topic: &str,
    numbers: std::ops::Range<u32>,
) {
    for number in numbers {
        let text = number.to_string();
        let headers = OwnedHeaders::new().insert(Header {
            key: "number",
            value: Some(&text),
        });
        let record = BaseRecord::to(topic)
            .key(&text)
            .payload(&text)
            .headers(headers);
        producer.send(record).expect("the queue is large");
    }
}

/// Writes in transactions.
pub(crate) struct TransactionalWriter {
    producer: ThreadedProducer<DefaultProducerContext>,
    topic: String,
}

impl TransactionalWriter {
    pub(crate) fn new(servers: &str, topic: &str) -> Self {
        let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .set("transactional.id", format!("writer-of-{topic}"))
            .create()
            .expect("these properties are fine");
        let ready = producer.init_transactions(PATIENCE);
        ready.expect("the broker has transactions");
        Self {
            producer,
            topic: topic.to_owned(),
        }
    }

    /// Writes `first..end` as one transaction, as [`write`] does.
    pub(crate) fn write(&self, numbers: std::ops::Range<u32>) {
        let begun = self.producer.begin_transaction();
        begun.expect("none is open");
        send(&self.producer, &self.topic, numbers);
        let committed = self.producer.commit_transaction(PATIENCE);
        committed.expect("the broker takes them");
    }
}

/// What a member has handed over, in the order of each partition.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) numbers: BTreeMap<u32, usize>,
    pub(crate) positions: BTreeMap<TopicPartition, i64>,
    pub(crate) lost: Vec<TopicPartition>,
}

impl Taken {
    fn take(&mut self, record: &GroupRecord) {
        let value = record.value.as_ref().expect("each has a value");
        let text = std::str::from_utf8(value).expect("it is text");
        assert_eq!(record.key.as_deref(), Some(text.as_bytes()));
        assert_eq!(
            record.headers,
            [("number".to_owned(), value.clone())],
            "headers come along"
        );
        let number = text.parse().expect("it is a number");
        *self.numbers.entry(number).or_default() += 1;
        let next = self.positions.entry(record.from.clone()).or_default();
        assert!(record.offset >= *next, "{record:?} comes after {next}");
        *next = record.offset + 1;
    }

    /// Takes what happens next, and lets partitions go at once.
    pub(crate) async fn take_next(&mut self, member: &GroupConsumer) {
        match next(member).await {
            GroupEvent::Records(records) => records.iter().for_each(|one| self.take(one)),
            GroupEvent::Revoked { partitions, .. } => self.forget(&partitions),
            GroupEvent::Lost(partitions) => {
                self.forget(&partitions);
                self.lost.extend(partitions);
            }
        }
    }

    /// Takes until there are so many different numbers.
    pub(crate) async fn take_until(&mut self, member: &GroupConsumer, count: usize) {
        while self.numbers.len() < count {
            self.take_next(member).await;
        }
    }

    pub(crate) async fn commit(&self, member: &GroupConsumer) {
        let committed = member.commit(self.positions.clone()).await;
        assert_eq!(committed, Ok(()));
    }

    /// Whether each number was handed over once.
    pub(crate) fn is_exact(&self) -> bool {
        self.numbers.values().all(|times| *times == 1)
    }

    fn forget(&mut self, partitions: &[TopicPartition]) {
        self.positions.retain(|one, _| !partitions.contains(one));
    }
}

pub(crate) async fn next(member: &GroupConsumer) -> GroupEvent {
    let event = timeout(PATIENCE, member.next()).await;
    let event = event.unwrap_or_else(|_| panic!("nothing happens: {:?}", member.status()));
    event.expect("nobody has closed it")
}

pub(crate) async fn wait(what: &str, mut condition: impl FnMut() -> bool) {
    let waited = wait_until(PATIENCE, what, async || condition()).await;
    waited.unwrap_or_else(|error| panic!("{error}"));
}

pub(crate) fn partition(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition {
        topic: Arc::from(topic),
        partition,
    }
}
