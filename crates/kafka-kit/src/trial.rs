//! Tries what a service needs of Kafka, for commands that say what is wrong.
//!
//! Nothing is changed: no topic, no group, no record. All of it blocks.

use std::{sync::Arc, thread, time::Duration};

use health_kit::HealthStatus;
use rdkafka::{
    ClientContext, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    metadata::MetadataTopic,
    producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer},
};
use tokio::time::Instant;

use crate::{
    addresses::first_unreachable,
    advice::{advice_for_connections, explain_refusal},
    connection::ConnectionTrouble,
    error_code::code_of,
    health::explain_topic,
    probe::{TopicState, topic_state},
    reader::{Next, Reader},
    settings::{ClientSettings, SettingsError},
};

/// How long the brokers have to answer a question.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
/// No wait is longer, so that an end is noticed.
const STEP: Duration = Duration::from_millis(100);
/// What a coordinator says that has just become one; soon it says more.
const GETTING_READY: [RDKafkaErrorCode; 3] = [
    RDKafkaErrorCode::CoordinatorLoadInProgress,
    RDKafkaErrorCode::CoordinatorNotAvailable,
    RDKafkaErrorCode::NotCoordinator,
];
/// So much of what librdkafka has to tell is listened to.
const TOLD_MAX: usize = 100;
/// More than any topic takes of a record that a service of ours writes.
const TOO_LARGE_BYTES: usize = 9 * 1024 * 1024;

/// What came of a trial: what was found, or what is wrong and what to do about it.
pub type Tried = Result<String, String>;

/// Asks the brokers that settings name.
pub struct Trial {
    settings: ClientSettings,
    consumer: BaseConsumer<Quiet>,
    connection: Arc<ConnectionTrouble>,
}

impl Trial {
    /// Prepares to ask, in the name of a group that is never joined; nothing is
    /// connected.
    ///
    /// # Errors
    /// [`SettingsError`] names the settings that are wrong.
    pub fn try_new(settings: &ClientSettings, group_id: &str) -> Result<Self, SettingsError> {
        let connection = Arc::new(ConnectionTrouble::default());
        let mut config = Reader::config(settings);
        config.set("group.id", group_id);
        Ok(Self {
            settings: settings.clone(),
            consumer: config.create_with_context(Quiet(Arc::clone(&connection)))?,
            connection,
        })
    }

    /// Whether the brokers answer, and can be reached where they say they are.
    ///
    /// # Errors
    /// None answers, or one cannot be reached.
    pub fn brokers(&self) -> Tried {
        let servers = &self.settings.bootstrap_servers;
        let asked = self.consumer.fetch_metadata(None, ANSWER_TIME_MAX);
        let metadata = asked.map_err(|error| {
            let trouble = self.connection.get().unwrap_or_else(|| error.to_string());
            let advice = advice_for_connections(&trouble);
            format!("no broker of {servers} answers: {trouble}; {advice}")
        })?;
        match first_unreachable(&metadata) {
            Some(found) => Err(format!("{servers} answers, but {found}")),
            None => Ok(match metadata.brokers().len() {
                1 => format!("the broker of {servers} answers"),
                count => format!("{count} brokers of {servers} answer at their own addresses"),
            }),
        }
    }

    /// Whether a topic is there and whole; it would be created with so many partitions.
    ///
    /// # Errors
    /// It is not, or nobody says so.
    pub fn topic(&self, topic: &str, partitions: u32) -> Tried {
        let state = topic_state(self.consumer.client(), topic);
        let state: TopicState = state.map_err(|code| format!("nobody tells of it: {code}"))?;
        let servers = &self.settings.bootstrap_servers;
        match explain_topic(topic, partitions, servers, state) {
            (HealthStatus::Healthy, found) => Ok(found),
            (_, wrong) => Err(wrong),
        }
    }

    /// Whether records of a topic may be read; none is.
    ///
    /// # Errors
    /// They may not, or nobody says so.
    pub fn may_read(&self, topic: &str) -> Result<(), String> {
        let wrong = |code| match code {
            RDKafkaErrorCode::TopicAuthorizationFailed => {
                format!("topic {topic} may not be read; allow this user Read on it")
            }
            code => format!("topic {topic} cannot be read: {code}"),
        };
        let config = Reader::config(&self.settings);
        let reader = Reader::open(&config, topic).map_err(|error| error.to_string())?;
        let first = *reader.partitions().map_err(wrong)?.first().unwrap_or(&0);
        let (_, end) = reader.range(first).map_err(wrong)?;
        reader.seek([(first, end)]).map_err(wrong)?;
        let begun = Instant::now();
        while begun.elapsed() < ANSWER_TIME_MAX {
            match reader.next(STEP).map_err(wrong)? {
                // Whatever is there now came meanwhile.
                Next::End(_) | Next::Record(_) => {
                    return Ok(());
                }
                Next::Nothing => {}
            }
        }
        Err(wrong(RDKafkaErrorCode::OperationTimedOut))
    }

    /// Whether records may be written to a topic. One is sent that is larger
    /// than any topic takes: the brokers look at the rights first, and then
    /// refuse it for its size, so nothing is left there. `config` is that of
    /// the service's own producer.
    ///
    /// # Errors
    /// They may not, or nobody says so.
    pub fn may_write(&self, topic: &str, config: &rdkafka::ClientConfig) -> Tried {
        let mut config = config.clone();
        for (name, value) in [
            ("message.max.bytes", "10485760"),
            ("queue.buffering.max.kbytes", "32768"),
            ("message.timeout.ms", "5000"),
            // As large on its way as it is here.
            ("compression.type", "none"),
        ] {
            config.set(name, value);
        }
        let report = Arc::new(Report::default());
        let context = WriteContext(Arc::clone(&report));
        let producer: ThreadedProducer<_> = config
            .create_with_context(context)
            .map_err(|error| error.to_string())?;
        let value = vec![b'x'; TOO_LARGE_BYTES];
        let record = BaseRecord::<[u8], [u8]>::to(topic)
            .key(b"doctor".as_slice())
            .payload(&value);
        let sent = producer.send(record).map_err(|(error, _)| code_of(&error));
        let outcome = sent.and_then(|()| {
            // What is not reported by then never will be.
            let _ = producer.flush(ANSWER_TIME_MAX + STEP);
            report
                .get()
                .unwrap_or(Err(RDKafkaErrorCode::MessageTimedOut))
        });
        match outcome {
            Err(RDKafkaErrorCode::MessageSizeTooLarge) => Ok("it may be written".to_owned()),
            Ok(()) => Ok(format!(
                "it may be written, and has taken the record of this check, as its \
                 max.message.bytes is above {TOO_LARGE_BYTES}"
            )),
            Err(code) => Err(explain_refusal(topic, code)),
        }
    }

    /// Whether the group may be read, and how many of the topics' partitions
    /// have a position.
    ///
    /// # Errors
    /// It may not, or nobody says so.
    pub fn group<'a>(&self, group_id: &str, topics: impl Iterator<Item = &'a str>) -> Tried {
        let mut all = TopicPartitionList::new();
        for topic in topics {
            let metadata = self.consumer.fetch_metadata(Some(topic), ANSWER_TIME_MAX);
            let metadata = metadata.map_err(|error| error.to_string())?;
            for found in metadata.topics().iter().flat_map(MetadataTopic::partitions) {
                all.add_partition(topic, found.id());
            }
        }
        let begun = Instant::now();
        let asked = loop {
            let asked = self
                .consumer
                .committed_offsets(all.clone(), ANSWER_TIME_MAX);
            let is_getting_ready = |error: &KafkaError| GETTING_READY.contains(&code_of(error));
            if begun.elapsed() > ANSWER_TIME_MAX || !asked.as_ref().is_err_and(is_getting_ready) {
                break asked;
            }
            thread::sleep(STEP);
        };
        let positions = asked.map_err(|error| {
            // A coordinator that refuses is told only to those who poll.
            let told = std::iter::from_fn(|| self.consumer.poll(Duration::ZERO));
            let told = told.take(TOLD_MAX).filter_map(Result::err);
            let mut codes = told.map(|error| code_of(&error)).chain([code_of(&error)]);
            let forbidden = RDKafkaErrorCode::GroupAuthorizationFailed;
            if codes.any(|code| code == forbidden) {
                format!("group {group_id} may not be used; allow this user Read on the group")
            } else {
                format!("the positions of group {group_id} are not told: {error}")
            }
        })?;
        let known = positions.elements();
        let has_position = known
            .iter()
            .filter(|one| matches!(one.offset(), Offset::Offset(_)));
        Ok(format!(
            "group {group_id} has positions in {} of {} partitions",
            has_position.count(),
            known.len()
        ))
    }
}

/// Its log is for debugging: what matters is told by what is returned.
struct Quiet(Arc<ConnectionTrouble>);

impl ClientContext for Quiet {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, line: &str) {
        tracing::debug!(facility, "trial: {line}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.note(&error, reason);
    }
}

impl ConsumerContext for Quiet {}

/// What has become of the one record.
#[derive(Default)]
struct Report(std::sync::OnceLock<Result<(), RDKafkaErrorCode>>);

impl Report {
    fn get(&self) -> Option<Result<(), RDKafkaErrorCode>> {
        self.0.get().copied()
    }
}

struct WriteContext(Arc<Report>);

impl ClientContext for WriteContext {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, line: &str) {
        tracing::debug!(facility, "trial: {line}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, "trial: {reason}");
    }
}

impl ProducerContext for WriteContext {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let outcome = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(code_of(error)),
        };
        // There is one record, so one report.
        let _ = self.0.0.set(outcome);
    }
}
