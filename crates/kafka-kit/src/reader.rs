//! A consumer that looks at one topic, and belongs to no group.

use rdkafka::{
    ClientConfig, ClientContext, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
    metadata::{Metadata, MetadataPartition, MetadataTopic},
};
use tokio::time::Duration;

use crate::{error_code::code_of, settings::ClientSettings};

/// How long brokers have to answer a question.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

/// What a reader gets.
const PROPERTIES: [(&str, &str); 11] = [
    ("isolation.level", "read_committed"),
    // Where records end is told, also where only markers follow.
    ("enable.partition.eof", "true"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    // An offset that is gone is for us to notice.
    ("auto.offset.reset", "error"),
    // What is read ahead is bounded: answers of at most so much, and two of them.
    ("fetch.message.max.bytes", "262144"),
    ("fetch.max.bytes", "4194304"),
    ("receive.message.max.bytes", "16777216"),
    ("queued.min.messages", "20000"),
    ("queued.max.messages.kbytes", "4096"),
    ("fetch.wait.max.ms", "50"),
];

/// Reads some partitions of one topic.
pub struct Reader {
    consumer: BaseConsumer<Quiet>,
    topic: String,
}

/// What comes next.
pub enum Next<'a> {
    /// A record.
    Record(BorrowedMessage<'a>),
    /// There is nothing more in this partition for now.
    End(i32),
    /// Nothing in time.
    Nothing,
}

impl Reader {
    /// The properties of a reader of committed records.
    #[must_use]
    pub fn config(settings: &ClientSettings) -> ClientConfig {
        let mut config = settings.client_config(&[]);
        for (name, value) in PROPERTIES {
            config.set(name, value);
        }
        // Asked for by librdkafka; without subscription nobody joins it.
        config.set("group.id", &settings.client_id);
        config
    }

    /// Prepares to read; nothing is connected.
    ///
    /// # Errors
    /// What librdkafka does not accept of `config`.
    pub fn open(config: &ClientConfig, topic: &str) -> Result<Self, KafkaError> {
        Ok(Self {
            consumer: config.create_with_context(Quiet)?,
            topic: topic.to_owned(),
        })
    }

    /// The brokers, with their own addresses, and the topic.
    ///
    /// # Errors
    /// When no broker tells.
    pub fn cluster(&self) -> Result<Metadata, RDKafkaErrorCode> {
        let metadata = self
            .consumer
            .fetch_metadata(Some(&self.topic), ANSWER_TIME_MAX);
        metadata.map_err(|error| code_of(&error))
    }

    /// The partitions of the topic.
    ///
    /// # Errors
    /// When no broker tells; [`RDKafkaErrorCode::UnknownTopicOrPartition`]
    /// when there is no such topic.
    pub fn partitions(&self) -> Result<Vec<i32>, RDKafkaErrorCode> {
        let metadata = self.cluster()?;
        let topic = metadata.topics().first();
        if let Some(error) = topic.and_then(MetadataTopic::error) {
            return Err(error.into());
        }
        let partitions = topic.map_or(&[][..], MetadataTopic::partitions);
        if partitions.is_empty() {
            return Err(RDKafkaErrorCode::UnknownTopicOrPartition);
        }
        Ok(partitions.iter().map(MetadataPartition::id).collect())
    }

    /// The first offset there is, and the one after the last that can be
    /// read: with committed records only, that of the first undecided one.
    ///
    /// # Errors
    /// When its leader does not tell.
    pub fn range(&self, partition: i32) -> Result<(i64, i64), RDKafkaErrorCode> {
        let range = self
            .consumer
            .fetch_watermarks(&self.topic, partition, ANSWER_TIME_MAX);
        range.map_err(|error| code_of(&error))
    }

    /// The first offset of a record written at or after a time; none when there is none.
    ///
    /// # Errors
    /// When its leader does not tell.
    pub fn offset_at(&self, partition: i32, unix_ms: i64) -> Result<Option<i64>, RDKafkaErrorCode> {
        let mut times = TopicPartitionList::new();
        times
            .add_partition_offset(&self.topic, partition, Offset::Offset(unix_ms))
            .map_err(|error| code_of(&error))?;
        let found = self.consumer.offsets_for_times(times, ANSWER_TIME_MAX);
        let found = found.map_err(|error| code_of(&error))?;
        match found.elements().first() {
            Some(element) => {
                element.error().map_err(|error| code_of(&error))?;
                Ok(element.offset().to_raw().filter(|offset| *offset >= 0))
            }
            None => Err(RDKafkaErrorCode::UnknownPartition),
        }
    }

    /// Begins to read at these offsets, and nowhere else.
    ///
    /// # Errors
    /// When librdkafka refuses.
    pub fn seek(
        &self,
        starts: impl IntoIterator<Item = (i32, i64)>,
    ) -> Result<(), RDKafkaErrorCode> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in starts {
            list.add_partition_offset(&self.topic, partition, Offset::Offset(offset))
                .map_err(|error| code_of(&error))?;
        }
        self.consumer.assign(&list).map_err(|error| code_of(&error))
    }

    /// Reads no more of this partition, until the next [`seek`](Self::seek).
    ///
    /// # Errors
    /// When librdkafka refuses.
    pub fn leave(&self, partition: i32) -> Result<(), RDKafkaErrorCode> {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.topic, partition);
        let left = self.consumer.incremental_unassign(&list);
        left.map_err(|error| code_of(&error))
    }

    /// Waits for what comes next.
    ///
    /// # Errors
    /// A trouble with the topic that does not pass by itself. Others are
    /// waited out, and show as [`Next::Nothing`].
    pub fn next(&self, time_max: Duration) -> Result<Next<'_>, RDKafkaErrorCode> {
        use RDKafkaErrorCode::{
            AutoOffsetReset, OffsetOutOfRange, TopicAuthorizationFailed, UnknownPartition,
            UnknownTopic, UnknownTopicOrPartition,
        };
        match self.consumer.poll(time_max) {
            None => Ok(Next::Nothing),
            Some(Ok(record)) => Ok(Next::Record(record)),
            Some(Err(KafkaError::PartitionEOF(partition))) => Ok(Next::End(partition)),
            Some(Err(error)) => match code_of(&error) {
                code @ (TopicAuthorizationFailed
                | UnknownTopicOrPartition
                | UnknownTopic
                | UnknownPartition
                | OffsetOutOfRange
                | AutoOffsetReset) => Err(code),
                code => {
                    tracing::debug!(%code, "the reader goes on");
                    Ok(Next::Nothing)
                }
            },
        }
    }
}

/// Its log is for debugging: what matters is told by what it returns.
struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, line: &str) {
        tracing::debug!(facility, "reader: {line}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, "reader: {reason}");
    }
}

impl ConsumerContext for Quiet {}
