//! The publisher against an Apache Kafka that is absent, killed, frozen, or
//! loses a topic: nothing is lost, and health notices in time.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use health_kit::{
    HealthReporter,
    HealthStatus::{Healthy, Unhealthy},
};
use ingestion_application::ports::Message;
use ingestion_kafka_adapter::{
    Delivery::{self, AtLeastOnce, ExactlyOnce},
    KafkaSettings,
};
use kafka_test_kit::KafkaCluster;
use tokio::time::{sleep, timeout};

use crate::support::{
    NOTICED_WITHIN, PATIENCE, Rig, a_dead_letter, a_match, counts, dead_letter, wait_until,
};

async fn start(brokers: usize) -> KafkaCluster {
    let cluster = KafkaCluster::start(brokers)
        .await
        .expect("brokers can be started");
    for topic in ["matches", "letters"] {
        cluster
            .create_topic(topic, 12, &[])
            .await
            .expect("it is new");
    }
    cluster
}

fn publisher(cluster: &KafkaCluster, delivery: Delivery) -> Rig {
    Rig::start_with(KafkaSettings {
        publish_topic: "matches".to_owned(),
        dead_letter_topic: "letters".to_owned(),
        delivery,
        ..KafkaSettings::at(cluster.bootstrap_servers())
    })
}

/// Publishes in small steps, so that a disturbance hits records in every state.
async fn publish_slowly(rig: &Rig, ids: std::ops::Range<i64>) {
    for first in ids.clone().step_by(100) {
        rig.publish_matches(first..ids.end.min(first + 100)).await;
        // The pace of a feed, not a wait for anything.
        sleep(Duration::from_millis(5)).await;
    }
}

/// Every match of `ids` is in the topic, and none twice.
async fn expect_each_once(rig: &Rig, ids: std::ops::Range<i64>) {
    let figures = rig.flush().await;
    assert_eq!(figures.published, ids.clone().count() as u64);
    let counts = counts(&rig.read_matches().await);
    let repeated: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert_eq!(repeated, [], "no match is there twice");
    let found: HashSet<_> = counts.into_keys().collect();
    assert_eq!(found, ids.collect(), "every match is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_absent_at_first_then_killed_then_frozen_loses_nothing() {
    check_broker(AtLeastOnce).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_absent_at_first_then_killed_then_frozen_loses_nothing_in_transactions() {
    check_broker(ExactlyOnce).await;
}

async fn check_broker(delivery: Delivery) {
    let cluster = start(1).await;
    cluster.kill(0).expect("it runs");
    let rig = publisher(&cluster, delivery);
    publish_slowly(&rig, 1..2001).await;
    rig.wait_for_reason("kafka", "Connection refused").await;
    cluster.restart(0).expect("it is dead");
    rig.wait_until_healthy().await;
    publish_slowly(&rig, 2001..3001).await;

    cluster.kill(0).expect("it runs");
    publish_slowly(&rig, 3001..4001).await;
    rig.wait_for("kafka", Unhealthy, NOTICED_WITHIN).await;
    cluster.restart(0).expect("it is dead");
    rig.wait_for("kafka", Healthy, PATIENCE).await;
    publish_slowly(&rig, 4001..6001).await;
    rig.flush().await;

    cluster.pause(0).expect("it runs");
    publish_slowly(&rig, 6001..8001).await;
    rig.wait_for("kafka", Unhealthy, NOTICED_WITHIN).await;
    cluster.resume(0).expect("it is paused");
    rig.wait_for("kafka", Healthy, NOTICED_WITHIN).await;
    expect_each_once(&rig, 1..8001).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_deleted_and_created_again_takes_records_again() {
    check_topic(AtLeastOnce).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_deleted_and_created_again_takes_records_again_in_transactions() {
    check_topic(ExactlyOnce).await;
}

async fn check_topic(delivery: Delivery) {
    let cluster = start(1).await;
    let rig = publisher(&cluster, delivery);
    rig.wait_until_healthy().await;
    publish_slowly(&rig, 1..2001).await;
    rig.flush().await;
    cluster.delete_topic("matches").await.expect("it is there");
    publish_slowly(&rig, 2001..4001).await;
    rig.wait_for("publish_topic", Unhealthy, NOTICED_WITHIN)
        .await;
    rig.wait_for_reason("publish_topic", "--create --topic matches ")
        .await;
    cluster
        .create_topic("matches", 6, &[])
        .await
        .expect("nobody has created it");
    rig.wait_for("publish_topic", Healthy, NOTICED_WITHIN).await;
    rig.wait_for("kafka", Healthy, NOTICED_WITHIN).await;
    publish_slowly(&rig, 4001..6001).await;
    assert_eq!(rig.flush().await.published, 6000);
    let found: HashSet<_> = counts(&rig.read_matches().await).into_keys().collect();
    assert_eq!(
        found,
        (2001..6001).collect(),
        "all since the deletion is there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_into_a_topic_that_is_made_anew_hold_nothing_up() {
    check_renewals(AtLeastOnce).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_into_a_topic_that_is_made_anew_hold_nothing_up_in_transactions() {
    check_renewals(ExactlyOnce).await;
}

/// Some of the deletions meet messages on their way of which librdkafka never
/// reports anything again; without transactions this was never seen.
async fn check_renewals(delivery: Delivery) {
    const ROUNDS: i64 = 15;
    const RESUMES_WITHIN: Duration = Duration::from_secs(10);
    let cluster = start(1).await;
    let rig = publisher(&cluster, delivery);
    rig.wait_until_healthy().await;
    for round in 0..ROUNDS {
        let first = 1 + round * 10_000;
        let renewal = async {
            cluster.delete_topic("matches").await.expect("it is there");
            // Brokers know the name until they have forgotten the topic.
            let creation =
                async { while cluster.create_topic("matches", 12, &[]).await.is_err() {} };
            let created = timeout(PATIENCE, creation).await;
            created.expect("they forget it soon");
        };
        tokio::join!(publish_slowly(&rig, first..first + 8000), renewal);
        wait_until(RESUMES_WITHIN, "all are settled", || {
            (rig.receipts.figures().pending == 0).then_some(())
        })
        .await;
    }
    let last = 1 + ROUNDS * 10_000;
    publish_slowly(&rig, last..last + 2000).await;
    let settled = i64::try_from(rig.flush().await.published);
    assert_eq!(settled, Ok(ROUNDS * 8000 + 2000));
    let found: HashSet<_> = counts(&rig.read_matches().await).into_keys().collect();
    let missing = (last..last + 2000).filter(|id| !found.contains(id)).count();
    assert_eq!(missing, 0, "all since the last renewal are there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_of_matches_made_anew_under_a_transaction_gets_all_of_it() {
    check_transaction("matches", a_match, async |rig| {
        let records = rig.read_matches().await;
        counts(&records)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_of_dead_letters_made_anew_under_a_transaction_gets_all_of_it() {
    let letter = |id: i64| a_dead_letter(id.to_string().into_bytes());
    check_transaction("letters", letter, async |rig| {
        let mut counts = HashMap::new();
        for record in rig.read_dead_letters().await {
            let text = str::from_utf8(dead_letter(&record).payload);
            let id = text.expect("it is decimal").parse();
            *counts.entry(id.expect("it is decimal")).or_default() += 1;
        }
        counts
    })
    .await;
}

/// The first records of a transaction are in the old topic when it is deleted,
/// the last ones come into the new one: committed, it would be half lost.
async fn check_transaction(
    topic: &str,
    message: impl Fn(i64) -> Message,
    count: impl AsyncFn(&Rig) -> HashMap<i64, usize>,
) {
    let cluster = start(1).await;
    for round in 0..8 {
        let rig = publisher(&cluster, ExactlyOnce);
        rig.wait_until_healthy().await;
        let publishing = async {
            for id in 1..2501 {
                rig.publish(message(id)).await;
                // Each partition holds some before the deletion.
                if id > 800 {
                    // The pace of a feed, not a wait for anything.
                    sleep(Duration::from_millis(1)).await;
                }
            }
        };
        let settled = || {
            let figures = rig.receipts.figures();
            figures.published + figures.dead_lettered
        };
        let renewal = async {
            wait_until(PATIENCE, "the first are settled", || {
                (settled() > 0).then_some(())
            })
            .await;
            // A different moment in each round, not a wait for anything.
            sleep(Duration::from_millis(round * 11)).await;
            cluster.delete_topic(topic).await.expect("it is there");
            wait_until(NOTICED_WITHIN, "the loss is noticed", || {
                let mut checks = rig.publisher.checks().into_iter();
                checks
                    .any(|check| check.reason.contains("--create"))
                    .then_some(())
            })
            .await;
            let before = settled();
            sleep(Duration::from_millis(round * 53)).await;
            cluster
                .create_topic(topic, 12, &[])
                .await
                .expect("nobody has created it");
            i64::try_from(before).expect("there are few")
        };
        let ((), before) = tokio::join!(publishing, renewal);
        rig.flush().await;
        let found = count(&rig).await;
        let missing: Vec<_> = (before + 1..2501)
            .filter(|id| !found.contains_key(id))
            .collect();
        assert_eq!(missing, Vec::<i64>::new(), "in round {round}");
        assert!(found.values().all(|count| *count == 1), "none is twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_broker_of_three_may_die() {
    check_cluster(AtLeastOnce).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_broker_of_three_may_die_in_transactions() {
    check_cluster(ExactlyOnce).await;
}

async fn check_cluster(delivery: Delivery) {
    let cluster = start(3).await;
    let rig = publisher(&cluster, delivery);
    publish_slowly(&rig, 1..2001).await;
    cluster.kill(1).expect("it runs");
    publish_slowly(&rig, 2001..4001).await;
    expect_each_once(&rig, 1..4001).await;
}
