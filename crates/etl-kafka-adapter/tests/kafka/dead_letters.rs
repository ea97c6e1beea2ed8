//! What cannot be loaded is set aside as it was.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use etl_application::{
    DeadLetterReason, Invalid, RawRecord, Record,
    ports::{DeadLetterSink, TopicPartition},
};
use etl_kafka_adapter::{DeadLetterTopic, KafkaSettings, Redriver};
use health_kit::HealthStatus;
use kafka_kit::embedded::EmbeddedBroker;
use kafka_test_kit::{KafkaCluster, shared_broker, unique_topic};
use rdkafka::types::RDKafkaRespErr::{
    RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
    RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
};
use tokio::{task, time::timeout};

use crate::support::{IDS, LETTERS, PATIENCE, Rig, SUMMARIES, read};

fn record(key: Option<&'static str>, value: Bytes) -> Record {
    let reason = DeadLetterReason::NotJson;
    Record {
        from: TopicPartition {
            topic: Arc::from(SUMMARIES),
            partition: 3,
        },
        offset: 41,
        content: Err(Invalid {
            reason,
            detail: String::new(),
        }),
        raw: RawRecord {
            key: key.map(|key| Bytes::from_static(key.as_bytes())),
            value: Some(value),
            headers: vec![
                ("schema".to_owned(), Bytes::from_static(b"match_summary/1")),
                ("odd".to_owned(), Bytes::from_static(b"\xff\x00")),
            ],
        },
    }
}

fn start() -> (EmbeddedBroker, Rig) {
    let broker = EmbeddedBroker::start(&[(SUMMARIES, 1), (IDS, 1), (LETTERS, 1)]);
    let broker = broker.expect("it needs nothing");
    let rig = Rig::start(&KafkaSettings::at(&broker.bootstrap_servers()));
    (broker, rig)
}

async fn set_aside(rig: &Rig, record: &Record, detail: &str) {
    let done = rig
        .letters
        .set_aside(record, DeadLetterReason::NotJson, detail);
    timeout(PATIENCE, done).await.expect("its topic takes it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_arrives_unchanged_with_the_reason_behind_its_headers() {
    let (broker, rig) = start();
    set_aside(
        &rig,
        &record(Some("5"), Bytes::from_static(b"\xffno")),
        "no UTF-8",
    )
    .await;
    set_aside(&rig, &record(None, Bytes::new()), &"ü".repeat(1000)).await;
    let letters = read(&broker.bootstrap_servers(), LETTERS).await;
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0].key.as_deref(), Some(&b"5"[..]));
    assert_eq!(letters[0].value, &b"\xffno"[..]);
    let header = |name: &str, value: &'static [u8]| (name.to_owned(), Bytes::from_static(value));
    assert_eq!(
        letters[0].headers,
        [
            header("schema", b"match_summary/1"),
            header("odd", b"\xff\x00"),
            header("reason", b"not_json"),
            header("detail", b"no UTF-8"),
            header("topic", SUMMARIES.as_bytes()),
            header("partition", b"3"),
            header("offset", b"41"),
        ]
    );
    assert_eq!(letters[1].key, None, "no key is not an empty one");
    assert_eq!(letters[1].headers[3].1.len(), 1024);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_a_value_stays_one_when_it_is_redriven() {
    let (broker, rig) = start();
    let mut tombstone = record(Some("5"), Bytes::new());
    tombstone.raw.value = None;
    set_aside(&rig, &tombstone, "").await;
    let settings = KafkaSettings::at(&broker.bootstrap_servers());
    let topic = DeadLetterTopic::try_new(&settings).expect("these settings are fine");
    let mut reading = topic.read(None).await.expect("the topic is there");
    let letter = reading.records.recv().await.expect("a letter is there");
    let letter = letter.expect("it is read");
    assert_eq!(letter.record.value, None);
    let redriver = Redriver::try_new(&settings).expect("these settings are fine");
    assert_eq!(redriver.send(&[letter]).await, (1, None));
    let again = rig.take(1).await.remove(0).raw;
    assert_eq!(again.value, None, "no value is not an empty one");
    assert_eq!(again.key, tombstone.raw.key);
    assert_eq!(again.headers, tombstone.raw.headers);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_tried_until_it_is_taken() {
    let (broker, rig) = start();
    for error in [
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        // Its producer has failed for good.
        RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
    ] {
        broker.refuse_writes(&[error]);
        set_aside(&rig, &record(Some("1"), Bytes::from_static(b"{}")), "").await;
    }
    let letters = read(&broker.bootstrap_servers(), LETTERS).await;
    assert_eq!(letters.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_why_nothing_can_be_set_aside() {
    let (broker, rig) = start();
    broker.refuse_writes(&[RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 5]);
    let done = task::spawn({
        let letters = Arc::clone(&rig.letters);
        async move {
            let record = record(Some("1"), Bytes::from_static(b"{}"));
            letters
                .set_aside(&record, DeadLetterReason::NotJson, "")
                .await;
        }
    });
    let check = format!("topic.{LETTERS}");
    rig.wait_for(
        &check,
        HealthStatus::Unhealthy,
        "allow this user Write on it",
    )
    .await;
    timeout(PATIENCE, done)
        .await
        .expect("it is tried again")
        .expect("it does not panic");
    rig.wait_for(&check, HealthStatus::Healthy, "each with a leader")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_is_waited_for_and_a_large_record_is_taken() {
    let broker: &KafkaCluster = shared_broker().await.expect("a broker can be started");
    let settings = KafkaSettings {
        dead_letter_topic: unique_topic("letters"),
        ..KafkaSettings::at(broker.bootstrap_servers())
    };
    let rig = Rig::start(&settings);
    let letters = Arc::clone(&rig.letters);
    let done = task::spawn(async move {
        // As large as a record may be, and headers more.
        let record = record(Some("1"), Bytes::from(vec![b'x'; 1024 * 1024]));
        letters
            .set_aside(&record, DeadLetterReason::NotJson, "large")
            .await;
    });
    let topic = &settings.dead_letter_topic;
    let check = format!("topic.{topic}");
    rig.wait_for(&check, HealthStatus::Unhealthy, "does not exist")
        .await;
    let configs = [("max.message.bytes", "2097152")];
    let created = broker.create_topic(topic, 1, &configs).await;
    created.expect("the service has not made it");
    timeout(PATIENCE + Duration::from_secs(30), done)
        .await
        .expect("it is tried again")
        .expect("it does not panic");
    let letters = read(broker.bootstrap_servers(), topic).await;
    assert_eq!(letters.len(), 1, "once");
    assert_eq!(letters[0].value.len(), 1024 * 1024);
}
