//! A topic, read from one end to the other.
//!
//! For commands that show what a topic holds. It belongs to no group and
//! commits nothing, so all it needs is Read and Describe on the topic.

use std::{thread, time::Duration};

use rdkafka::{ClientConfig, Message as _, error::RDKafkaErrorCode};
use thiserror::Error;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use crate::{
    addresses::first_unreachable,
    consumer::{GroupRecord, TopicPartition},
    error_code::code_of,
    reader::{Next, Reader},
    settings::ClientSettings,
    undecided::{Hidden, Sight},
};

/// So many records wait for whoever reads them, 32 MiB at most where a record is 1 MiB.
const RECORDS_AHEAD_MAX: usize = 32;
/// So long the brokers have to say where the topic begins and ends.
const OPEN_TIME_MAX: Duration = Duration::from_secs(15);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// A service that runs may write there in transactions, each open for a moment.
const DECIDED_WITHIN: Duration = Duration::from_secs(2);
/// A topic that says nothing for so long, though it has more, is given up.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// No call blocks for longer, so that it is noticed when nobody reads any more.
const STEP: Duration = Duration::from_millis(100);
/// A record may be stamped earlier than its neighbours, or by a broker whose
/// clock is behind: whoever asks for a time is shown a little more.
const CLOCK_DIFFERENCE_MAX_MS: i64 = 5 * 60 * 1000;

/// Reads a topic from one end to the other.
#[derive(Clone)]
pub struct TopicScan {
    config: ClientConfig,
    topic: String,
    bootstrap_servers: String,
    /// The setting that names the topic.
    variable: &'static str,
}

/// What is read, as it comes; the end of the channel is the end.
#[derive(Debug)]
pub struct Scanning<T> {
    /// What is read of each partition that has something.
    pub parts: Vec<ScanPart>,
    /// How many places there are to pass, at least as many as records.
    pub places: u64,
    /// The records; after an error nothing follows.
    pub records: mpsc::Receiver<T>,
}

/// What is read of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanPart {
    /// Which one.
    pub partition: i32,
    /// From this offset on.
    pub next: i64,
    /// Up to this one, not included.
    pub end: i64,
}

/// Which part of a topic is read.
#[derive(Debug, Clone)]
enum Choice {
    /// What was written at a time or later, to the end; or everything.
    From(Option<i64>),
    /// What was written from one time to another.
    Span(i64, i64),
    /// These offsets, as far as they are still there.
    Parts(Vec<ScanPart>),
}

/// A record, and how far that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// The record.
    pub record: GroupRecord,
    /// How many places have been passed, this one included.
    pub passed: u64,
}

/// What is in the way, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ScanError(String);

impl TopicScan {
    /// Prepares to read; nothing is connected. `variable` is the setting that
    /// names the topic.
    #[must_use]
    pub fn new(settings: &ClientSettings, topic: &str, variable: &'static str) -> Self {
        Self {
            config: Reader::config(settings),
            topic: topic.to_owned(),
            bootstrap_servers: settings.bootstrap_servers.clone(),
            variable,
        }
    }

    /// Begins to read, at the first record written at or after `from_unix_ms`,
    /// and up to the last one that is there now; in order within a partition.
    /// What `convert` makes of each is handed on.
    ///
    /// A bounded number of records is kept, whatever the reader does, and the
    /// reading ends when it is dropped.
    ///
    /// # Errors
    /// [`ScanError`] says what is in the way.
    ///
    /// # Panics
    /// When the thread that reads does.
    pub async fn read<T: Send + 'static>(
        &self,
        from_unix_ms: Option<i64>,
        convert: impl Fn(Result<Scanned, ScanError>) -> T + Send + 'static,
    ) -> Result<Scanning<T>, ScanError> {
        self.begin(Choice::From(from_unix_ms), convert).await
    }

    /// The same for what was written from one time to another, the second not
    /// included, and a few minutes around: clocks differ.
    ///
    /// # Errors
    /// [`ScanError`] says what is in the way.
    ///
    /// # Panics
    /// When the thread that reads does.
    pub async fn read_span<T: Send + 'static>(
        &self,
        from_unix_ms: i64,
        to_unix_ms: i64,
        convert: impl Fn(Result<Scanned, ScanError>) -> T + Send + 'static,
    ) -> Result<Scanning<T>, ScanError> {
        self.begin(Choice::Span(from_unix_ms, to_unix_ms), convert)
            .await
    }

    /// The same for offsets that an earlier scan gave. Those that are gone by
    /// now are left out: then the parts of the answer begin later.
    ///
    /// # Errors
    /// [`ScanError`] says what is in the way.
    ///
    /// # Panics
    /// When the thread that reads does.
    pub async fn read_parts<T: Send + 'static>(
        &self,
        parts: Vec<ScanPart>,
        convert: impl Fn(Result<Scanned, ScanError>) -> T + Send + 'static,
    ) -> Result<Scanning<T>, ScanError> {
        self.begin(Choice::Parts(parts), convert).await
    }

    async fn begin<T: Send + 'static>(
        &self,
        choice: Choice,
        convert: impl Fn(Result<Scanned, ScanError>) -> T + Send + 'static,
    ) -> Result<Scanning<T>, ScanError> {
        let (records, received) = mpsc::channel(RECORDS_AHEAD_MAX);
        let (opened, opening) = oneshot::channel();
        let reading = Reading {
            config: self.config.clone(),
            from: TopicPartition {
                topic: self.topic.as_str().into(),
                partition: 0,
            },
            bootstrap_servers: self.bootstrap_servers.clone(),
            variable: self.variable,
            records,
            convert,
        };
        // A thread of its own, unlike one of the runtime's, holds nobody up
        // who stops while brokers are silent.
        let thread = thread::Builder::new().name("kafka-scan".to_owned());
        let started = thread.spawn(move || reading.run(&choice, opened));
        started.map_err(|error| ScanError(format!("no thread can be started: {error}")))?;
        let parts = opening.await.expect("it answers before it ends")?;
        Ok(Scanning {
            places: parts.iter().map(ScanPart::left).sum(),
            parts,
            records: received,
        })
    }
}

/// A reader, what it is to read, and what it will not find.
type Opened = (Reader, Vec<ScanPart>, Option<Hidden>);

/// The work of the thread.
struct Reading<T, C> {
    config: ClientConfig,
    /// The topic, and no partition in particular.
    from: TopicPartition,
    bootstrap_servers: String,
    variable: &'static str,
    records: mpsc::Sender<T>,
    convert: C,
}

impl<T, C: Fn(Result<Scanned, ScanError>) -> T> Reading<T, C> {
    fn run(self, choice: &Choice, opened: oneshot::Sender<Result<Vec<ScanPart>, ScanError>>) {
        let (reader, parts, hidden) = match self.open(choice) {
            Ok(open) => open,
            // Nobody listens when the command has been ended meanwhile.
            Err(code) => return drop(opened.send(Err(self.explain(code)))),
        };
        if opened.send(Ok(parts.clone())).is_err() {
            return;
        }
        let read = self.read(&reader, parts);
        let whole = hidden.map_or(Ok(()), |hidden| Err(self.explain_hidden(hidden)));
        if let Err(error) = read.and(whole) {
            // Likewise.
            let _ = self.records.blocking_send((self.convert)(Err(error)));
        }
    }

    /// Asks until the brokers answer, for a while.
    fn open(&self, choice: &Choice) -> Result<Opened, RDKafkaErrorCode> {
        let begun = Instant::now();
        let reader =
            Reader::open(&self.config, &self.from.topic).map_err(|error| code_of(&error))?;
        loop {
            let begun_at = |hidden| Ok((begin(&reader, choice)?, hidden));
            match self.wait_until_decided().and_then(begun_at) {
                Ok((parts, hidden)) => return Ok((reader, parts, hidden)),
                Err(code) if is_final(code) || begun.elapsed() > OPEN_TIME_MAX => return Err(code),
                Err(code) => tracing::debug!(%code, "the topic cannot be read yet"),
            }
            if self.records.is_closed() {
                return Err(RDKafkaErrorCode::Fail);
            }
            thread::sleep(ASK_AGAIN_AFTER);
        }
    }

    /// Waits a moment for open transactions; what is hidden by others after that.
    fn wait_until_decided(&self) -> Result<Option<Hidden>, RDKafkaErrorCode> {
        let begun = Instant::now();
        let sight = Sight::open(&self.config, &self.from.topic)?;
        let ends = sight.ends()?;
        loop {
            let hidden = sight.hidden(&ends)?;
            if hidden.is_none() || begun.elapsed() > DECIDED_WITHIN || self.records.is_closed() {
                return Ok(hidden);
            }
            thread::sleep(ASK_AGAIN_AFTER);
        }
    }

    fn read(&self, reader: &Reader, mut parts: Vec<ScanPart>) -> Result<(), ScanError> {
        let explain = |code| self.explain(code);
        let mut passed = 0;
        let mut last_heard = Instant::now();
        while !parts.is_empty() && !self.records.is_closed() {
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
                        let from = TopicPartition {
                            partition,
                            ..self.from.clone()
                        };
                        let record = GroupRecord::copied(from, &record);
                        let scanned = (self.convert)(Ok(Scanned { record, passed }));
                        // Waits for whoever reads; an end of theirs is noticed above.
                        let _ = self.records.blocking_send(scanned);
                    }
                    partition
                }
            };
            last_heard = Instant::now();
            let is_done = |part: &ScanPart| part.left() == 0;
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

    fn explain(&self, code: RDKafkaErrorCode) -> ScanError {
        use RDKafkaErrorCode::{
            TopicAuthorizationFailed, UnknownPartition, UnknownTopic, UnknownTopicOrPartition,
        };
        let Self {
            from: TopicPartition { topic, .. },
            bootstrap_servers,
            variable,
            ..
        } = self;
        ScanError(match code {
            UnknownTopicOrPartition | UnknownTopic | UnknownPartition => {
                format!("there is no topic {topic}; see {variable}")
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
        })
    }

    fn explain_hidden(&self, hidden: Hidden) -> ScanError {
        let why = hidden.explain(&self.from.topic, &self.bootstrap_servers);
        ScanError(format!("not all of them can be read: {why}"))
    }
}

impl ScanPart {
    /// How many offsets that are.
    #[must_use]
    pub fn left(&self) -> u64 {
        u64::try_from(self.end - self.next).unwrap_or(0)
    }
}

/// Where to read from in every partition, and where to stop; nothing in those
/// that have nothing.
fn begin(reader: &Reader, choice: &Choice) -> Result<Vec<ScanPart>, RDKafkaErrorCode> {
    let mut parts = Vec::new();
    for partition in reader.partitions()? {
        let (first, last) = reader.range(partition)?;
        // Without a record of then or later there is none before the end either.
        let at = |unix_ms: i64| {
            let found = reader.offset_at(partition, unix_ms.max(0))?;
            Ok::<_, RDKafkaErrorCode>(found.unwrap_or(last))
        };
        let earlier = |unix_ms: i64| unix_ms.saturating_sub(CLOCK_DIFFERENCE_MAX_MS);
        let (next, end) = match choice {
            Choice::From(None) => (first, last),
            Choice::From(Some(from)) => (at(earlier(*from))?, last),
            Choice::Span(from, to) => {
                let later = to.saturating_add(CLOCK_DIFFERENCE_MAX_MS);
                (at(earlier(*from))?, at(later)?)
            }
            Choice::Parts(parts) => {
                let mut named = parts.iter().filter(|part| part.partition == partition);
                named
                    .next()
                    .map_or((last, last), |part| (part.next, part.end))
            }
        };
        let (next, end) = (next.clamp(first, last), end.clamp(first, last));
        if next < end {
            parts.push(ScanPart {
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
fn pass(parts: &mut [ScanPart], partition: i32, next: i64, passed: &mut u64) -> bool {
    let found = parts.iter_mut().find(|part| part.partition == partition);
    // Of a partition that was left a moment ago.
    let Some(part) = found else { return false };
    let is_within = next <= part.end;
    let next = next.min(part.end);
    *passed += u64::try_from(next - part.next).unwrap_or(0);
    part.next = next;
    is_within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_passed_once_and_none_beyond_the_end() {
        let mut parts = [ScanPart {
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
