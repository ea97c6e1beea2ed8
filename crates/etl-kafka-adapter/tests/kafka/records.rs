//! From the topics to what their records say.

use std::sync::Arc;

use etl_application::{
    Content, DeadLetterReason,
    ports::{ConsumerStatus, RecordConsumer, TopicPartition},
};
use etl_kafka_adapter::KafkaSettings;
use health_kit::HealthStatus;
use kafka_kit::embedded::EmbeddedBroker;
use kafka_test_kit::{shared_broker, unique_topic};

use crate::support::{IDS, LETTERS, Rig, SUMMARIES, Writer, match_id, summary};

fn start() -> (EmbeddedBroker, Rig, Writer) {
    let broker = EmbeddedBroker::start(&[(SUMMARIES, 2), (IDS, 2), (LETTERS, 1)]);
    let broker = broker.expect("it needs nothing");
    let servers = broker.bootstrap_servers();
    let rig = Rig::start(&KafkaSettings::at(&servers));
    (broker, rig, Writer::new(&servers))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_topic_is_read_by_its_contract_and_what_is_wrong_is_said() {
    let (_broker, rig, writer) = start();
    writer.write_summary(7);
    writer.write_id(8);
    writer.write(SUMMARIES, Some(b"9"), b"{\"match_id\":9}", &[]);
    let (mut answers, mut ids, mut invalid) = (Vec::new(), Vec::new(), Vec::new());
    for record in rig.take(3).await {
        match record.content {
            Ok(Content::Summary(answer)) => answers.push(answer),
            Ok(Content::Id(id)) => ids.push(id),
            Err(wrong) => invalid.push((record.raw, wrong.reason)),
        }
    }
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].summary, summary(7));
    assert_eq!(&*answers[0].source, "opendota_pages");
    assert_eq!(ids, [match_id(8)]);
    assert_eq!(invalid.len(), 1);
    let (raw, reason) = &invalid[0];
    assert_eq!(*reason, DeadLetterReason::SchemaMissing);
    assert_eq!(raw.key.as_deref(), Some(&b"9"[..]));
    assert_eq!(raw.value_bytes(), b"{\"match_id\":9}");
    rig.records.close().await;
    assert!(rig.records.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_it_is_is_known_and_told() {
    let (_broker, rig, writer) = start();
    for id in 1..=5 {
        writer.write(IDS, Some(id.to_string().as_bytes()), b"", &[]);
    }
    rig.wait_for("kafka", HealthStatus::Healthy, "answer").await;
    rig.wait_for("partitions", HealthStatus::Healthy, "2 of match_ids_raw")
        .await;
    let check = format!("topic.{IDS}");
    let to_go = "2 of the 2 partitions of topic match_ids_raw, with 5 records to go";
    rig.wait_for(&check, HealthStatus::Healthy, to_go).await;
    rig.wait_for(&format!("topic.{LETTERS}"), HealthStatus::Healthy, "")
        .await;

    let records = rig.take(5).await;
    let positions = records
        .iter()
        .map(|record| (record.from.clone(), record.offset + 1));
    let elsewhere = TopicPartition {
        topic: Arc::from(IDS),
        partition: 99,
    };
    let positions = positions.chain([(elsewhere, 4)]).collect();
    rig.records
        .commit(&positions)
        .await
        .expect("what is not ours is left out");
    rig.wait_for(&check, HealthStatus::Healthy, "has read all of them")
        .await;
    let of_ids = || {
        let all = rig.records.partitions().into_iter();
        all.filter(|one| &*one.topic == IDS).collect::<Vec<_>>()
    };
    let ids = of_ids();
    assert_eq!(ids.len(), 2);
    let position: i64 = ids.iter().filter_map(|one| one.position).sum();
    assert_eq!(position, 5, "{ids:?}");
    assert_eq!(ids.iter().filter_map(|one| one.lag).sum::<u64>(), 0);
    assert!(ids.iter().any(|one| one.last_record_at.is_some()));
    rig.records.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_without_a_name_is_not_read() {
    let broker = EmbeddedBroker::start(&[(SUMMARIES, 1), (IDS, 1), (LETTERS, 1)]);
    let broker = broker.expect("it needs nothing");
    let servers = broker.bootstrap_servers();
    let writer = Writer::new(&servers);
    writer.write_summary(1);
    writer.write_id(2);
    let rig = Rig::start(&KafkaSettings {
        match_summary_topic: None,
        ..KafkaSettings::at(&servers)
    });
    let taken = rig.take(1).await;
    assert!(matches!(taken[0].content, Ok(Content::Id(id)) if id == match_id(2)));
    let topics: Vec<_> = rig.records.partitions();
    assert!(topics.iter().all(|one| &*one.topic == IDS), "{topics:?}");
    rig.records.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_what_is_missing_and_when_it_is_there() {
    let broker = shared_broker().await.expect("a broker can be started");
    let (ids, letters) = (unique_topic("ids"), unique_topic("letters"));
    let created = broker.create_topic(&letters, 1, &[]).await;
    created.expect("it is a new topic");
    let rig = Rig::start(&KafkaSettings {
        group_id: format!("loaders-of-{ids}"),
        match_summary_topic: None,
        match_id_topic: Some(ids.clone()),
        dead_letter_topic: letters,
        ..KafkaSettings::at(broker.bootstrap_servers())
    });
    let check = format!("topic.{ids}");
    let expected = format!("--create --topic {ids} --partitions 12");
    rig.wait_for(&check, HealthStatus::Unhealthy, &expected)
        .await;
    let created = broker.create_topic(&ids, 3, &[]).await;
    created.expect("the service has not made it");
    rig.wait_for(&check, HealthStatus::Healthy, "3 of the 3 partitions")
        .await;
    rig.wait_for("partitions", HealthStatus::Healthy, "has 3 of ids")
        .await;
    rig.records.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_shows_and_its_end_too() {
    let (broker, rig, writer) = start();
    let check = format!("topic.{IDS}");
    rig.wait_for(&check, HealthStatus::Healthy, "2 of the 2 partitions")
        .await;
    broker.take_down().expect("it is up");
    rig.wait_for("kafka", HealthStatus::Unhealthy, "no broker of")
        .await;
    rig.wait_for(&check, HealthStatus::Unhealthy, "while no broker answers")
        .await;
    broker.bring_up().expect("it is down");
    rig.wait_for("kafka", HealthStatus::Healthy, "answer").await;
    rig.wait_for(&check, HealthStatus::Healthy, "2 of the 2 partitions")
        .await;
    writer.write_id(5);
    assert_eq!(rig.take(1).await.len(), 1);
    rig.records.close().await;
}
