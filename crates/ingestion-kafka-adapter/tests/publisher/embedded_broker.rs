//! The publisher against the broker inside the process: every way a delivery can go.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
    time::Duration,
};

use contracts::PAYLOAD_SIZE_MAX_BYTES;
use health_kit::HealthStatus;
use ingestion_application::{DeadLetterReason, ports::MessagePublisher};
use ingestion_kafka_adapter::{Delivery, KafkaSettings};
use ingestion_test_support::{
    publisher::publisher_contract::{self, Arrived, Target},
    receipts::ReceiptFigures,
};
use kafka_kit::embedded::EmbeddedBroker;

use crate::support::{NOTICED_WITHIN, PATIENCE, Rig, a_dead_letter, a_match, counts, dead_letter};
use async_trait::async_trait;
use rdkafka::types::RDKafkaRespErr::{self, *};
use tokio::{runtime::Runtime, time::Instant};

const MATCHES: &str = "match_ids_raw";
const DEAD_LETTERS: &str = "match_ids_dead_letter";
const SUMMARIES: &str = "match_summaries";

fn start() -> (EmbeddedBroker, Rig) {
    let broker = EmbeddedBroker::start(&[(MATCHES, 16), (DEAD_LETTERS, 2), (SUMMARIES, 16)]);
    let broker = broker.expect("it needs nothing");
    let rig = Rig::start_with(KafkaSettings {
        match_summary_topic: Some(SUMMARIES.to_owned()),
        delivery: Delivery::AtLeastOnce,
        ..KafkaSettings::at(&broker.bootstrap_servers())
    });
    (broker, rig)
}

struct Embedded {
    broker: EmbeddedBroker,
    rig: Rig,
}

#[async_trait]
impl Target for Embedded {
    fn publisher(&self) -> Arc<dyn MessagePublisher> {
        Arc::clone(&self.rig.publisher) as _
    }

    fn room(&self) -> usize {
        20_000
    }

    async fn stop_acknowledging(&self) {
        self.broker.take_down().expect("it is up");
    }

    async fn acknowledge_again(&self) {
        self.broker.bring_up().expect("it is down");
    }

    async fn arrived(&self) -> Vec<Arrived> {
        self.rig.arrived().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_publisher_keeps_the_contract() {
    let (broker, rig) = start();
    publisher_contract::check(&Embedded { broker, rig }).await;
}

/// What became of so many matches when the first requests to write got `errors`.
async fn outcome(matches: i64, errors: &[RDKafkaRespErr]) -> ReceiptFigures {
    let (broker, rig) = start();
    rig.wait_until_healthy().await;
    broker.refuse_writes(errors);
    rig.publish_matches(1..1 + matches).await;
    let figures = rig.flush().await;
    let matches = counts(&rig.read_matches().await);
    assert_eq!(
        matches.len() as u64,
        figures.published,
        "{errors:?}: {matches:?}"
    );
    let letters = rig.read_dead_letters().await;
    assert_eq!(letters.len() as u64, figures.dead_lettered, "{errors:?}");
    for record in &letters {
        let letter = dead_letter(record);
        assert_eq!(letter.reason, DeadLetterReason::RefusedByKafka.as_str());
        assert!(letter.payload.starts_with(b"{\"match_id\":"), "{letter:?}");
        assert!(letter.detail.contains("Broker: "), "{letter:?}");
    }
    figures
}

#[tokio::test(flavor = "multi_thread")]
async fn records_failed_for_now_are_sent_again() {
    for error in [
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
        RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR__TRANSPORT,
        // In a batch these may be another record's fault.
        RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        RD_KAFKA_RESP_ERR_INVALID_RECORD,
    ] {
        assert_eq!(outcome(3, &[error]).await.published, 3, "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_refused_on_their_own_too_become_dead_letters() {
    for error in [
        RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        RD_KAFKA_RESP_ERR_INVALID_RECORD,
    ] {
        let figures = outcome(1, &[error; 2]).await;
        assert_eq!(figures.dead_lettered, 1, "{error:?}: {figures:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_failed_for_good_is_replaced() {
    let (broker, rig) = start();
    rig.wait_until_healthy().await;
    // Twice in a row, and with more records on their way than one request takes.
    for (ids, published) in [(1..5001, 5000), (5001..10_001, 10_000)] {
        broker.refuse_writes(&[RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER]);
        rig.publish_matches(ids).await;
        assert_eq!(rig.flush().await.published, published);
    }
    let counts = counts(&rig.read_matches().await);
    assert_eq!(counts.len(), 10_000, "every match is in the topic");
    rig.wait_until_healthy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_for_single_records_that_failed_for_good_is_replaced() {
    let errors = [
        RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
    ];
    assert_eq!(outcome(1, &errors).await.published, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_is_too_large_is_halved_until_it_fits() {
    let (broker, rig) = start();
    rig.wait_until_healthy().await;
    // The first refusal could be meant for its batch.
    broker.refuse_writes(&[RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE; 3]);
    let size_bytes = PAYLOAD_SIZE_MAX_BYTES * 3;
    rig.publish(a_dead_letter(vec![b'x'; size_bytes])).await;
    assert_eq!(rig.flush().await.dead_lettered, 1);
    let records = rig.read_dead_letters().await;
    let letter = dead_letter(&records[0]);
    assert_eq!(letter.payload.len(), PAYLOAD_SIZE_MAX_BYTES / 4);
    assert_eq!(letter.size_bytes, size_bytes);
    assert_eq!(
        letter.reason,
        DeadLetterReason::NotJson.as_str(),
        "it keeps its own reason"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn large_dead_letters_wait_for_room_of_their_size() {
    let (broker, rig) = start();
    broker.take_down().expect("it is up");
    let publishing = async {
        for _ in 0..100 {
            rig.publish(a_dead_letter(vec![b'x'; PAYLOAD_SIZE_MAX_BYTES]))
                .await;
        }
    };
    let taken = tokio::time::timeout(Duration::from_millis(500), publishing).await;
    assert!(taken.is_err(), "50 MB are more than there is room for");
    let pending = rig.receipts.figures().pending;
    assert!(
        (5..=20).contains(&pending),
        "{pending} large dead letters are held"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_shows_in_health_and_loses_nothing() {
    let (broker, rig) = start();
    rig.wait_until_healthy().await;
    rig.publish_matches(1..1001).await;
    broker.take_down().expect("it is up");
    rig.publish_matches(1001..2001).await;
    rig.wait_for("kafka", HealthStatus::Unhealthy, NOTICED_WITHIN)
        .await;
    let expected = format!("no broker of {} answers", broker.bootstrap_servers());
    rig.wait_for_reason("kafka", &expected).await;
    broker.bring_up().expect("it is down");
    rig.wait_for("kafka", HealthStatus::Healthy, NOTICED_WITHIN)
        .await;
    assert_eq!(rig.flush().await.published, 2000);
    let counts = counts(&rig.read_matches().await);
    assert_eq!(counts.len(), 2000, "every match is in the topic");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_what_to_do_about_a_topic() {
    let check = async |error, expected: &str| {
        let (broker, rig) = start();
        broker
            .refuse_topic(MATCHES, error)
            .expect("it is a valid name");
        rig.wait_for_reason("publish_topic", expected).await;
        assert_eq!(rig.check("publish_topic").status, HealthStatus::Unhealthy);
        rig.wait_for("dead_letter_topic", HealthStatus::Healthy, PATIENCE)
            .await;
    };
    check(
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        "--create --topic match_ids_raw --partitions 12",
    )
    .await;
    check(
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        "allow this user Describe on it",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_names_the_permission_to_write_until_it_is_there() {
    let (broker, rig) = start();
    rig.wait_until_healthy().await;
    broker.refuse_writes(&[RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 6]);
    rig.publish(a_match(1)).await;
    let refused = rig
        .wait_for("publish_topic", HealthStatus::Unhealthy, NOTICED_WITHIN)
        .await;
    assert!(
        refused.reason.contains("allow this user Write on it"),
        "{}",
        refused.reason
    );
    assert_eq!(rig.flush().await.published, 1);
    rig.wait_for("publish_topic", HealthStatus::Healthy, NOTICED_WITHIN)
        .await;
}

#[test]
fn nothing_waits_for_silent_brokers_at_the_end() {
    for delivery in [Delivery::AtLeastOnce, Delivery::ExactlyOnce] {
        check_end(delivery);
    }
}

fn check_end(delivery: Delivery) {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    let address = silent.local_addr().expect("it is bound");
    let runtime = Runtime::new().expect("there are threads to be had");
    let rig = runtime.block_on(async {
        let rig = Rig::start_with(KafkaSettings {
            delivery,
            ..KafkaSettings::at(&address.to_string())
        });
        rig.publish(a_match(1)).await;
        let publisher = Arc::clone(&rig.publisher);
        tokio::spawn(async move { publisher.published(1).await });
        rig
    });
    // The connection shows that a question is on its way.
    silent.accept().expect("it connects");
    let begun = Instant::now();
    drop(rig);
    drop(runtime);
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
}
