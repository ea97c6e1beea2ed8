//! The member of the group, as the port wants it.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Timestamp;
use etl_application::ports::{
    CommitFailed, ConsumerEvent, ConsumerStatus, PartitionLag, Positions, RecordConsumer,
    TopicPartition,
};
use health_kit::Clock;
use kafka_kit::{
    consumer::{GroupConsumer, GroupEvent, GroupRecord, TopicPartition as KafkaPartition},
    settings::SettingsError,
};

use crate::{
    judge::{Contract, judge},
    settings::KafkaSettings,
};

/// Reads the topics as a member of the service's group.
pub struct KafkaRecords {
    pub(crate) group: GroupConsumer,
    match_summary_topic: Option<String>,
    clock: Arc<dyn Clock>,
}

impl KafkaRecords {
    /// Starts to read; never waits for a broker. By the clock it is judged what
    /// is from the future.
    ///
    /// # Errors
    /// [`SettingsError`] names the settings that are wrong.
    pub fn try_new(settings: &KafkaSettings, clock: Arc<dyn Clock>) -> Result<Self, SettingsError> {
        SettingsError::unless_empty(settings.check())?;
        Ok(Self {
            group: GroupConsumer::start(&settings.group())?,
            match_summary_topic: settings.match_summary_topic.clone(),
            clock,
        })
    }

    fn judge(&self, record: GroupRecord) -> etl_application::Record {
        let is_summary = self.match_summary_topic.as_deref() == Some(&*record.from.topic);
        let contract = if is_summary {
            Contract::MatchSummary
        } else {
            Contract::MatchId
        };
        judge(record, contract, self.clock.now())
    }
}

#[async_trait]
impl RecordConsumer for KafkaRecords {
    async fn next(&self) -> Option<ConsumerEvent> {
        Some(match self.group.next().await? {
            GroupEvent::Records(records) => {
                let judged = records.into_iter().map(|record| self.judge(record));
                ConsumerEvent::Records(judged.collect())
            }
            GroupEvent::Revoked {
                partitions,
                release,
            } => ConsumerEvent::Revoked {
                partitions: partitions.into_iter().map(from_kafka).collect(),
                release,
            },
            GroupEvent::Lost(partitions) => {
                ConsumerEvent::Lost(partitions.into_iter().map(from_kafka).collect())
            }
        })
    }

    async fn commit(&self, positions: &Positions) -> Result<(), CommitFailed> {
        let positions = positions.iter();
        let positions = positions.map(|(partition, offset)| (to_kafka(partition), *offset));
        let committed = self.group.commit(positions).await;
        committed.map_err(|error| CommitFailed {
            detail: error.to_string(),
        })
    }

    async fn close(&self) {
        self.group.close().await;
    }
}

impl ConsumerStatus for KafkaRecords {
    fn partitions(&self) -> Vec<PartitionLag> {
        let partitions = self.group.status().partitions.into_iter();
        let lag = partitions.map(|(partition, status)| PartitionLag {
            topic: partition.topic,
            partition: partition.partition,
            position: status.committed,
            high_watermark: status.end,
            lag: status.lag(),
            last_record_at: status.taken_written_at_unix_ms.map(Timestamp::from_unix_ms),
        });
        lag.collect()
    }
}

fn from_kafka(one: KafkaPartition) -> TopicPartition {
    TopicPartition {
        topic: one.topic,
        partition: one.partition,
    }
}

fn to_kafka(one: &TopicPartition) -> KafkaPartition {
    KafkaPartition {
        topic: Arc::clone(&one.topic),
        partition: one.partition,
    }
}
