//! The publisher against Apache Kafka, undisturbed: the records, and where they are.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::{MatchIdRecord, PAYLOAD_SIZE_MAX_BYTES};
use health_kit::HealthStatus;
use ingestion_application::{DeadLetterReason, ports::MessagePublisher};
use ingestion_kafka_adapter::{
    Compression,
    Delivery::{self, AtLeastOnce, ExactlyOnce},
    KafkaSettings,
};
use ingestion_test_support::publisher::publisher_contract::{self, Arrived, Target};
use kafka_test_kit::{KafkaCluster, java_client_partitions, shared_broker, unique_topic};

use crate::support::{
    NOTICED_WITHIN, PATIENCE, RECEIVED_AT, Rig, SOURCE, a_dead_letter, a_match, counts,
    dead_letter, read, wait_until,
};

/// A publisher at the shared broker, with topics of its own.
async fn start(partitions: usize, delivery: Delivery) -> Rig {
    let broker = shared_broker().await.expect("a broker can be started");
    let (matches, letters) = (unique_topic("matches"), unique_topic("letters"));
    for (topic, partitions) in [(&matches, partitions), (&letters, 1)] {
        broker
            .create_topic(topic, partitions, &[])
            .await
            .expect("it is new");
    }
    start_at(broker.bootstrap_servers(), &matches, &letters, delivery)
}

fn start_at(servers: &str, matches: &str, letters: &str, delivery: Delivery) -> Rig {
    Rig::start_with(KafkaSettings {
        publish_topic: matches.to_owned(),
        dead_letter_topic: letters.to_owned(),
        delivery,
        transactional_id: matches.to_owned(),
        ..KafkaSettings::at(servers)
    })
}

/// Kafka's own default of max.message.bytes.
const DEFAULT_LIMIT: &str = "1048588";

/// A publisher that does not compress, at topics with these max.message.bytes.
async fn start_limited(matches_limit: &str, letters_limit: &str, delivery: Delivery) -> Rig {
    let broker = shared_broker().await.expect("a broker can be started");
    let (matches, letters) = (unique_topic("matches"), unique_topic("letters"));
    for (topic, limit) in [(&matches, matches_limit), (&letters, letters_limit)] {
        broker
            .create_topic(topic, 1, &[("max.message.bytes", limit)])
            .await
            .expect("it is new");
    }
    Rig::start_with(KafkaSettings {
        transactional_id: matches.clone(),
        publish_topic: matches,
        dead_letter_topic: letters,
        delivery,
        compression: Compression::None,
        ..KafkaSettings::at(broker.bootstrap_servers())
    })
}

struct Real {
    cluster: KafkaCluster,
    rig: Rig,
}

#[async_trait]
impl Target for Real {
    fn publisher(&self) -> Arc<dyn MessagePublisher> {
        Arc::clone(&self.rig.publisher) as _
    }

    fn room(&self) -> usize {
        20_000
    }

    async fn stop_acknowledging(&self) {
        self.cluster.pause(0).expect("it runs");
    }

    async fn acknowledge_again(&self) {
        self.cluster.resume(0).expect("it is paused");
    }

    async fn arrived(&self) -> Vec<Arrived> {
        self.rig.arrived().await
    }
}

async fn check_contract(delivery: Delivery) {
    // Not the shared broker, for it is paused.
    let cluster = KafkaCluster::start(1)
        .await
        .expect("a broker can be started");
    for topic in ["matches", "letters", "summaries"] {
        cluster
            .create_topic(topic, 12, &[])
            .await
            .expect("it is new");
    }
    let rig = Rig::start_with(KafkaSettings {
        publish_topic: "matches".to_owned(),
        dead_letter_topic: "letters".to_owned(),
        match_summary_topic: Some("summaries".to_owned()),
        delivery,
        ..KafkaSettings::at(cluster.bootstrap_servers())
    });
    publisher_contract::check(&Real { cluster, rig }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_publisher_keeps_the_contract() {
    check_contract(AtLeastOnce).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_publisher_keeps_the_contract_with_transactions() {
    check_contract(ExactlyOnce).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_as_promised_and_where_a_java_client_would_put_them() {
    const PARTITIONS: usize = 12;
    let rig = start(PARTITIONS, ExactlyOnce).await;
    let ids = (1..1000)
        .chain(8_943_267_000..8_943_268_000)
        .chain([i64::MAX]);
    for id in ids {
        rig.publish(a_match(id)).await;
    }
    rig.flush().await;
    let records = rig.read_matches().await;
    assert_eq!(records.len(), 2000);

    let keys: Vec<_> = records
        .iter()
        .map(|record| record.key.as_deref().expect("every match has a key"))
        .map(|key| String::from_utf8(key.to_vec()).expect("it is decimal"))
        .collect();
    for (record, key) in records.iter().zip(&keys) {
        assert_eq!(record.value, format!("{{\"match_id\":{key}}}"));
        let headers: Vec<_> = record
            .headers
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let expected: [(&str, &[u8]); 3] = [
            ("schema", MatchIdRecord::SCHEMA.as_bytes()),
            ("source", SOURCE.as_str().as_bytes()),
            ("received_at", b"2025-11-22T13:25:01.040Z"),
        ];
        assert_eq!(headers, expected);
    }
    let partitions: Vec<_> = records.iter().map(|record| record.partition).collect();
    let expected = java_client_partitions(&keys, PARTITIONS).expect("there is a Java client");
    assert_eq!(partitions, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_dead_letter_fits_into_a_topic_with_default_limits() {
    let rig = start(1, ExactlyOnce).await;
    let payload: Vec<u8> = (0..=250).cycle().take(PAYLOAD_SIZE_MAX_BYTES + 7).collect();
    rig.publish(a_dead_letter(payload.clone())).await;
    assert_eq!(rig.flush().await.dead_lettered, 1);
    let records = rig.read_dead_letters().await;
    let letter = dead_letter(&records[0]);
    assert_eq!(letter.payload, &payload[..PAYLOAD_SIZE_MAX_BYTES]);
    assert_eq!(
        (letter.size_bytes, letter.received_at),
        (payload.len(), RECEIVED_AT)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_too_large_for_their_topic_are_sent_as_single_records() {
    check_large_batches(AtLeastOnce).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_too_large_for_their_topic_are_sent_as_single_records_in_transactions() {
    check_large_batches(ExactlyOnce).await;
}

async fn check_large_batches(delivery: Delivery) {
    let rig = start_limited("16384", DEFAULT_LIMIT, delivery).await;
    rig.wait_until_healthy().await;
    rig.publish_matches(1..20_001).await;
    rig.wait_for_reason("publish_topic", "refuses large batches")
        .await;
    // A request each: a busy machine takes its time.
    wait_until(PATIENCE * 4, "all are settled", || {
        (rig.receipts.figures().pending == 0).then_some(())
    })
    .await;
    let figures = rig.flush().await;
    assert_eq!((figures.published, figures.dead_lettered), (20_000, 0));
    let records = rig.read_matches().await;
    assert_eq!(
        (records.len(), counts(&records).len()),
        (20_000, 20_000),
        "each match is in the topic once"
    );
    rig.wait_for("publish_topic", HealthStatus::Healthy, NOTICED_WITHIN)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_match_too_large_for_its_topic_becomes_a_dead_letter() {
    check_large_matches(AtLeastOnce).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_match_too_large_for_its_topic_becomes_a_dead_letter_in_transactions() {
    check_large_matches(ExactlyOnce).await;
}

async fn check_large_matches(delivery: Delivery) {
    let rig = start_limited("100", DEFAULT_LIMIT, delivery).await;
    rig.publish_matches(1..101).await;
    let figures = rig.flush().await;
    assert_eq!((figures.published, figures.dead_lettered), (0, 100));
    let records = rig.read_dead_letters().await;
    assert_eq!(counts(&records).len(), 100, "each with its value");
    for record in &records {
        let letter = dead_letter(record);
        assert_eq!(letter.reason, DeadLetterReason::RefusedByKafka.as_str());
        assert!(letter.detail.contains("too large"), "{}", letter.detail);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_too_large_together_are_not_cut() {
    check_large_letters(AtLeastOnce).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_too_large_together_are_not_cut_in_transactions() {
    check_large_letters(ExactlyOnce).await;
}

async fn check_large_letters(delivery: Delivery) {
    let rig = start_limited(DEFAULT_LIMIT, "16384", delivery).await;
    let payload = vec![b'x'; 1000];
    for _ in 0..100 {
        rig.publish(a_dead_letter(payload.clone())).await;
    }
    assert_eq!(rig.flush().await.dead_lettered, 100);
    let records = rig.read_dead_letters().await;
    assert_eq!(records.len(), 100);
    for record in &records {
        assert_eq!(dead_letter(record).payload, payload);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_beyond_the_limit_of_its_topic_is_cut_until_it_fits() {
    check_largest_letter(AtLeastOnce).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_beyond_the_limit_of_its_topic_is_cut_until_it_fits_in_transactions() {
    check_largest_letter(ExactlyOnce).await;
}

async fn check_largest_letter(delivery: Delivery) {
    let rig = start_limited(DEFAULT_LIMIT, "100000", delivery).await;
    rig.publish(a_dead_letter(vec![b'x'; PAYLOAD_SIZE_MAX_BYTES]))
        .await;
    assert_eq!(rig.flush().await.dead_lettered, 1);
    let records = rig.read_dead_letters().await;
    let letter = dead_letter(&records[0]);
    assert_eq!(
        (letter.payload.len(), letter.size_bytes),
        (PAYLOAD_SIZE_MAX_BYTES / 8, PAYLOAD_SIZE_MAX_BYTES)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_is_never_created_and_used_as_soon_as_somebody_does() {
    let broker = shared_broker().await.expect("a broker can be started");
    let (matches, letters) = (unique_topic("matches"), unique_topic("letters"));
    let servers = broker.bootstrap_servers();
    let rig = Rig::start(servers, &matches, &letters);
    rig.publish_matches(1..1001).await;
    let command = format!("--bootstrap-server {servers} --create --topic {matches} ");
    rig.wait_for_reason("publish_topic", &command).await;
    rig.wait_for("kafka", HealthStatus::Unhealthy, PATIENCE)
        .await;
    assert_eq!(
        rig.receipts.figures().pending,
        1000,
        "they wait for the topic"
    );
    for topic in [&matches, &letters] {
        broker
            .create_topic(topic, 3, &[])
            .await
            .expect("nobody has created it");
    }
    rig.wait_until_healthy().await;
    assert_eq!(rig.flush().await.published, 1000);
    assert_eq!(read(servers, &matches).await.len(), 1000);
}
