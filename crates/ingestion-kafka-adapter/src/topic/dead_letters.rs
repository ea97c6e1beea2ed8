//! The topic of dead letters, read from one end to the other.
//!
//! For the commands that show and redrive them; the service itself only
//! writes there. It belongs to no group and commits nothing, so all it needs
//! is Read and Describe on the topic.

use std::{thread, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use contracts::{DeadLetterRecord, Header};
use domain::Timestamp;
use ingestion_application::{
    DeadLetterReason,
    ports::{ArchiveError, ArchivedLetter, DeadLetterArchive, DeadLetterReading, LetterAccount},
};
use kafka_kit::{
    addresses::first_unreachable,
    error_code::code_of,
    reader::{Next, Reader},
    settings::SettingsError,
};
use rdkafka::{
    ClientConfig, Message as _,
    error::RDKafkaErrorCode,
    message::{BorrowedMessage, Headers as _},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use crate::{
    settings::KafkaSettings,
    topic::undecided::{Hidden, Sight},
};

/// So many letters wait for whoever reads them, 16 MiB at most.
const LETTERS_AHEAD_MAX: usize = 32;
/// So long the brokers have to say where the topic begins and ends.
const OPEN_TIME_MAX: Duration = Duration::from_secs(15);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// A service that runs writes its letters in transactions, each open for a moment.
const DECIDED_WITHIN: Duration = Duration::from_secs(2);
/// A topic that says nothing for so long, though it has more, is given up.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// No call blocks for longer, so that it is noticed when nobody reads any more.
const STEP: Duration = Duration::from_millis(100);
/// A record may be stamped earlier than its neighbours, or by a broker whose
/// clock is behind: whoever asks for a time is shown a little more.
const CLOCK_DIFFERENCE_MAX_MS: i64 = 5 * 60 * 1000;

/// Reads the topic of dead letters.
pub struct DeadLetterTopic {
    config: ClientConfig,
    topic: String,
    bootstrap_servers: String,
}

impl DeadLetterTopic {
    /// Prepares to read; nothing is connected.
    ///
    /// # Errors
    /// [`SettingsError`] names the settings that are wrong.
    pub fn try_new(settings: &KafkaSettings) -> Result<Self, SettingsError> {
        SettingsError::unless_empty(settings.check())?;
        Ok(Self {
            config: Reader::config(&settings.client),
            topic: settings.dead_letter_topic.clone(),
            bootstrap_servers: settings.client.bootstrap_servers.clone(),
        })
    }
}

#[async_trait]
impl DeadLetterArchive for DeadLetterTopic {
    async fn read(&self, from: Option<Timestamp>) -> Result<DeadLetterReading, ArchiveError> {
        let (letters, received) = mpsc::channel(LETTERS_AHEAD_MAX);
        let (opened, opening) = oneshot::channel();
        let reading = Reading {
            config: self.config.clone(),
            topic: self.topic.clone(),
            bootstrap_servers: self.bootstrap_servers.clone(),
            letters,
        };
        // A thread of its own, unlike one of the runtime's, holds nobody up
        // who stops while brokers are silent.
        let thread = thread::Builder::new().name("kafka-dead-letters".to_owned());
        let started = thread.spawn(move || reading.run(from, opened));
        started.map_err(|error| ArchiveError {
            reason: format!("no thread can be started: {error}"),
        })?;
        let places = opening.await.expect("it answers before it ends")?;
        Ok(DeadLetterReading {
            places,
            letters: received,
        })
    }
}

/// What is left of a partition.
struct Part {
    partition: i32,
    next: i64,
    end: i64,
}

/// A reader, what it is to read, and what it will not find.
type Opened = (Reader, Vec<Part>, Option<Hidden>);

/// The work of the thread.
struct Reading {
    config: ClientConfig,
    topic: String,
    bootstrap_servers: String,
    letters: mpsc::Sender<Result<ArchivedLetter, ArchiveError>>,
}

impl Reading {
    fn run(self, from: Option<Timestamp>, opened: oneshot::Sender<Result<u64, ArchiveError>>) {
        let (reader, parts, hidden) = match self.open(from) {
            Ok(open) => open,
            // Nobody listens when the command has been ended meanwhile.
            Err(code) => return drop(opened.send(Err(self.explain(code)))),
        };
        let places = parts.iter().map(Part::left).sum();
        if opened.send(Ok(places)).is_err() {
            return;
        }
        let read = self.read(&reader, parts);
        let whole = hidden.map_or(Ok(()), |hidden| Err(self.explain_hidden(hidden)));
        if let Err(error) = read.and(whole) {
            // Likewise.
            let _ = self.letters.blocking_send(Err(error));
        }
    }

    /// Asks until the brokers answer, for a while.
    fn open(&self, from: Option<Timestamp>) -> Result<Opened, RDKafkaErrorCode> {
        let begun = Instant::now();
        let reader = Reader::open(&self.config, &self.topic).map_err(|error| code_of(&error))?;
        loop {
            let begun_at = |hidden| Ok((begin(&reader, from)?, hidden));
            match self.wait_until_decided().and_then(begun_at) {
                Ok((parts, hidden)) => return Ok((reader, parts, hidden)),
                Err(code) if is_final(code) || begun.elapsed() > OPEN_TIME_MAX => return Err(code),
                Err(code) => tracing::debug!(%code, "the dead letters cannot be read yet"),
            }
            if self.letters.is_closed() {
                return Err(RDKafkaErrorCode::Fail);
            }
            thread::sleep(ASK_AGAIN_AFTER);
        }
    }

    /// Waits a moment for open transactions; what is hidden by others after that.
    fn wait_until_decided(&self) -> Result<Option<Hidden>, RDKafkaErrorCode> {
        let begun = Instant::now();
        let sight = Sight::open(&self.config, &self.topic)?;
        let ends = sight.ends()?;
        loop {
            let hidden = sight.hidden(&ends)?;
            if hidden.is_none() || begun.elapsed() > DECIDED_WITHIN || self.letters.is_closed() {
                return Ok(hidden);
            }
            thread::sleep(ASK_AGAIN_AFTER);
        }
    }

    fn read(&self, reader: &Reader, mut parts: Vec<Part>) -> Result<(), ArchiveError> {
        let explain = |code| self.explain(code);
        let mut passed = 0;
        let mut last_heard = Instant::now();
        while !parts.is_empty() && !self.letters.is_closed() {
            let partition = match reader.next(STEP).map_err(explain)? {
                Next::Nothing if last_heard.elapsed() > SILENCE_MAX => {
                    return Err(explain(RDKafkaErrorCode::OperationTimedOut));
                }
                Next::Nothing => continue,
                Next::End(partition) => {
                    pass(&mut parts, partition, i64::MAX, &mut passed);
                    partition
                }
                Next::Record(record) => {
                    let (partition, offset) = (record.partition(), record.offset());
                    if pass(&mut parts, partition, offset.saturating_add(1), &mut passed) {
                        // Waits for whoever reads; an end of theirs is noticed above.
                        let _ = self.letters.blocking_send(Ok(letter(&record, passed)));
                    }
                    partition
                }
            };
            last_heard = Instant::now();
            let is_done = |part: &Part| part.left() == 0;
            if let Some(index) = parts
                .iter()
                .position(|part| part.partition == partition && is_done(part))
            {
                parts.swap_remove(index);
                reader.leave(partition).map_err(explain)?;
            }
        }
        Ok(())
    }

    fn explain(&self, code: RDKafkaErrorCode) -> ArchiveError {
        use RDKafkaErrorCode::{
            TopicAuthorizationFailed, UnknownPartition, UnknownTopic, UnknownTopicOrPartition,
        };
        let Self {
            topic,
            bootstrap_servers,
            ..
        } = self;
        let reason = match code {
            UnknownTopicOrPartition | UnknownTopic | UnknownPartition => {
                format!("there is no topic {topic}; see KAFKA_DEAD_LETTER_TOPIC")
            }
            TopicAuthorizationFailed => {
                format!("this needs the permissions Read and Describe on topic {topic}")
            }
            _ => {
                let reader = Reader::open(&self.config, topic);
                let metadata = reader.ok().and_then(|reader| reader.cluster().ok());
                let unreachable = metadata.and_then(|found| first_unreachable(&found));
                let why = unreachable.unwrap_or_else(|| code.to_string());
                format!(
                    "topic {topic} at KAFKA_BOOTSTRAP_SERVERS={bootstrap_servers} does not answer: \
                     {why}"
                )
            }
        };
        ArchiveError { reason }
    }

    fn explain_hidden(&self, hidden: Hidden) -> ArchiveError {
        let why = hidden.explain(&self.topic, &self.bootstrap_servers);
        ArchiveError {
            reason: format!("not all of them can be read: {why}"),
        }
    }
}

impl Part {
    fn left(&self) -> u64 {
        u64::try_from(self.end - self.next).unwrap_or(0)
    }
}

/// Where to read from in every partition, and where to stop; nothing in those
/// that have nothing.
fn begin(reader: &Reader, from: Option<Timestamp>) -> Result<Vec<Part>, RDKafkaErrorCode> {
    let mut parts = Vec::new();
    for partition in reader.partitions()? {
        let (first, end) = reader.range(partition)?;
        let next = match from {
            None => first,
            Some(at) => {
                let at_ms = at.as_unix_ms().saturating_sub(CLOCK_DIFFERENCE_MAX_MS);
                // Without a later record there is nothing to read.
                let found = reader.offset_at(partition, at_ms.max(0))?;
                found.unwrap_or(end).clamp(first, end)
            }
        };
        if next < end {
            parts.push(Part {
                partition,
                next,
                end,
            });
        }
    }
    reader.seek(parts.iter().map(|part| (part.partition, part.next)))?;
    Ok(parts)
}

/// Whether asking again would change nothing.
fn is_final(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{
        Authentication, SaslAuthenticationFailed, TopicAuthorizationFailed, UnknownTopic,
        UnknownTopicOrPartition,
    };
    matches!(
        code,
        Authentication
            | SaslAuthenticationFailed
            | TopicAuthorizationFailed
            | UnknownTopic
            | UnknownTopicOrPartition
    )
}

/// Goes on to `next`, or to the end that was there at first; whether what is
/// just before `next` belongs to what was to be read.
fn pass(parts: &mut [Part], partition: i32, next: i64, passed: &mut u64) -> bool {
    let found = parts.iter_mut().find(|part| part.partition == partition);
    // Of a partition that was left a moment ago.
    let Some(part) = found else { return false };
    let is_within = next <= part.end;
    let next = next.min(part.end);
    *passed += u64::try_from(next - part.next).unwrap_or(0);
    part.next = next;
    is_within
}

fn letter(record: &BorrowedMessage<'_>, passed: u64) -> ArchivedLetter {
    let payload = record.payload().unwrap_or_default();
    let headers = record.headers().into_iter().flat_map(|all| all.iter());
    let headers = headers.map(|header| Header {
        name: header.key,
        value: header.value.unwrap_or_default(),
    });
    ArchivedLetter {
        partition: record.partition(),
        offset: record.offset(),
        written_at: Timestamp::from_unix_ms(record.timestamp().to_millis().unwrap_or(0)),
        passed,
        payload: Bytes::copy_from_slice(payload),
        account: DeadLetterRecord::decode(payload, headers)
            .map_err(|error| error.to_string())
            .and_then(|record| account(&record)),
    }
}

/// What a record says of its letter.
///
/// # Errors
/// Its reason is a word of another version of this service.
fn account(record: &DeadLetterRecord<'_>) -> Result<LetterAccount, String> {
    let known = DeadLetterReason::ALL
        .into_iter()
        .find(|known| known.as_str() == record.reason);
    Ok(LetterAccount {
        reason: known.ok_or_else(|| {
            format!(
                "its reason {:?} is none that this version knows",
                record.reason
            )
        })?,
        detail: record.detail.to_owned(),
        source: record.source.to_owned(),
        received_at: record.received_at,
        size_bytes: record.size_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_read_back_and_an_unknown_one_is_told() {
        let record = |reason| DeadLetterRecord {
            reason,
            detail: "at byte 0",
            source: "feed",
            received_at: Timestamp::from_unix_ms(0),
            payload: b"PING",
            size_bytes: 4,
        };
        for reason in DeadLetterReason::ALL {
            let read = account(&record(reason.as_str()));
            assert_eq!(read.map(|account| account.reason), Ok(reason));
        }
        let unknown = account(&record("bad_luck"));
        let expected = "its reason \"bad_luck\" is none that this version knows";
        assert_eq!(unknown.err().as_deref(), Some(expected));
    }

    #[test]
    fn every_place_is_passed_once_and_none_beyond_the_end() {
        let mut parts = [Part {
            partition: 3,
            next: 10,
            end: 20,
        }];
        let mut passed = 0;
        // Offsets of markers are passed with the next record.
        for (partition, next, is_within, expected) in [
            (3, 11, true, 1),
            (3, 15, true, 5),
            (4, 1, false, 5),
            (3, 20, true, 10),
            (3, 21, false, 10),
            (3, i64::MAX, false, 10),
        ] {
            assert_eq!(pass(&mut parts, partition, next, &mut passed), is_within);
            assert_eq!(passed, expected, "at {next}");
        }
        assert_eq!(parts[0].left(), 0);
    }
}
