//! The positions of the group, as the brokers know them, and setting them back.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, ensure};
use rand::{RngExt as _, rngs::StdRng};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
};
use test_kit::waiting::wait_for;
use tokio::task::block_in_place;

use crate::support::{DEADLINE, PARTITIONS, Topics};

/// How long brokers have for one answer; they are asked again.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

/// Whoever looks at the group and is no member of it.
pub(super) struct Group {
    consumer: BaseConsumer,
    topics: [String; 2],
}

/// Of each partition of each topic the offset at which the group goes on.
type Positions = BTreeMap<(String, i32), i64>;

/// What was set back.
pub(super) struct Rewound {
    pub(super) partitions: usize,
    pub(super) records: i64,
}

impl Group {
    pub(super) fn of(topics: &Topics) -> Result<Self> {
        let consumer = ClientConfig::new()
            .set("bootstrap.servers", &topics.bootstrap_servers)
            .set("group.id", &topics.group)
            .set("enable.auto.commit", "false")
            .set("reconnect.backoff.max.ms", "500")
            .set("log.connection.close", "false")
            .set_log_level(rdkafka::config::RDKafkaLogLevel::Emerg)
            .create()?;
        Ok(Self {
            consumer,
            topics: [topics.summaries.clone(), topics.ids.clone()],
        })
    }

    /// How many records the group has done with, those that it has done with
    /// again not counted; none while brokers do not answer.
    pub(super) fn committed(&self) -> Option<i64> {
        Some(self.positions().ok()?.values().sum())
    }

    /// How many records the group has not done with; none while brokers do not answer.
    pub(super) fn lag(&self) -> Option<i64> {
        let committed = self.positions().ok()?;
        let lag = block_in_place(|| {
            committed
                .iter()
                .map(|((topic, partition), position)| {
                    let range =
                        self.consumer
                            .fetch_watermarks(topic, *partition, ANSWER_TIME_MAX)?;
                    Ok(range.1 - position)
                })
                .sum::<Result<i64>>()
        });
        lag.ok()
    }

    fn positions(&self) -> Result<Positions> {
        let mut asked = TopicPartitionList::new();
        for topic in &self.topics {
            asked.add_partition_range(topic, 0, i32::try_from(PARTITIONS)? - 1);
        }
        let answer = block_in_place(|| self.consumer.committed_offsets(asked, ANSWER_TIME_MAX))?;
        let elements = answer.elements();
        let positions = elements.iter().map(|one| {
            one.error()?;
            // Of those that the group has never committed there is none.
            let position = one.offset().to_raw().unwrap_or_default().max(0);
            Ok(((one.topic().to_owned(), one.partition()), position))
        });
        positions.collect()
    }

    /// Sets some partitions back, anywhere between their beginning and where
    /// they are. Brokers permit that as soon as the group has no member.
    pub(super) async fn rewind(&self, rng: &mut StdRng) -> Result<Rewound> {
        let answered = "brokers tell the positions of the group";
        let positions = wait_for(DEADLINE, answered, async || self.positions().ok()).await?;
        let mut set = TopicPartitionList::new();
        let mut records = 0;
        for ((topic, partition), position) in positions {
            if position > 0 && rng.random_bool(0.5) {
                let back_to = rng.random_range(0..position);
                records += position - back_to;
                set.add_partition_offset(&topic, partition, Offset::Offset(back_to))?;
            }
        }
        let permitted = "the group has no member, and its positions can be set";
        wait_for(DEADLINE, permitted, async || {
            let set = block_in_place(|| self.consumer.commit(&set, CommitMode::Sync));
            (set.is_ok() || records == 0).then_some(())
        })
        .await?;
        let partitions = set.count();
        ensure!(
            self.lag().is_none_or(|lag| lag >= records),
            "the positions of the group have not been set back"
        );
        Ok(Rewound {
            partitions,
            records,
        })
    }
}
