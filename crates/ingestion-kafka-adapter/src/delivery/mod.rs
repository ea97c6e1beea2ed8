//! What becomes of a record once librdkafka has it.
//!
//! librdkafka reports every record it has taken once: acknowledged, or failed
//! with an error. Until then its message is in [`Unreported`]. Without
//! transactions an acknowledged one is settled, and a failed one comes back
//! into [`Deliveries`], from where it is sent again as it is or as what it has
//! become; with them both go into [`Reports`] until their transaction has
//! ended. Errors librdkafka can repair itself it does not report.
//!
//! Brokers refuse batches, not records: one that is too large, or holds one
//! invalid record, takes all its records down. So what is refused for good is
//! sent once more on its own, and set aside only if it is refused there too.

pub(crate) mod in_flight;
pub(crate) mod record;
pub(crate) mod room;
pub(crate) mod unreported;

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use kafka_kit::{
    error_code::{code_of, is_of_brokers},
    log,
};
use rdkafka::{
    ClientContext, Message as _,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::ProducerContext,
};
use tokio::{
    sync::Notify,
    time::{Duration, Instant},
};

use crate::{
    delivery::{
        in_flight::{Content, InFlight, Messages},
        room::Room,
        unreported::Unreported,
    },
    exactly_once::reports::Reports,
    topic::readable::Readability,
};

/// For so long a batch that was too large counts: at full speed others follow
/// sooner, and once the topic takes them health says so within five seconds.
const LARGE_BATCH_COUNTS_FOR: Duration = Duration::from_secs(3);

/// A topic that must be read and does not answer for so long is worth a word.
const READ_WITHIN: Duration = Duration::from_secs(3);

/// Everything on its way, across producers.
pub(crate) struct Deliveries {
    pub(crate) room: Room,
    /// Came back and must be sent again; bounded by the room.
    returned: Mutex<Messages>,
    pub(crate) something_returned: Notify,
    /// Refused for good since this was last asked.
    refused_count: AtomicUsize,
    pub(crate) matches: Refusal,
    pub(crate) dead_letters: Refusal,
    pub(crate) readability: Readability,
    /// The last trouble librdkafka had with a connection since the brokers
    /// last answered, in its words.
    connection_trouble: Mutex<Option<String>>,
    /// Why transactions do not get on, for as long as they do not.
    transaction_trouble: Mutex<Option<String>>,
    /// Why the topic of matches cannot be read, for as long as it cannot.
    reading_trouble: Mutex<Option<(RDKafkaErrorCode, Instant)>>,
}

/// What is to become of a message that was not taken, or not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// To be sent again as it is, when the trouble may be over.
    SendLater,
    /// To be sent again on its own, at once.
    SendAlone,
    /// It has become something else, to be sent on its own, at once.
    SetAside,
}

/// Whether the brokers refuse what is written to a topic.
#[derive(Default)]
pub(crate) struct Refusal {
    code: Mutex<Option<RDKafkaErrorCode>>,
    /// Spares the lock while all is well.
    is_set: AtomicBool,
    /// When a batch was last too large, or a record of it arrived on its own.
    batch_too_large_at: Mutex<Option<Instant>>,
}

/// librdkafka's way to us, one for each client.
pub(crate) struct Context {
    pub(crate) unreported: Unreported,
    deliveries: Arc<Deliveries>,
    /// Where it reports to, when acknowledged does not mean committed.
    reports: Option<Arc<Reports>>,
}

impl Deliveries {
    pub(crate) fn new() -> Self {
        Self {
            room: Room::new(),
            returned: Mutex::default(),
            something_returned: Notify::new(),
            refused_count: AtomicUsize::new(0),
            matches: Refusal::default(),
            dead_letters: Refusal::default(),
            readability: Readability::default(),
            connection_trouble: Mutex::default(),
            transaction_trouble: Mutex::default(),
            reading_trouble: Mutex::default(),
        }
    }

    /// Takes what must be sent again.
    pub(crate) fn take_returned(&self) -> Messages {
        mem::take(&mut *lock(&self.returned))
    }

    /// Whether something that came back must be sent on its own.
    pub(crate) fn must_send_alone(&self) -> bool {
        lock(&self.returned).iter().any(|message| message.is_alone)
    }

    /// Keeps a message that was not taken or not acknowledged.
    pub(crate) fn give_back(&self, mut message: Box<InFlight>, code: RDKafkaErrorCode) {
        self.judge(&mut message, code);
        lock(&self.returned).push(message);
        self.something_returned.notify_one();
    }

    /// Finds out what is to become of a message that failed with `code`.
    pub(crate) fn judge(&self, message: &mut InFlight, code: RDKafkaErrorCode) -> Verdict {
        let is_too_large = code == RDKafkaErrorCode::MessageSizeTooLarge;
        let is_refused = is_too_large || code == RDKafkaErrorCode::InvalidRecord;
        let refusal = self.refusal(&message.content);
        if is_refused && !message.is_alone {
            message.is_alone = true;
            if is_too_large {
                refusal.set_of_large_batches();
            }
            return Verdict::SendAlone;
        }
        let detail = code.to_string();
        if is_refused && message.content.set_aside(detail, is_too_large).is_some() {
            self.refused_count.fetch_add(1, Ordering::Relaxed);
            return Verdict::SetAside;
        }
        refusal.note(code);
        Verdict::SendLater
    }

    /// Warns once of all that was refused for good since the last call.
    pub(crate) fn warn_of_refused(&self) {
        let refused = self.refused_count.swap(0, Ordering::Relaxed);
        if refused > 0 {
            tracing::warn!(
                messages = refused,
                "Kafka refuses records, see the dead letters"
            );
        }
    }

    /// The last trouble librdkafka had with a connection, in its words.
    pub(crate) fn connection_trouble(&self) -> Option<String> {
        lock(&self.connection_trouble).clone()
    }

    /// The brokers answer: an old trouble explains nothing that comes later.
    pub(crate) fn forget_connection_trouble(&self) {
        *lock(&self.connection_trouble) = None;
    }

    /// Why transactions do not get on; none when they do.
    pub(crate) fn transaction_trouble(&self) -> Option<String> {
        lock(&self.transaction_trouble).clone()
    }

    /// Says why transactions do not get on, or that they do; true if that is new.
    pub(crate) fn set_transaction_trouble(&self, trouble: Option<String>) -> bool {
        let mut current = lock(&self.transaction_trouble);
        let is_new = *current != trouble;
        *current = trouble;
        is_new
    }

    /// Why the topic of matches cannot be read; none when it can.
    ///
    /// The brokers' own reasons count at once; that there is no answer, which
    /// librdkafka says with a negative code, if it lasts.
    pub(crate) fn reading_trouble(&self) -> Option<RDKafkaErrorCode> {
        let (code, since) = (*lock(&self.reading_trouble))?;
        (is_of_brokers(code) || since.elapsed() > READ_WITHIN).then_some(code)
    }

    /// Says why the topic of matches cannot be read, or that it can.
    pub(crate) fn set_reading_trouble(&self, trouble: Option<RDKafkaErrorCode>) {
        let mut current = lock(&self.reading_trouble);
        *current = trouble.map(|code| {
            let since = current.map_or_else(Instant::now, |(_, since)| since);
            (code, since)
        });
    }

    /// Books an acknowledged message, and gives its room back.
    pub(crate) fn settle(&self, message: InFlight) {
        let refusal = self.refusal(&message.content);
        refusal.clear();
        if message.is_alone && refusal.is_of_large_batches() {
            refusal.set_of_large_batches();
        }
        match message.content {
            Content::Match(_) => message.receipt.published(),
            Content::DeadLetter(letter) => message.receipt.dead_lettered(letter.reason),
        }
        // After the receipt: an empty room means that everything is settled.
        self.room.leave(message.place);
    }

    /// What is known about the topic of `content`.
    pub(crate) fn refusal(&self, content: &Content) -> &Refusal {
        match content {
            Content::Match(_) => &self.matches,
            Content::DeadLetter(_) => &self.dead_letters,
        }
    }
}

impl Refusal {
    /// Why the brokers did not take the last record, if they did not.
    pub(crate) fn get(&self) -> Option<RDKafkaErrorCode> {
        *lock(&self.code)
    }

    /// Whether batches are too large for the topic, so that records travel alone.
    pub(crate) fn is_of_large_batches(&self) -> bool {
        lock(&self.batch_too_large_at).is_some_and(|at| at.elapsed() < LARGE_BATCH_COUNTS_FOR)
    }

    fn set_of_large_batches(&self) {
        *lock(&self.batch_too_large_at) = Some(Instant::now());
    }

    /// Keeps the code if it is the brokers' own.
    pub(crate) fn note(&self, code: RDKafkaErrorCode) {
        if is_of_brokers(code) {
            *lock(&self.code) = Some(code);
            self.is_set.store(true, Ordering::Relaxed);
        }
    }

    fn clear(&self) {
        if self.is_set.load(Ordering::Relaxed) {
            self.is_set.store(false, Ordering::Relaxed);
            *lock(&self.code) = None;
        }
    }
}

impl Context {
    /// Settles each record when it is acknowledged.
    pub(crate) fn new(deliveries: Arc<Deliveries>) -> Self {
        Self {
            unreported: Unreported::default(),
            deliveries,
            reports: None,
        }
    }

    /// Reports what becomes of each record, and settles none.
    pub(crate) fn reporting(deliveries: Arc<Deliveries>, reports: Arc<Reports>) -> Self {
        Self {
            unreported: Unreported::default(),
            deliveries,
            reports: Some(reports),
        }
    }

    /// The record with this key was not taken.
    pub(crate) fn not_taken(&self, key: usize, code: RDKafkaErrorCode) {
        if let Some(message) = self.unreported.remove(key) {
            self.failed(message, code);
        }
    }

    /// Takes back what the client has not reported, which gets nothing more.
    pub(crate) fn take_back(&self) {
        for message in self.unreported.take_all() {
            self.failed(message, RDKafkaErrorCode::PurgeInflight);
        }
    }

    fn failed(&self, message: Box<InFlight>, code: RDKafkaErrorCode) {
        match &self.reports {
            None => self.deliveries.give_back(message, code),
            Some(reports) => reports.failed(message, code),
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, key: usize) {
        let Some(message) = self.unreported.remove(key) else {
            // The client was given up, and the message is sent by another one.
            return;
        };
        match (&self.reports, result) {
            (None, Ok(record)) => {
                if let Content::Match(_) = message.content {
                    let readability = &self.deliveries.readability;
                    readability.acknowledged(record.partition(), record.offset());
                }
                self.deliveries.settle(*message);
            }
            (Some(reports), Ok(record)) => {
                reports.delivered(message, record.partition(), record.offset());
            }
            (_, Err((error, _))) => self.failed(message, code_of(error)),
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        if facility == PARTITION_COUNT_FACILITY && !tells_of_more_partitions(line) {
            self.unreported.set_lost_partitions(true);
            // Who sends again looks at its producers then, whether something
            // has returned or not.
            self.deliveries.something_returned.notify_one();
        }
        log::log(level, facility, line);
    }

    /// Most troubles come twice. That all brokers are down comes with every
    /// attempt, twenty times a second, and adds nothing to each one's trouble.
    fn error(&self, error: KafkaError, reason: &str) {
        if code_of(&error) == RDKafkaErrorCode::AllBrokersDown {
            return;
        }
        let mut last = lock(&self.deliveries.connection_trouble);
        if last.as_deref() != Some(reason) {
            tracing::debug!(%error, "librdkafka: {reason}");
            *last = Some(reason.to_owned());
        }
    }
}

/// The number of a topic's partitions has changed, as librdkafka calls it; it
/// tells of that in no other way.
const PARTITION_COUNT_FACILITY: &str = "PARTCNT";

/// Whether the line about a number of partitions says that it has grown:
/// "Topic matches partition count changed from 3 to 12".
fn tells_of_more_partitions(line: &str) -> bool {
    let number = |word: &str| word.parse::<u32>().ok();
    let mut words = line.rsplit(' ');
    let (new, old) = (words.next(), words.nth(1));
    old.and_then(number)
        .zip(new.and_then(number))
        .is_some_and(|(old, new)| old < new)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each of these values is replaced as a whole, so a panic leaves it whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_partitions_that_are_added_are_no_loss() {
        let line =
            |change: &str| format!("[thrd:main]: Topic a b partition count changed {change}");
        assert!(tells_of_more_partitions(&line("from 9 to 12")));
        for loss in ["from 12 to 0", "from 12 to 9", "in words not known", ""] {
            assert!(!tells_of_more_partitions(&line(loss)), "{loss}");
        }
    }
}
