//! Instances that stand by, on a real Kafka: one writes at a time, and the next
//! knows all of it.

use std::{collections::BTreeSet, time::Duration};

use domain::MatchId;
use health_kit::HealthStatus;
use ingestion_application::ports::{Followed, MessagePublisher as _, PublishError};
use ingestion_kafka_adapter::KafkaSettings;
use kafka_test_kit::{shared_broker, unique_topic};
use tokio::time::{sleep, timeout};

use crate::support::{PATIENCE, Rig, counts};

async fn settings(partitions: usize) -> KafkaSettings {
    let broker = shared_broker().await.expect("a broker can be started");
    let (publish_topic, dead_letter_topic) = (unique_topic("shared"), unique_topic("letters"));
    for (topic, partitions) in [(&publish_topic, partitions), (&dead_letter_topic, 1)] {
        let created = broker.create_topic(topic, partitions, &[]).await;
        created.expect("it is new");
    }
    KafkaSettings {
        transactional_id: publish_topic.clone(),
        group_id: publish_topic.clone(),
        publish_topic,
        dead_letter_topic,
        is_standby: true,
        ..KafkaSettings::at(broker.bootstrap_servers())
    }
}

/// What has been told until it is this one's turn.
async fn followed(rig: &Rig) -> Option<Vec<i64>> {
    let told = timeout(PATIENCE, rig.publisher.followed(1000, 0)).await;
    let Followed { ids, .. } = told.expect("it is told soon").expect("it goes on")?;
    Some(ids.into_iter().map(MatchId::get).collect())
}

/// Follows until so many ids were told.
async fn follow(rig: &Rig, count: usize) -> BTreeSet<i64> {
    let mut told = BTreeSet::new();
    while told.len() < count {
        for id in followed(rig).await.expect("another one publishes") {
            assert!(told.insert(id), "{id} is told twice");
        }
    }
    told
}

async fn published(rig: &Rig) -> BTreeSet<i64> {
    let ids = timeout(PATIENCE, rig.publisher.published(1000)).await;
    let ids = ids.expect("it can be read").expect("it goes on");
    ids.into_iter().map(MatchId::get).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_follows_and_takes_over_with_all_that_was_published() {
    let settings = settings(3).await;
    let mut first = Rig::start_with(settings.clone());
    assert_eq!(published(&first).await, BTreeSet::new());
    assert_eq!(followed(&first).await, None, "it is its turn");
    first.publish_matches(1..101).await;
    first.flush().await;

    let second = Rig::start_with(settings);
    second.wait_for_reason("standby", "is active").await;
    second
        .wait_for("standby", HealthStatus::Healthy, PATIENCE)
        .await;
    first
        .wait_for_reason("standby", "this instance is active")
        .await;
    assert_eq!(follow(&second, 100).await, (1..101).collect());
    first.publish_matches(101..151).await;
    first.flush().await;
    assert_eq!(
        follow(&second, 50).await,
        (101..151).collect(),
        "and no more"
    );

    // Waiting for its turn it writes nothing, and fences nobody.
    let waiting = timeout(Duration::from_secs(1), second.publisher.published(1000));
    assert!(waiting.await.is_err());
    first.publish_matches(151..201).await;
    first.flush().await;
    first.stop.cancel();
    let ended = timeout(PATIENCE, &mut first.run).await.expect("it ends");
    assert_eq!(
        ended.expect("it does not panic"),
        Ok(()),
        "it was not fenced"
    );

    let mut told = BTreeSet::new();
    while let Some(ids) = followed(&second).await {
        told.extend(ids);
    }
    told.extend(published(&second).await);
    assert_eq!(told, (151..201).collect(), "the rest, and no more");
    second.publish_matches(201..251).await;
    second.flush().await;
    let counts = counts(&second.read_matches().await);
    assert_eq!(counts.len(), 250);
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_fenced_ends_and_commits_nothing_more() {
    let settings = settings(1).await;
    let mut active = Rig::start_with(settings.clone());
    published(&active).await;
    active.publish_matches(1..11).await;
    active.flush().await;
    // One that does not ask the group: whoever opens a producer is the writer.
    let other = Rig::start_with(KafkaSettings {
        is_standby: false,
        ..settings
    });
    assert_eq!(published(&other).await, (1..11).collect());
    other.publish_matches(11..21).await;
    other.flush().await;
    for message in (21..31).map(crate::support::a_match) {
        let receipt = active.receipts.give_out();
        // It may have heard of it already.
        let _ = active.publisher.publish(message, receipt).await;
    }
    let ended = timeout(PATIENCE, &mut active.run)
        .await
        .expect("it hears of it");
    let ended = ended.expect("it does not panic");
    assert!(
        matches!(ended, Err(PublishError::Fenced { .. })),
        "{ended:?}"
    );
    let counts = counts(&other.read_matches().await);
    assert_eq!(
        counts.len(),
        20,
        "those of the one that was fenced are not there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_is_asked_to_end_fences_nobody() {
    let settings = settings(1).await;
    let active = Rig::start_with(settings.clone());
    published(&active).await;
    let standby = Rig::start_with(settings);
    standby.wait_for_reason("standby", "is active").await;
    standby.stop.cancel();
    let told = timeout(PATIENCE, standby.publisher.published(10)).await;
    let told = told.expect("it has ended");
    assert!(
        matches!(told, Err(PublishError::Stopped { .. })),
        "{told:?}"
    );
    sleep(Duration::from_millis(300)).await;
    active.publish_matches(1..11).await;
    active.flush().await;
}
