//! Where a feed goes on, kept as the metadata of an offset in a group of its own.
//!
//! The offset is that of partition 0 of the topic of matches, and is always 0:
//! what counts stands beside it. Nobody is a member of the group.

use ingestion_application::{Checkpoint, SourceName};
use kafka_kit::{error_code::code_of, log, reader::Reader};
use rdkafka::{
    ClientConfig, ClientContext, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, ConsumerGroupMetadata},
    error::{KafkaError, RDKafkaErrorCode},
};
use tokio::time::Duration;

use crate::settings::KafkaSettings;

/// How long brokers have to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
/// Groups that have another name than that of their feed, for good: whoever gives
/// a user leave to read them names them.
const SHORT_NAMES: [(&str, &str); 2] = [("steam_sequence", "steam"), ("opendota_pages", "pages")];

/// The group of one feed.
pub(crate) struct PlaceGroup {
    consumer: BaseConsumer<Quiet>,
    topic: String,
}

impl PlaceGroup {
    /// The properties that [`open`](Self::open) needs, for the group of `source`.
    pub(crate) fn config(settings: &KafkaSettings, source: SourceName) -> ClientConfig {
        let name = source.as_str();
        let short = SHORT_NAMES.iter().find(|(long, _)| *long == name);
        let name = short.map_or(name, |(_, short)| short);
        let mut config = Reader::config(&settings.client);
        config.set("group.id", format!("{}.{name}", settings.group_id));
        config
    }

    /// Prepares to ask; nothing is connected.
    ///
    /// # Errors
    /// What librdkafka does not accept of `config`.
    pub(crate) fn open(config: &ClientConfig, topic: &str) -> Result<Self, RDKafkaErrorCode> {
        let consumer = config.create_with_context(Quiet);
        Ok(Self {
            consumer: consumer.map_err(|error| code_of(&error))?,
            topic: topic.to_owned(),
        })
    }

    /// What is kept; blocks until brokers answer, for a while.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) fn kept(&self) -> Result<Option<Checkpoint>, RDKafkaErrorCode> {
        let asked = self
            .consumer
            .committed_offsets(self.offsets(None)?, ANSWER_TIME_MAX);
        let answer = asked.map_err(|error| code_of(&error))?;
        let elements = answer.elements();
        let Some(element) = elements.first() else {
            return Ok(None);
        };
        element.error().map_err(|error| code_of(&error))?;
        if !matches!(element.offset(), Offset::Offset(_)) {
            return Ok(None);
        }
        // One that is longer is not ours.
        Ok(Checkpoint::try_new(element.metadata()).ok())
    }

    /// Keeps `checkpoint`, outside any transaction; blocks until it is kept.
    ///
    /// # Errors
    /// Why it is not.
    pub(crate) fn keep(&self, checkpoint: &Checkpoint) -> Result<(), RDKafkaErrorCode> {
        let offsets = self.offsets(Some(checkpoint))?;
        let kept = self.consumer.commit(&offsets, CommitMode::Sync);
        kept.map_err(|error| code_of(&error))
    }

    /// The group, for a transaction.
    ///
    /// # Errors
    /// When librdkafka does not say.
    pub(crate) fn metadata(&self) -> Result<ConsumerGroupMetadata, RDKafkaErrorCode> {
        let metadata = self.consumer.group_metadata();
        metadata.ok_or(RDKafkaErrorCode::UnknownGroup)
    }

    /// The offset that stands for `checkpoint`, or is to be asked for.
    ///
    /// # Errors
    /// What librdkafka does not accept: nothing, as the offset is a number.
    pub(crate) fn offsets(
        &self,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<TopicPartitionList, RDKafkaErrorCode> {
        let mut offsets = TopicPartitionList::with_capacity(1);
        let mut element = offsets.add_partition(&self.topic, 0);
        if let Some(checkpoint) = checkpoint {
            let set = element.set_offset(Offset::Offset(0));
            set.map_err(|error| code_of(&error))?;
            element.set_metadata(checkpoint.as_str());
        }
        Ok(offsets)
    }
}

/// Says nothing of its own troubles: who asks hears of them.
struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log::log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, "the group of a feed: {reason}");
    }
}

impl ConsumerContext for Quiet {}
