//! What has been written and cannot be read yet.
//!
//! Consumers read a partition up to its stable offset: the first record of the
//! oldest transaction that is still open there. A transaction which another producer has left
//! open, such as a process that was killed and started again under another
//! transactional id, hides all that was written after it, committed or not.
//! Whose it is only the brokers know, and librdkafka has no words to ask them:
//! so what is said names the place, and the command that tells the rest.

use std::{collections::BTreeMap, fmt};

use rdkafka::{ClientConfig, error::RDKafkaErrorCode};

use crate::{error_code::code_of, reader::Reader};

/// Of each partition the offset after its last record of some kind; 0 where
/// there is none.
pub type EndOffsets = BTreeMap<i32, i64>;

/// The end of a partition that nobody can read, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hidden {
    /// The first such partition.
    pub partition: i32,
    /// The stable offset, at which the oldest open transaction begins.
    pub from: i64,
    /// The offset after the last record that was to be read.
    pub end: i64,
    /// In so many other partitions something is hidden as well.
    pub further: usize,
}

/// A topic as everybody sees it, and as consumers of committed records do.
pub struct Sight {
    everything: Reader,
    committed: Reader,
}

impl Sight {
    /// Prepares to look, through readers of the topic.
    ///
    /// # Errors
    /// What librdkafka does not accept of `config`, which is a consumer's.
    pub fn open(config: &ClientConfig, topic: &str) -> Result<Self, RDKafkaErrorCode> {
        let open = |level| {
            let mut config = config.clone();
            config.set("isolation.level", level);
            // Nothing is read, and without a group they are gone at once.
            config.remove("group.id");
            Reader::open(&config, topic).map_err(|error| code_of(&error))
        };
        Ok(Self {
            everything: open("read_uncommitted")?,
            committed: open("read_committed")?,
        })
    }

    /// The reader that sees everything.
    pub(crate) fn everything(&self) -> &Reader {
        &self.everything
    }

    /// The high watermark of every partition.
    ///
    /// # Errors
    /// When the brokers do not tell.
    pub fn ends(&self) -> Result<EndOffsets, RDKafkaErrorCode> {
        let partitions = self.everything.partitions()?;
        let end = |partition| Ok((partition, self.everything.range(partition)?.1));
        partitions.into_iter().map(end).collect()
    }

    /// What cannot be read of that which is before `ends`; nothing in a topic
    /// made anew, where there is no such offset.
    ///
    /// # Errors
    /// When the brokers do not tell.
    pub fn hidden(&self, ends: &EndOffsets) -> Result<Option<Hidden>, RDKafkaErrorCode> {
        let mut hidden = None;
        for (&partition, &end) in ends {
            let (_, from) = self.committed.range(partition)?;
            if from >= end || from >= self.everything.range(partition)?.1 {
                continue;
            }
            hidden = Some(Hidden::with(hidden, partition, from, end));
        }
        Ok(hidden)
    }
}

impl Hidden {
    /// What is hidden in one more partition, besides what was found before.
    #[must_use]
    pub fn with(found: Option<Self>, partition: i32, from: i64, end: i64) -> Self {
        match found {
            Some(found) => Self {
                further: found.further + 1,
                ..found
            },
            None => Self {
                partition,
                from,
                end,
                further: 0,
            },
        }
    }

    /// Says what is hidden, why, and what to do about it.
    #[must_use]
    pub fn explain(&self, topic: &str, bootstrap_servers: &str) -> String {
        let Self {
            partition,
            from,
            end,
            further,
        } = self;
        let command = format!("kafka-transactions.sh --bootstrap-server {bootstrap_servers}");
        let place = format!("--topic {topic} --partition {partition}");
        format!(
            "a transaction of another producer is open in topic {topic}, partition {partition}, \
             from offset {from} on, and keeps readers from all up to offset {end}{}; it ends by \
             itself when transaction.timeout.ms of that producer has passed, on most brokers after \
             15 minutes at most; `{command} describe-producers {place}` tells its producer id, \
             `{command} list` whose that is, and `{command} abort {place} --start-offset {from}` \
             ends it at once",
            Further(*further)
        )
    }
}

/// ", and in 2 further partitions", if there are any.
struct Further(usize);

impl fmt::Display for Further {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            1 => f.write_str(", and in 1 further partition"),
            count => write!(f, ", and in {count} further partitions"),
        }
    }
}
