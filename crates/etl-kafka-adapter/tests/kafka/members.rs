//! The adapter as a member of a group, by the suite that holds every one.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use async_trait::async_trait;
use etl_application::ports::RecordConsumer;
use etl_kafka_adapter::{KafkaRecords, KafkaSettings};
use etl_test_support::consumer_contract::{self, Group};
use health_kit::SystemClock;
use kafka_kit::embedded::EmbeddedBroker;
use kafka_test_kit::{shared_broker, unique_topic};

use crate::support::{IDS, LETTERS, SUMMARIES, Writer};

/// A group of Kafka that reads one topic of ids.
struct KafkaGroup {
    settings: KafkaSettings,
    topic: String,
    writer: Writer,
    written: AtomicI64,
}

impl KafkaGroup {
    fn new(servers: &str, topic: &str) -> Self {
        Self {
            settings: KafkaSettings {
                group_id: format!("loaders-of-{topic}"),
                match_summary_topic: None,
                match_id_topic: Some(topic.to_owned()),
                ..KafkaSettings::at(servers)
            },
            topic: topic.to_owned(),
            writer: Writer::new(servers),
            written: AtomicI64::new(0),
        }
    }
}

#[async_trait]
impl Group for KafkaGroup {
    async fn arrive(&self, count: usize) {
        for _ in 0..count {
            let id = self.written.fetch_add(1, Ordering::Relaxed) + 1;
            self.writer.write_id_to(&self.topic, id);
        }
    }

    async fn join(&self) -> Arc<dyn RecordConsumer> {
        Arc::new(
            KafkaRecords::try_new(&self.settings, Arc::new(SystemClock))
                .expect("these settings are fine"),
        )
    }
}

fn embedded() -> (EmbeddedBroker, KafkaGroup) {
    let broker = EmbeddedBroker::start(&[(SUMMARIES, 1), (IDS, 3), (LETTERS, 1)]);
    let broker = broker.expect("it needs nothing");
    let group = KafkaGroup::new(&broker.bootstrap_servers(), IDS);
    (broker, group)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_record_comes_once_and_in_order() {
    let (_broker, group) = embedded();
    consumer_contract::each_record_comes_once_and_in_order(&group).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_member_goes_on_where_it_was_committed() {
    let (_broker, group) = embedded();
    consumer_contract::the_next_member_goes_on_where_it_was_committed(&group).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_is_let_go_before_it_is_read_on() {
    let broker = shared_broker().await.expect("a broker can be started");
    let topic = unique_topic("moving");
    let created = broker.create_topic(&topic, 4, &[]).await;
    created.expect("it is a new topic");
    let group = KafkaGroup::new(broker.bootstrap_servers(), &topic);
    consumer_contract::a_partition_is_let_go_before_it_is_read_on(&group).await;
}
