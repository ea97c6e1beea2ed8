//! Two topics for each test, and what is in them.

use std::time::Duration;

use anyhow::{Result, ensure};
use contracts::MatchIdRecord;
use kafka_kit::embedded::{ReadFrom, TopicReader, TopicRecord};
use kafka_test_kit::{KafkaCluster, shared_broker, unique_topic};
use tokio::time::Instant;

use super::DEADLINE;

/// Partitions of a topic for matches.
pub(crate) const PARTITIONS: usize = 12;

/// Two topics of a broker that belong to one test.
pub(crate) struct Topics {
    pub(crate) bootstrap_servers: String,
    pub(crate) publish: String,
    pub(crate) dead_letter: String,
}

impl Topics {
    /// Topics on the shared broker.
    pub(crate) async fn create() -> Result<Self> {
        Self::create_on(shared_broker().await?).await
    }

    /// Topics on a broker of the test's own.
    pub(crate) async fn create_on(cluster: &KafkaCluster) -> Result<Self> {
        let topics = Self::named_only(cluster.bootstrap_servers());
        cluster
            .create_topic(&topics.publish, PARTITIONS, &[])
            .await?;
        cluster.create_topic(&topics.dead_letter, 1, &[]).await?;
        Ok(topics)
    }

    /// Names that no topic has yet.
    pub(crate) fn named_only(bootstrap_servers: &str) -> Self {
        Self {
            bootstrap_servers: bootstrap_servers.to_owned(),
            publish: unique_topic("match_ids_raw"),
            dead_letter: unique_topic("match_ids_dead_letter"),
        }
    }

    /// The same topics, through another listener of the broker.
    pub(crate) fn at(&self, bootstrap_servers: &str) -> Self {
        Self {
            bootstrap_servers: bootstrap_servers.to_owned(),
            publish: self.publish.clone(),
            dead_letter: self.dead_letter.clone(),
        }
    }

    /// Reads the publish topic from its beginning until it holds `count` records,
    /// and a moment longer, so that a record too many shows.
    pub(crate) async fn published(&self, count: usize) -> Result<Vec<TopicRecord>> {
        read(&self.bootstrap_servers, &self.publish, count).await
    }

    /// The same for a further topic of the broker.
    pub(crate) async fn records(&self, topic: &str, count: usize) -> Result<Vec<TopicRecord>> {
        read(&self.bootstrap_servers, topic, count).await
    }

    /// The same for the dead-letter topic.
    pub(crate) async fn dead_lettered(&self, count: usize) -> Result<Vec<TopicRecord>> {
        read(&self.bootstrap_servers, &self.dead_letter, count).await
    }

    /// The ids in the publish topic, sorted, repeated ones each time.
    pub(crate) async fn published_ids(&self, count: usize) -> Result<Vec<i64>> {
        let (servers, topic) = (self.bootstrap_servers.clone(), self.publish.clone());
        let ids = tokio::task::spawn_blocking(move || -> Result<Vec<i64>> {
            let reader = TopicReader::open(&servers, &topic, ReadFrom::Beginning)?;
            let mut ids = Vec::with_capacity(count);
            let begun = Instant::now();
            let mut read_before = usize::MAX;
            while ids.len() < count && begun.elapsed() < DEADLINE || ids.len() != read_before {
                read_before = ids.len();
                ids.extend(reader.read_values(count + 1, READ_WAIT, MatchIdRecord::decode_id)?);
            }
            Ok(ids.into_iter().map(domain::MatchId::get).collect())
        });
        let mut ids = ids.await??;
        ids.sort_unstable();
        Ok(ids)
    }
}

/// A topic has no more when nothing comes for so long.
const READ_WAIT: Duration = Duration::from_millis(500);

async fn read(bootstrap_servers: &str, topic: &str, count: usize) -> Result<Vec<TopicRecord>> {
    let (servers, topic) = (bootstrap_servers.to_owned(), topic.to_owned());
    tokio::task::spawn_blocking(move || {
        let reader = TopicReader::open(&servers, &topic, ReadFrom::Beginning)?;
        let mut records = Vec::new();
        let begun = Instant::now();
        let mut read_before = usize::MAX;
        while records.len() < count && begun.elapsed() < DEADLINE || records.len() != read_before {
            read_before = records.len();
            records.extend(reader.read(count + 1, READ_WAIT));
        }
        ensure!(
            records.len() >= count,
            "{topic} holds {} records, not {count}",
            records.len()
        );
        Ok(records)
    })
    .await?
}
