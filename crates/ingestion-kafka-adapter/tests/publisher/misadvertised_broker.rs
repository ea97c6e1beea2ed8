//! Addresses that lead nowhere, of bootstrap servers and of what brokers call
//! themselves: health names that step, and no later one.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
};

use health_kit::HealthStatus;
use ingestion_application::ports::MessagePublisher as _;
use ingestion_kafka_adapter::{
    Delivery::{self, AtLeastOnce, ExactlyOnce},
    KafkaSettings,
};
use kafka_test_kit::{MisadvertisedBroker, unique_topic};
use tokio::task;

use crate::support::{PATIENCE, Rig};

/// Health says this of a broker that calls itself `advertised`, in every part
/// that has something to say.
async fn check(advertised: &str, delivery: Delivery, why: &str) {
    let broker = MisadvertisedBroker::start(advertised).await;
    let broker = broker.expect("a broker can be started");
    let (matches, letters) = (unique_topic("matches"), unique_topic("letters"));
    for topic in [&matches, &letters] {
        let created = broker.create_topic(topic, 1, &[]).await;
        created.expect("it is new");
    }
    let rig = Rig::start_with(KafkaSettings {
        publish_topic: matches.clone(),
        dead_letter_topic: letters,
        transactional_id: matches,
        delivery,
        ..KafkaSettings::at(&broker.address())
    });
    // What every start begins with.
    let asking = task::spawn({
        let publisher = Arc::clone(&rig.publisher);
        async move { publisher.published(1).await }
    });
    let expected = format!(
        "{} answers, but broker 1 calls itself {advertised}, which cannot be {why}",
        broker.address()
    );
    rig.wait_for_reason("kafka", &expected).await;
    let check = rig
        .wait_for("kafka", HealthStatus::Unhealthy, PATIENCE)
        .await;
    assert!(check.reason.contains("advertised.listeners"), "{check:?}");
    assert!(!check.reason.contains("__transaction_state"), "{check:?}");
    rig.stop.cancel();
    let answer = asking.await.expect("it does not panic");
    assert!(answer.is_err(), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_whose_name_is_not_known_is_named() {
    check("kafka.invalid:9092", ExactlyOnce, "resolved").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_where_it_says_is_named() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    // Nobody listens there any more.
    drop(taken);
    check(&address, AtLeastOnce, "reached").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bootstrap_server_whose_name_is_not_known_is_named() {
    let rig = Rig::start_with(KafkaSettings::at("kafka.invalid:9092"));
    rig.wait_for_reason("kafka", "check the names in KAFKA_BOOTSTRAP_SERVERS")
        .await;
    let check = rig.check("kafka");
    let expected = "no broker of kafka.invalid:9092 answers: kafka.invalid:9092/bootstrap: \
                    Failed to resolve";
    assert!(check.reason.starts_with(expected), "{check:?}");
}
