//! A topic, read from one end to the other.
//!
//! For commands that show what a topic holds. It belongs to no group and
//! commits nothing, so all it needs is Read and Describe on the topic.

use std::{thread, time::Duration};

use rdkafka::{ClientConfig, Message as _, error::RDKafkaErrorCode, message::BorrowedMessage};
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

mod parts;

pub use self::parts::ScanPart;
use self::parts::{Choice, find, pass, seek, wanted};

/// So many records wait for whoever reads them, 32 MiB at most where a record is 1 MiB.
const RECORDS_AHEAD_MAX: usize = 32;
/// So long the brokers have to say where the topic begins and ends.
const OPEN_TIME_MAX: Duration = Duration::from_secs(15);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// A service that runs may write there in transactions, each open for a moment.
/// So long open ones are waited for once everything else is read.
const DECIDED_WITHIN: Duration = Duration::from_secs(2);
/// A topic that says nothing for so long, though it has more, is given up.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// No call blocks for longer, so that it is noticed when nobody reads any more.
const STEP: Duration = Duration::from_millis(100);

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
#[error("{why}")]
pub struct ScanError {
    why: String,
    is_hidden: bool,
}

impl ScanError {
    fn new(why: String) -> Self {
        Self {
            why,
            is_hidden: false,
        }
    }

    /// Whether a transaction that is open hides the rest: it comes to an end
    /// by itself, and the rest is readable then.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.is_hidden
    }
}

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
    /// What a transaction hides that is open is waited for a moment, behind
    /// everything else; then a [hidden](ScanError::is_hidden) rest is an error.
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
        started.map_err(|error| ScanError::new(format!("no thread can be started: {error}")))?;
        let parts = opening.await.expect("it answers before it ends")?;
        Ok(Scanning {
            places: parts.iter().map(ScanPart::left).sum(),
            parts,
            records: received,
        })
    }
}

/// A topic that is about to be read.
struct Opened {
    reader: Reader,
    /// Who sees what is there and cannot be read yet.
    sight: Sight,
    /// Whether there is such a thing.
    is_hidden: bool,
    parts: Vec<ScanPart>,
}

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
        let open = match self.open(choice) {
            Ok(open) => open,
            // Nobody listens when the command has been ended meanwhile.
            Err(code) => return drop(opened.send(Err(self.explain(code)))),
        };
        if opened.send(Ok(open.parts.clone())).is_err() {
            return;
        }
        if let Err(error) = self.read(open) {
            // Likewise.
            let _ = self.records.blocking_send((self.convert)(Err(error)));
        }
    }

    /// Asks until the brokers answer, for a while.
    fn open(&self, choice: &Choice) -> Result<Opened, RDKafkaErrorCode> {
        let begun = Instant::now();
        loop {
            match self.try_open(choice) {
                Ok(open) => return Ok(open),
                Err(code) if is_final(code) || begun.elapsed() > OPEN_TIME_MAX => return Err(code),
                Err(code) => tracing::debug!(%code, "the topic cannot be read yet"),
            }
            if self.records.is_closed() {
                return Err(RDKafkaErrorCode::Fail);
            }
            thread::sleep(ASK_AGAIN_AFTER);
        }
    }

    fn try_open(&self, choice: &Choice) -> Result<Opened, RDKafkaErrorCode> {
        let topic = &self.from.topic;
        let reader = Reader::open(&self.config, topic).map_err(|error| code_of(&error))?;
        let sight = Sight::open(&self.config, topic)?;
        let ends = sight.ends()?;
        let parts = find(&sight, &ends, choice)?;
        let is_hidden = sight.hidden(&wanted(&parts))?.is_some();
        seek(&reader, &parts)?;
        Ok(Opened {
            reader,
            sight,
            is_hidden,
            parts,
        })
    }

    fn read(&self, open: Opened) -> Result<(), ScanError> {
        let Opened {
            reader,
            sight,
            mut is_hidden,
            mut parts,
        } = open;
        let explain = |code| self.explain(code);
        let mut passed = 0;
        let mut last_heard = Instant::now();
        while !parts.is_empty() && !self.records.is_closed() {
            let partition = match reader.next(STEP).map_err(explain)? {
                // What looks like an end may be the place where a transaction
                // begins: what is behind it is wanted as well.
                Next::Nothing | Next::End(_) if is_hidden => {
                    is_hidden = self.is_still_hidden(&sight, &parts, last_heard.elapsed())?;
                    if !is_hidden {
                        last_heard = Instant::now();
                        // Ends that were told before are none.
                        seek(&reader, &parts).map_err(explain)?;
                    }
                    continue;
                }
                Next::Nothing if last_heard.elapsed() > SILENCE_MAX => {
                    return Err(explain(RDKafkaErrorCode::OperationTimedOut));
                }
                Next::Nothing => continue,
                Next::End(partition) => {
                    pass(&mut parts, partition, i64::MAX, &mut passed);
                    partition
                }
                Next::Record(record) => {
                    let partition = record.partition();
                    self.hand_on(&record, &mut parts, &mut passed);
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

    /// Looks, not too often, whether a transaction hides something of these parts.
    fn is_still_hidden(
        &self,
        sight: &Sight,
        parts: &[ScanPart],
        silence: Duration,
    ) -> Result<bool, ScanError> {
        match sight.hidden(&wanted(parts)) {
            Ok(None) => return Ok(false),
            Ok(Some(hidden)) if silence > DECIDED_WITHIN => return Err(self.explain_hidden(hidden)),
            Err(code) if is_final(code) || silence > SILENCE_MAX => return Err(self.explain(code)),
            Ok(Some(_)) | Err(_) => {}
        }
        thread::sleep(ASK_AGAIN_AFTER);
        Ok(true)
    }

    fn hand_on(&self, record: &BorrowedMessage<'_>, parts: &mut [ScanPart], passed: &mut u64) {
        let (partition, offset) = (record.partition(), record.offset());
        if !pass(parts, partition, offset.saturating_add(1), passed) {
            return;
        }
        let from = TopicPartition {
            partition,
            ..self.from.clone()
        };
        let record = GroupRecord::copied(from, record);
        let passed = *passed;
        let scanned = (self.convert)(Ok(Scanned { record, passed }));
        // Waits for whoever reads; an end of theirs is noticed by the caller.
        let _ = self.records.blocking_send(scanned);
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
        ScanError::new(match code {
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
        ScanError {
            why: format!("not all of them can be read: {why}"),
            is_hidden: true,
        }
    }
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
