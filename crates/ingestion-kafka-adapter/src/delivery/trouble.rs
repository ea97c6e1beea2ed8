//! What is in the way: why records are refused, and why nothing gets on.
//!
//! Brokers refuse batches, not records: one that is too large, or holds one
//! invalid record, takes all its records down. So what is refused for good is
//! sent once more on its own, and set aside only if it is refused there too.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use ingestion_application::ports::Message;
use kafka_kit::{connection::ConnectionTrouble, error_code::is_of_brokers};
use rdkafka::error::RDKafkaErrorCode;
use tokio::time::{Duration, Instant};

use crate::delivery::in_flight::InFlight;

/// For so long a batch that was too large counts: at full speed others follow
/// sooner, and once the topic takes them health says so within five seconds.
const LARGE_BATCH_COUNTS_FOR: Duration = Duration::from_secs(3);

/// A topic that must be read and does not answer for so long is worth a word.
const READ_WITHIN: Duration = Duration::from_secs(3);

/// What is in the way of deliveries, for those who tell and those who ask.
#[derive(Default)]
pub(crate) struct Trouble {
    pub(crate) matches: Refusal,
    pub(crate) dead_letters: Refusal,
    pub(crate) summaries: Refusal,
    /// Refused for good since this was last asked.
    refused_count: AtomicUsize,
    pub(crate) connection: ConnectionTrouble,
    transactions: Mutex<Option<String>>,
    reading: Since,
    places: Since,
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

impl Trouble {
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
        if is_refused && message.set_aside(detail, is_too_large).is_some() {
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

    /// Why transactions do not get on; none when they do.
    pub(crate) fn transactions(&self) -> Option<String> {
        lock(&self.transactions).clone()
    }

    /// Says why transactions do not get on, or that they do; true if that is new.
    pub(crate) fn set_transactions(&self, trouble: Option<String>) -> bool {
        let mut current = lock(&self.transactions);
        let is_new = *current != trouble;
        *current = trouble;
        is_new
    }

    /// Why the topic of matches cannot be read; none when it can.
    ///
    /// The brokers' own reasons count at once; that there is no answer, which
    /// librdkafka says with a negative code, if it lasts.
    pub(crate) fn reading(&self) -> Option<RDKafkaErrorCode> {
        worth_a_word(&self.reading)
    }

    /// Says why the topic of matches cannot be read, or that it can.
    pub(crate) fn set_reading(&self, trouble: Option<RDKafkaErrorCode>) {
        note(&self.reading, trouble);
    }

    /// Why the places of feeds are not kept, or not known; none when they are.
    pub(crate) fn places(&self) -> Option<RDKafkaErrorCode> {
        worth_a_word(&self.places)
    }

    /// Says why the places of feeds are not kept, or that they are.
    pub(crate) fn set_places(&self, trouble: Option<RDKafkaErrorCode>) {
        note(&self.places, trouble);
    }

    /// A message is acknowledged, so its topic takes what is written.
    pub(crate) fn acknowledged(&self, message: &InFlight) {
        let refusal = self.refusal(&message.content);
        refusal.clear();
        if message.is_alone && refusal.is_of_large_batches() {
            refusal.set_of_large_batches();
        }
    }

    /// What is known about the topic of `content`.
    pub(crate) fn refusal(&self, content: &Message) -> &Refusal {
        match content {
            Message::Match(_) => &self.matches,
            Message::Summary(_) => &self.summaries,
            Message::DeadLetter(_) => &self.dead_letters,
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

type Since = Mutex<Option<(RDKafkaErrorCode, Instant)>>;

fn worth_a_word(trouble: &Since) -> Option<RDKafkaErrorCode> {
    let (code, since) = (*lock(trouble))?;
    (is_of_brokers(code) || since.elapsed() > READ_WITHIN).then_some(code)
}

fn note(trouble: &Since, code: Option<RDKafkaErrorCode>) {
    let mut current = lock(trouble);
    *current = code.map(|code| {
        let since = current.map_or_else(Instant::now, |(_, since)| since);
        (code, since)
    });
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each of these values is replaced as a whole, so a panic leaves it whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
