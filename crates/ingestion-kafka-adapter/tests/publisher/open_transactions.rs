//! Transactions of others, open in the topic of matches: what they hide is
//! neither taken for unwritten nor passed over in silence.

use std::sync::Arc;

use domain::MatchId;
use health_kit::HealthStatus;
use ingestion_application::ports::{ArchiveError, DeadLetterArchive as _, MessagePublisher as _};
use ingestion_kafka_adapter::{
    DeadLetterTopic,
    Delivery::{self, AtLeastOnce, ExactlyOnce},
    KafkaSettings,
};
use kafka_kit::embedded::OpenTransaction;
use kafka_test_kit::{shared_broker, unique_topic};
use tokio::task::{self, JoinHandle};

use crate::support::{NOTICED_WITHIN, PATIENCE, Rig, a_dead_letter, counts};

const PARTITIONS: i32 = 3;

/// Settings for new topics.
async fn settings(delivery: Delivery) -> KafkaSettings {
    let broker = shared_broker().await.expect("a broker can be started");
    let (matches, letters) = (unique_topic("matches"), unique_topic("letters"));
    for (topic, partitions) in [(&matches, 3), (&letters, 1)] {
        let created = broker.create_topic(topic, partitions, &[]).await;
        created.expect("it is new");
    }
    KafkaSettings {
        delivery,
        transactional_id: matches.clone(),
        publish_topic: matches,
        dead_letter_topic: letters,
        ..KafkaSettings::at(broker.bootstrap_servers())
    }
}

/// Leaves matches 1001 to 1030 in all partitions, neither committed nor aborted.
async fn open_transaction(settings: &KafkaSettings) -> OpenTransaction {
    let records = (1001..=1030).zip((0..PARTITIONS).cycle());
    let records = records.map(|(id, partition)| (partition, format!("{{\"match_id\":{id}}}")));
    let (servers, topic) = (&settings.client.bootstrap_servers, &settings.publish_topic);
    let id = format!("{topic}-other");
    let open = OpenTransaction::begin(servers, topic, &id, records.collect());
    open.await.expect("the broker takes it")
}

/// Asks what is published; the answer may be a while in coming.
fn ask(rig: &Rig) -> JoinHandle<Vec<i64>> {
    let publisher = Arc::clone(&rig.publisher);
    task::spawn(async move {
        let ids = publisher.published(1000).await;
        let ids = ids.expect("it is not stopped");
        let mut ids: Vec<_> = ids.into_iter().map(MatchId::get).collect();
        ids.sort_unstable();
        ids
    })
}

/// What was published behind an open transaction counts as published once
/// that has ended, and what was in it only if it was committed.
async fn check_start(delivery: Delivery, is_committed: bool) {
    let settings = settings(delivery).await;
    let first = Rig::start_with(settings.clone());
    first.publish_matches(1..11).await;
    first.flush().await;
    let open = open_transaction(&settings).await;
    first.publish_matches(11..41).await;
    first.flush().await;
    drop(first);

    let second = Rig::start_with(settings.clone());
    let answer = ask(&second);
    let topic = &settings.publish_topic;
    second
        .wait_for_reason("publish_topic", "a transaction of another producer is open")
        .await;
    let check = second.check("publish_topic");
    assert_eq!(check.status, HealthStatus::Unhealthy, "{check:?}");
    for expected in [
        format!("topic {topic}"),
        "partition ".to_owned(),
        "and in 2 further partitions".to_owned(),
        format!(
            "kafka-transactions.sh --bootstrap-server {} describe-producers --topic {topic}",
            settings.client.bootstrap_servers
        ),
        "--start-offset ".to_owned(),
        "transaction.timeout.ms".to_owned(),
    ] {
        assert!(check.reason.contains(&expected), "{expected}: {check:?}");
    }
    assert!(!answer.is_finished(), "it cannot be known");

    let mut expected: Vec<_> = (1..41).collect();
    let ended = if is_committed {
        expected.extend(1001..=1030);
        open.commit().await
    } else {
        open.abort().await
    };
    ended.expect("the broker ends it");
    assert_eq!(answer.await.expect("it does not panic"), expected);
    second
        .wait_for("publish_topic", HealthStatus::Healthy, NOTICED_WITHIN)
        .await;
    second.publish_matches(41..51).await;
    second.flush().await;
    let counts = counts(&second.read_matches().await);
    assert_eq!(counts.len(), expected.len() + 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_an_open_transaction_and_takes_what_was_aborted_for_unwritten() {
    check_start(ExactlyOnce, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_an_open_transaction_and_takes_what_was_committed_for_written() {
    check_start(ExactlyOnce, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_transactions_waits_for_those_of_others() {
    check_start(AtLeastOnce, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_an_open_transaction() {
    let settings = settings(ExactlyOnce).await;
    let open = open_transaction(&settings).await;
    let rig = Rig::start_with(settings);
    let publisher = Arc::clone(&rig.publisher);
    let answer = task::spawn(async move { publisher.published(1000).await });
    rig.wait_for_reason("publish_topic", "is open").await;
    rig.stop.cancel();
    let stopped = tokio::time::timeout(NOTICED_WITHIN, answer).await;
    let stopped = stopped.expect("at once").expect("it does not panic");
    assert!(stopped.is_err(), "{stopped:?}");
    open.abort().await.expect("the broker ends it");
}

/// What is acknowledged and cannot be read makes health degraded.
async fn check_hidden(delivery: Delivery) {
    let settings = settings(delivery).await;
    let rig = Rig::start_with(settings.clone());
    rig.publish_matches(1..11).await;
    rig.flush().await;
    rig.wait_until_healthy().await;
    let open = open_transaction(&settings).await;
    rig.publish_matches(11..41).await;
    rig.flush().await;
    let check = rig
        .wait_for("publish_topic", HealthStatus::Degraded, PATIENCE)
        .await;
    for expected in ["a transaction of another producer is open", "abort --topic"] {
        assert!(check.reason.contains(expected), "{check:?}");
    }
    rig.wait_for("kafka", HealthStatus::Healthy, PATIENCE).await;
    rig.publish_matches(41..51).await;
    rig.flush().await;
    assert_eq!(rig.read_matches().await.len(), 10, "nobody sees the others");
    open.abort().await.expect("the broker ends it");
    rig.wait_for("publish_topic", HealthStatus::Healthy, NOTICED_WITHIN)
        .await;
    assert_eq!(rig.read_matches().await.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_and_cannot_be_read_shows_in_health() {
    check_hidden(ExactlyOnce).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_and_cannot_be_read_shows_in_health() {
    check_hidden(AtLeastOnce).await;
}

/// The letters that are read, and what is said at the end.
async fn read_letters(settings: &KafkaSettings) -> (Vec<String>, Option<ArchiveError>) {
    let archive = DeadLetterTopic::try_new(settings).expect("these settings are fine");
    let reading = archive.read(None).await;
    let mut letters = reading.expect("the broker answers").letters;
    let mut read = Vec::new();
    while let Some(letter) = letters.recv().await {
        match letter {
            Ok(letter) => read.push(String::from_utf8_lossy(&letter.payload).into_owned()),
            Err(error) => return (read, Some(error)),
        }
    }
    (read, None)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_dead_letters_is_told_that_some_are_hidden() {
    let settings = settings(AtLeastOnce).await;
    let rig = Rig::start_with(settings.clone());
    rig.publish(a_dead_letter(b"before".to_vec())).await;
    rig.flush().await;
    let (servers, topic) = (
        &settings.client.bootstrap_servers,
        &settings.dead_letter_topic,
    );
    let id = format!("{topic}-other");
    let records = vec![(0, "another's".to_owned())];
    let open = OpenTransaction::begin(servers, topic, &id, records).await;
    let open = open.expect("the broker takes it");
    rig.publish(a_dead_letter(b"behind".to_vec())).await;
    rig.flush().await;

    let (letters, error) = read_letters(&settings).await;
    assert_eq!(letters, ["before"]);
    let error = error.expect("it is not the end").to_string();
    assert!(
        error.contains("a transaction of another producer is open"),
        "{error}"
    );
    open.abort().await.expect("the broker ends it");
    let all = read_letters(&settings).await;
    assert_eq!(all, (vec!["before".to_owned(), "behind".to_owned()], None));
}
