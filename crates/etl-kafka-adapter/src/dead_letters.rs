//! The topic of what cannot be loaded.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use contracts::DETAIL_SIZE_MAX_BYTES;
use etl_application::{DeadLetterReason, Record, ports::DeadLetterSink};
use kafka_kit::{
    error_code::{code_of, is_of_brokers},
    log,
    settings::SettingsError,
};
use rdkafka::{
    ClientConfig, ClientContext,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord, Producer as _},
};
use tokio::time::sleep;

use crate::settings::KafkaSettings;

/// The pause after a first attempt, and the longest one.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// The headers that say why a record is a dead letter, behind its own.
pub(crate) const WHY: [&str; 5] = ["reason", "detail", "topic", "partition", "offset"];

/// Writes records that cannot be loaded to a topic of their own.
///
/// A record arrives as it was, with the headers `reason`, `detail`, `topic`,
/// `partition` and `offset` behind its own.
pub struct KafkaDeadLetters {
    topic: String,
    config: ClientConfig,
    /// Replaced when it has failed for good.
    producer: Mutex<FutureProducer<Quiet>>,
    refusal: Arc<Refusal>,
}

/// Why the topic does not take records; nothing when it does, or was not asked to.
#[derive(Default)]
pub(crate) struct Refusal(Mutex<Option<RDKafkaErrorCode>>);

impl KafkaDeadLetters {
    /// Prepares to write; connects in the background and never waits for it.
    ///
    /// # Errors
    /// [`SettingsError`] names the settings that are wrong.
    pub fn try_new(settings: &KafkaSettings) -> Result<Self, SettingsError> {
        SettingsError::unless_empty(settings.check())?;
        let config = settings.producer_config();
        Ok(Self {
            topic: settings.dead_letter_topic.clone(),
            producer: Mutex::new(config.create_with_context(Quiet)?),
            config,
            refusal: Arc::default(),
        })
    }

    pub(crate) fn refusal(&self) -> Arc<Refusal> {
        Arc::clone(&self.refusal)
    }

    async fn write(&self, record: &Record, headers: OwnedHeaders) -> Result<(), RDKafkaErrorCode> {
        let producer = self.lock().clone();
        let mut letter = FutureRecord::to(&self.topic).headers(headers);
        letter.key = record.raw.key.as_deref();
        letter.payload = record.raw.value.as_deref();
        let sent = match producer.send_result(letter) {
            Ok(sent) => sent.await,
            Err((error, _)) => return Err(code_of(&error)),
        };
        let code = match sent {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err((error, _))) => code_of(&error),
            // The producer has been replaced meanwhile.
            Err(_) => RDKafkaErrorCode::PurgeInflight,
        };
        if let Some((fatal, reason)) = producer.client().fatal_error() {
            tracing::warn!(%fatal, "a producer of dead letters is replaced: {reason}");
            match self.config.create_with_context(Quiet) {
                Ok(fresh) => *self.lock() = fresh,
                Err(error) => tracing::warn!(%error, "there is no other one yet"),
            }
        }
        Err(code)
    }

    fn lock(&self) -> MutexGuard<'_, FutureProducer<Quiet>> {
        // A whole value is replaced: a panic elsewhere spoils nothing.
        self.producer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl DeadLetterSink for KafkaDeadLetters {
    async fn set_aside(&self, record: &Record, reason: DeadLetterReason, detail: &str) {
        let mut pause = PAUSE_MIN;
        while let Err(code) = self.write(record, headers(record, reason, detail)).await {
            if self.refusal.set(code) {
                tracing::warn!(
                    topic = self.topic,
                    %code,
                    "a record cannot be set aside; it is tried until it is"
                );
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        self.refusal.clear();
    }
}

/// Those of the record, and why it is a dead letter.
fn headers(record: &Record, reason: DeadLetterReason, detail: &str) -> OwnedHeaders {
    let own = record.raw.headers.iter();
    let own = own.map(|(name, value)| (name.as_str(), &**value));
    let (partition, offset) = (record.from.partition.to_string(), record.offset.to_string());
    let detail = &detail[..detail.floor_char_boundary(DETAIL_SIZE_MAX_BYTES)];
    let why = [
        reason.as_str(),
        detail,
        &*record.from.topic,
        &*partition,
        &*offset,
    ];
    let why = WHY.into_iter().zip(why.map(str::as_bytes));
    kafka_headers(own.chain(why))
}

/// Headers in the form in which librdkafka takes them.
pub(crate) fn kafka_headers<'a>(
    headers: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> OwnedHeaders {
    headers.fold(OwnedHeaders::new(), |all, (key, value)| {
        all.insert(Header {
            key,
            value: Some(value),
        })
    })
}

impl Refusal {
    /// Why the brokers did not take the last record, if they did not.
    pub(crate) fn of_brokers(&self) -> Option<RDKafkaErrorCode> {
        self.lock().filter(|code| is_of_brokers(*code))
    }

    /// Whether that is news.
    fn set(&self, code: RDKafkaErrorCode) -> bool {
        self.lock().replace(code).is_none()
    }

    fn clear(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<RDKafkaErrorCode>> {
        // A whole value is replaced: a panic elsewhere spoils nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The callbacks of the producer. Why brokers are away is told by the member.
#[derive(Clone)]
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log::log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, "dead letters: {reason}");
    }
}
