//! Reads whole topics, as a check of what arrived.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use rdkafka::{
    ClientConfig, ClientContext, Message, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    message::{BorrowedMessage, Headers as _},
    metadata::MetadataTopic,
    topic_partition_list::TopicPartitionListElem,
};
use tokio::time::Instant;

use super::EmbeddedError;

/// How long the brokers have to name a topic's partitions and their ends.
const OPEN_TIME_MAX: Duration = Duration::from_secs(10);

/// Reads every partition of a topic; committed records only.
///
/// It belongs to no group and commits nothing. All its methods block: call
/// them from a thread of their own or from `spawn_blocking`.
pub struct TopicReader {
    consumer: BaseConsumer<Quiet>,
    topic: String,
    partitions: Vec<i32>,
}

/// Where to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// At the oldest record that is still there.
    Beginning,
    /// After the last record that is there now.
    End,
}

/// A record as it is in the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicRecord {
    /// Its key, if it has one.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Bytes,
    /// Its headers, names and values, in their order.
    pub headers: Vec<(String, Bytes)>,
    /// The partition it is in.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
}

impl TopicReader {
    /// Opens a topic that exists.
    ///
    /// # Errors
    /// [`EmbeddedError::Refused`] when the brokers do not answer or do not know the topic.
    pub fn open(
        bootstrap_servers: &str,
        topic: &str,
        from: ReadFrom,
    ) -> Result<Self, EmbeddedError> {
        let refused = || EmbeddedError::refused(format!("reading the topic {topic}"));
        let consumer: BaseConsumer<Quiet> = ClientConfig::new()
            .set("bootstrap.servers", bootstrap_servers)
            .set("client.id", "topic-reader")
            // Asked for by librdkafka; without subscription nobody joins it.
            .set("group.id", "topic-reader")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("topic.metadata.refresh.interval.ms", "5000")
            // What is read ahead is bounded, over all partitions together.
            .set("queued.min.messages", "20000")
            .set("queued.max.messages.kbytes", "4096")
            .set("log.connection.close", "false")
            .create_with_context(Quiet)
            .map_err(refused())?;
        let assigned = assignment(&consumer, topic, from).map_err(refused())?;
        consumer.assign(&assigned).map_err(refused())?;
        Ok(Self {
            consumer,
            topic: topic.to_owned(),
            partitions: assigned
                .elements()
                .iter()
                .map(TopicPartitionListElem::partition)
                .collect(),
        })
    }

    /// Reads up to the present end of every partition; for a reader that has
    /// just been opened, as each end is told once.
    ///
    /// # Errors
    /// [`EmbeddedError`] when the brokers do not tell the ends, or the records
    /// up to there do not come within `deadline`.
    pub fn read_to_end(&self, deadline: Duration) -> Result<Vec<TopicRecord>, EmbeddedError> {
        let action = format!("reading the topic {} to its end", self.topic);
        let begun = Instant::now();
        let mut open = HashMap::new();
        for partition in &self.partitions {
            let range = self
                .consumer
                .fetch_watermarks(&self.topic, *partition, deadline);
            let (first, end) = range.map_err(EmbeddedError::refused(&action))?;
            if first < end {
                open.insert(*partition, end);
            }
        }
        let mut records = Vec::new();
        while !open.is_empty() {
            if begun.elapsed() > deadline {
                return Err(EmbeddedError::DeadlinePassed { action, deadline });
            }
            let mut ended = Vec::new();
            self.for_each(
                usize::MAX,
                Duration::from_millis(100),
                |message| {
                    if open
                        .get(&message.partition())
                        .is_some_and(|end| message.offset() + 1 >= *end)
                    {
                        open.remove(&message.partition());
                    }
                    records.push(to_record(message));
                },
                // The last offsets may be those of markers, not of records.
                |partition| ended.push(partition),
            );
            open.retain(|partition, _| !ended.contains(partition));
        }
        Ok(records)
    }

    /// Waits up to `wait` for records and takes at most `count_max` of them.
    ///
    /// An empty answer means that nothing came, brokers away or not.
    #[must_use]
    pub fn read(&self, count_max: usize, wait: Duration) -> Vec<TopicRecord> {
        let mut records = Vec::new();
        let take = |message: &BorrowedMessage<'_>| records.push(to_record(message));
        self.for_each(count_max, wait, take, |_| {});
        records
    }

    /// Like [`read`](Self::read), but takes what `decode` makes of each value,
    /// and nothing else: a quick way to count.
    ///
    /// # Errors
    /// The first of `decode`.
    pub fn read_values<T, E>(
        &self,
        count_max: usize,
        wait: Duration,
        decode: impl Fn(&[u8]) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        let mut values = Vec::new();
        let mut first_error = Ok(());
        let take =
            |message: &BorrowedMessage<'_>| match decode(message.payload().unwrap_or_default()) {
                Ok(value) => values.push(value),
                Err(error) if first_error.is_ok() => first_error = Err(error),
                Err(_) => {}
            };
        self.for_each(count_max, wait, take, |_| {});
        first_error.map(|()| values)
    }

    /// Waits for the first record, then takes what is there already.
    fn for_each(
        &self,
        count_max: usize,
        wait: Duration,
        mut take: impl FnMut(&BorrowedMessage<'_>),
        mut end: impl FnMut(i32),
    ) {
        let begun = Instant::now();
        let mut count = 0;
        while count < count_max {
            let left = if count == 0 {
                wait.saturating_sub(begun.elapsed())
            } else {
                Duration::ZERO
            };
            match self.consumer.poll(left) {
                Some(Ok(message)) => {
                    take(&message);
                    count += 1;
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => end(partition),
                // The connection comes back by itself.
                Some(Err(error)) => tracing::debug!(%error, "the topic reader goes on"),
                None if count == 0 && begun.elapsed() < wait => {}
                None => return,
            }
        }
    }
}

/// The partitions and where to start in each. The end is asked for now: left
/// to the first fetch it would come later, and miss what is written meanwhile.
fn assignment(
    consumer: &BaseConsumer<Quiet>,
    topic: &str,
    from: ReadFrom,
) -> Result<TopicPartitionList, KafkaError> {
    let metadata = consumer.fetch_metadata(Some(topic), OPEN_TIME_MAX)?;
    let known = metadata.topics().iter().flat_map(MetadataTopic::partitions);
    let mut list = TopicPartitionList::new();
    for partition in known {
        let offset = match from {
            ReadFrom::Beginning => Offset::Beginning,
            ReadFrom::End => {
                let (_, end) = consumer.fetch_watermarks(topic, partition.id(), OPEN_TIME_MAX)?;
                Offset::Offset(end)
            }
        };
        list.add_partition_offset(topic, partition.id(), offset)?;
    }
    if list.count() == 0 {
        let missing = RDKafkaErrorCode::UnknownTopicOrPartition;
        return Err(KafkaError::MetadataFetch(missing));
    }
    Ok(list)
}

fn to_record(message: &BorrowedMessage<'_>) -> TopicRecord {
    let headers = message
        .headers()
        .into_iter()
        .flat_map(|headers| headers.iter());
    TopicRecord {
        key: message.key().map(Bytes::copy_from_slice),
        value: Bytes::copy_from_slice(message.payload().unwrap_or_default()),
        headers: headers
            .map(|header| {
                let value = header.value.unwrap_or_default();
                (header.key.to_owned(), Bytes::copy_from_slice(value))
            })
            .collect(),
        partition: message.partition(),
        offset: message.offset(),
    }
}

/// Its log is for debugging: what matters is what it reads.
struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, line: &str) {
        tracing::debug!(facility, "topic reader: {line}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, "topic reader: {reason}");
    }
}

impl ConsumerContext for Quiet {}
