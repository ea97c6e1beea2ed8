//! What has been written and cannot be read yet.
//!
//! Consumers read a partition up to its stable offset: the first record of the
//! oldest transaction that is still open there. A transaction which another producer has left
//! open, such as a process that was killed and started again under another
//! transactional id, hides all that was written after it, committed or not.
//! Whose it is only the brokers know, and librdkafka has no words to ask them:
//! so what is said names the place, and the command that tells the rest.

use std::{fmt, thread};

use kafka_kit::{error_code::code_of, reader::Reader};
use rdkafka::{ClientConfig, error::RDKafkaErrorCode};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use crate::topic::{end_offsets::EndOffsets, published_tail::NoTail};

/// Before a transaction that is open is looked at again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// Transactions of others may be short, and follow one another: for so long
/// nobody needs to hear of them.
const DECIDED_WITHIN: Duration = Duration::from_secs(1);

/// The end of a partition that nobody can read, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hidden {
    pub(crate) partition: i32,
    /// The stable offset, at which the oldest open transaction begins.
    pub(crate) from: i64,
    /// The offset after the last record that was to be read.
    pub(crate) end: i64,
    /// In so many other partitions something is hidden as well.
    pub(crate) further: usize,
}

/// A topic as everybody sees it, and as consumers of committed records do.
pub(crate) struct Sight {
    everything: Reader,
    committed: Reader,
}

impl Sight {
    /// # Errors
    /// What librdkafka does not accept of `config`, which is a consumer's.
    pub(crate) fn open(config: &ClientConfig, topic: &str) -> Result<Self, RDKafkaErrorCode> {
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

    /// The high watermark of every partition.
    ///
    /// # Errors
    /// When the brokers do not tell.
    pub(crate) fn ends(&self) -> Result<EndOffsets, RDKafkaErrorCode> {
        let partitions = self.everything.partitions()?;
        let end = |partition| Ok((partition, self.everything.range(partition)?.1));
        partitions.into_iter().map(end).collect()
    }

    /// What cannot be read of that which is before `ends`; nothing in a topic
    /// made anew, where there is no such offset.
    ///
    /// # Errors
    /// When the brokers do not tell.
    pub(crate) fn hidden(&self, ends: &EndOffsets) -> Result<Option<Hidden>, RDKafkaErrorCode> {
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

/// Waits until all that is in the topic now is decided: it can be read, or
/// never will be. Blocks while it does, and tells what it waits for if that
/// takes long, and that it waits no more.
///
/// What the newest records are cannot be told before: those which are hidden
/// may be committed already.
///
/// # Errors
/// [`NoTail`] when it is stopped or refused; to try again is the caller's.
pub(crate) fn wait_until_decided(
    config: &ClientConfig,
    topic: &str,
    stop: &CancellationToken,
    tell: impl Fn(Option<Hidden>),
) -> Result<(), NoTail> {
    let sight = Sight::open(config, topic)?;
    let ends = sight.ends()?;
    let begun = Instant::now();
    while let Some(hidden) = sight.hidden(&ends)? {
        if begun.elapsed() > DECIDED_WITHIN {
            tell(Some(hidden));
        }
        if stop.is_cancelled() {
            return Err(NoTail::Stopped);
        }
        thread::sleep(LOOK_AGAIN_AFTER);
    }
    tell(None);
    Ok(())
}

impl Hidden {
    /// What is hidden in one more partition, besides what was found before.
    pub(crate) fn with(found: Option<Self>, partition: i32, from: i64, end: i64) -> Self {
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
    pub(crate) fn explain(&self, topic: &str, bootstrap_servers: &str) -> String {
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
