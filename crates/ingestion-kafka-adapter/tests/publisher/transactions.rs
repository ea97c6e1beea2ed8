//! The publisher with transactions, against Apache Kafka: each match once,
//! whoever starts, ends or fails in between.

use std::{
    collections::HashSet,
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
    time::Duration,
};

use domain::MatchId;
use health_kit::HealthStatus::Healthy;
use ingestion_application::ports::{MessagePublisher, PublishError};
use ingestion_kafka_adapter::{Compression, Delivery, KafkaSettings};
use kafka_test_kit::{KafkaCluster, shared_broker, unique_topic};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    producer::{BaseRecord, Producer, ThreadedProducer},
};
use tokio::{
    task,
    time::{Instant, sleep, timeout},
};

use crate::support::{PATIENCE, Rig, a_dead_letter, a_match, counts, wait_until};

async fn broker() -> &'static KafkaCluster {
    shared_broker().await.expect("a broker can be started")
}

/// Settings for topics of the test's own; they do not exist yet.
async fn settings() -> KafkaSettings {
    let matches = unique_topic("matches");
    KafkaSettings {
        delivery: Delivery::ExactlyOnce,
        transactional_id: matches.clone(),
        publish_topic: matches,
        dead_letter_topic: unique_topic("letters"),
        ..KafkaSettings::at(broker().await.bootstrap_servers())
    }
}

async fn create(topic: &str, partitions: usize) {
    let created = broker().await.create_topic(topic, partitions, &[]).await;
    created.expect("it is new");
}

/// A publisher at the shared broker, with topics of its own.
async fn start(partitions: usize) -> Rig {
    let settings = settings().await;
    create(&settings.publish_topic, partitions).await;
    create(&settings.dead_letter_topic, 1).await;
    Rig::start_with(settings)
}

/// How the run of a publisher ends.
async fn outcome(rig: &mut Rig) -> Result<(), PublishError> {
    let ended = timeout(PATIENCE, &mut rig.run).await;
    ended.expect("it ends").expect("it does not panic")
}

/// How many records a consumer sees that does not care what is committed.
async fn count_uncommitted(settings: &KafkaSettings) -> usize {
    let (servers, topic) = (
        settings.client.bootstrap_servers.clone(),
        settings.publish_topic.clone(),
    );
    let reading = task::spawn_blocking(move || {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .set("group.id", "uncommitted")
            .set("isolation.level", "read_uncommitted")
            .set("enable.partition.eof", "true")
            .create()
            .expect("these settings are fine");
        let mut all = TopicPartitionList::new();
        all.add_partition_offset(&topic, 0, Offset::Beginning)
            .expect("it is a valid offset");
        consumer.assign(&all).expect("it is a valid assignment");
        let mut count = 0;
        while let Some(Ok(record)) = consumer.poll(PATIENCE) {
            assert!(record.payload().is_some());
            count += 1;
        }
        count
    });
    reading.await.expect("reading does not panic")
}

/// Leaves `count` records at the end that were never committed.
async fn write_aborted(settings: &KafkaSettings, count: i64) {
    let (servers, topic) = (
        settings.client.bootstrap_servers.clone(),
        settings.publish_topic.clone(),
    );
    let writing = task::spawn_blocking(move || {
        let producer: ThreadedProducer<_> = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .set("transactional.id", format!("{topic}-aborted"))
            .create()
            .expect("these settings are fine");
        producer.init_transactions(PATIENCE)?;
        producer.begin_transaction()?;
        for id in 0..count {
            let payload = format!("{{\"match_id\":{}}}", 1_000_000 + id);
            let record = BaseRecord::<(), _>::to(&topic).payload(&payload);
            producer.send(record).map_err(|(error, _)| error)?;
        }
        producer.flush(PATIENCE)?;
        producer.abort_transaction(PATIENCE)
    });
    let written = writing.await.expect("writing does not panic");
    written.expect("Kafka takes it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_instance_shuts_the_earlier_one_out() {
    let mut first = start(3).await;
    first.publish_matches(1..101).await;
    first.flush().await;
    let second = Rig::start_with(first.settings.clone());
    let published = second.publisher.published(1000).await;
    assert_eq!(published.expect("the brokers answer").len(), 100);

    first.publish_matches(101..201).await;
    let ended = outcome(&mut first).await;
    assert!(
        matches!(&ended, Err(PublishError::Fenced { .. })),
        "{ended:?}"
    );
    assert_eq!(
        first.receipts.figures().published,
        100,
        "no more are settled"
    );
    let receipt = first.receipts.give_out();
    let refused = first.publisher.publish(a_match(201), receipt).await;
    assert_eq!(refused, ended, "nothing more is taken");
    assert_eq!(first.publisher.published(1).await.map(|_| ()), ended);
    let health = first.check("kafka").reason;
    assert!(
        health.contains("another instance has taken over"),
        "{health}"
    );

    second.publish_matches(101..301).await;
    assert_eq!(second.flush().await.published, 200);
    let counts = counts(&second.read_matches().await);
    assert_eq!(counts.len(), 300, "every match is there");
    assert!(counts.values().all(|count| *count == 1), "and none twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_replaces_its_producer_gives_way_to_one_started_in_between() {
    let settings = KafkaSettings {
        compression: Compression::None,
        // So that a hundred matches gather in one transaction.
        linger: Duration::from_millis(500),
        ..settings().await
    };
    let created =
        broker()
            .await
            .create_topic(&settings.publish_topic, 1, &[("max.message.bytes", "8192")]);
    created.await.expect("it is new");
    create(&settings.dead_letter_topic, 1).await;
    let mut first = Rig::start_with(settings.clone());
    first.publish_matches(1..2).await;
    first.flush().await;
    // Too large a batch: its producer is replaced by one of single records,
    // which is replaced when there is something more to send.
    first.publish_matches(2..101).await;
    first.flush().await;

    let second = Rig::start_with(settings);
    let published = second.publisher.published(1000).await;
    assert_eq!(published.expect("the brokers answer").len(), 100);
    second.publish_matches(101..111).await;
    second.flush().await;

    first.publish_matches(101..111).await;
    let ended = outcome(&mut first).await;
    assert!(
        matches!(&ended, Err(PublishError::Fenced { reason }) if reason.contains("has written")),
        "{ended:?}"
    );
    assert_eq!(
        first.receipts.figures().pending,
        10,
        "its journal keeps them"
    );

    second.publish_matches(111..121).await;
    second.flush().await;
    let counts = counts(&second.read_matches().await);
    assert_eq!(counts.len(), 120, "every match is there");
    assert!(counts.values().all(|count| *count == 1), "and none twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_wait_for_room_are_told_that_another_instance_has_taken_over() {
    let mut first = start(1).await;
    first.publish_matches(1..2).await;
    first.flush().await;
    let second = Rig::start_with(first.settings.clone());
    second
        .publisher
        .published(1)
        .await
        .expect("the brokers answer");
    // More than there is room for, so that the last of them wait.
    let mut last = Ok(());
    for id in 2..30_002 {
        let receipt = first.receipts.give_out();
        last = first.publisher.publish(a_match(id), receipt).await;
        if last.is_err() {
            break;
        }
    }
    assert!(
        matches!(&last, Err(PublishError::Fenced { .. })),
        "{last:?}"
    );
    assert_eq!(outcome(&mut first).await, last);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_everything_within_seconds_though_brokers_are_silent() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    let address = silent.local_addr().expect("it is bound").to_string();
    let mut rig = Rig::start_with(KafkaSettings::at(&address));
    rig.publish(a_match(1)).await;
    let reading = tokio::spawn({
        let publisher = Arc::clone(&rig.publisher);
        async move { publisher.published(1).await }
    });
    // The connection shows that it has begun.
    silent.accept().expect("it connects");
    let begun = Instant::now();
    rig.stop.cancel();
    assert_eq!(outcome(&mut rig).await, Ok(()));
    let read = reading.await.expect("reading does not panic");
    assert!(
        matches!(&read, Err(PublishError::Stopped { .. })),
        "{read:?}"
    );
    let receipt = rig.receipts.give_out();
    let refused = rig.publisher.publish(a_match(2), receipt).await;
    assert_eq!(refused, read.map(|_| ()));
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    let flushed = rig.publisher.flush(Duration::from_millis(10)).await;
    assert!(flushed.is_err(), "the first one was never acknowledged");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_committed_is_never_seen() {
    let settings = settings().await;
    create(&settings.publish_topic, 1).await;
    let mut first = Rig::start_with(settings.clone());
    // Keeps the transaction open, for its topic does not exist.
    first.publish(a_dead_letter(b"{}".to_vec())).await;
    first.publish_matches(1..11).await;
    while count_uncommitted(&settings).await == 0 {
        assert_eq!(
            first.receipts.figures().published,
            0,
            "acknowledged is committed"
        );
    }
    first.stop.cancel();
    assert_eq!(outcome(&mut first).await, Ok(()));
    assert_eq!(first.read_matches().await, [], "nobody sees them");
    assert_eq!(first.receipts.figures().pending, 11, "nothing is settled");

    create(&settings.dead_letter_topic, 1).await;
    let second = Rig::start_with(settings);
    let published = second.publisher.published(100).await;
    assert_eq!(published, Ok(Vec::new()), "nor ever will");
    second.publish_matches(1..11).await;
    second.flush().await;
    assert_eq!(second.read_matches().await.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_without_a_topic_do_not_hold_matches_up() {
    let settings = settings().await;
    create(&settings.publish_topic, 3).await;
    let rig = Rig::start_with(settings.clone());
    for first in [1, 101, 201] {
        rig.publish(a_dead_letter(b"{}".to_vec())).await;
        rig.publish_matches(first..first + 100).await;
    }
    wait_until(PATIENCE, "the matches are settled", || {
        (rig.receipts.figures().published == 300).then_some(())
    })
    .await;
    assert_eq!(rig.receipts.figures().pending, 3);
    create(&settings.dead_letter_topic, 1).await;
    assert_eq!(rig.flush().await.dead_lettered, 3);
    assert_eq!(rig.read_matches().await.len(), 300);
    assert_eq!(rig.read_dead_letters().await.len(), 3);
    rig.wait_for("kafka", Healthy, PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_repeats_nothing() {
    const ROUND: i64 = 3_000;
    let mut rig = start(6).await;
    let settings = rig.settings.clone();
    let mut open = HashSet::new();
    let mut were_open = 0;
    for round in 0..4 {
        open.extend(1 + round * ROUND..=(1 + round) * ROUND);
        let ids: Vec<_> = open.iter().copied().collect();
        let (first, second) = ids.split_at(ids.len() / 2);
        for id in first {
            rig.publish(a_match(*id)).await;
        }
        wait_until(PATIENCE, "some are settled", || {
            (rig.receipts.figures().published > 0).then_some(())
        })
        .await;
        // Left where they are by then: waiting, or in a transaction that goes on.
        for id in second {
            rig.publish(a_match(*id)).await;
        }
        were_open += rig.receipts.figures().pending;
        drop(rig);
        rig = Rig::start_with(settings.clone());
        let published = rig.publisher.published(100_000).await;
        for id in published.expect("the brokers answer") {
            open.remove(&id.get());
        }
    }
    assert!(were_open > 0, "it was in the middle");
    for id in &open {
        rig.publish(a_match(*id)).await;
    }
    rig.flush().await;
    let counts = counts(&rig.read_matches().await);
    assert!(counts.keys().all(|id| (1..=4 * ROUND).contains(id)));
    assert_eq!(counts.len(), 12_000, "every match is there");
    assert!(counts.values().all(|count| *count == 1), "and none twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_ids_are_read_in_their_order_whatever_lies_between() {
    let rig = start(4).await;
    let published = async |count| -> Vec<i64> {
        let ids = rig.publisher.published(count).await;
        let ids = ids.expect("the brokers answer");
        ids.into_iter().map(MatchId::get).collect()
    };
    assert_eq!(published(100).await, [0_i64; 0], "of an empty topic");
    // Each transaction later than the one before, and of a few partitions.
    for first in (1..201).step_by(5) {
        rig.publish_matches(first..first + 5).await;
        rig.flush().await;
        sleep(Duration::from_millis(2)).await;
    }
    write_aborted(&rig.settings, 20_000).await;
    let group = |id: i64| (id - 1) / 5;
    for (count, oldest) in [(0, 201), (5, 196), (50, 151), (200, 1), (10_000, 1)] {
        let ids = published(count).await;
        assert_eq!(ids.len(), count.min(200));
        assert!(
            ids.is_sorted_by_key(|id| group(*id)),
            "the oldest first: {ids:?}"
        );
        let newest: HashSet<_> = (oldest..201).collect();
        assert_eq!(ids.into_iter().collect::<HashSet<_>>(), newest);
    }
}
