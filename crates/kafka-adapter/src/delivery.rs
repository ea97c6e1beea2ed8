//! What becomes of a record once librdkafka has it.
//!
//! librdkafka reports every record it has taken exactly once: acknowledged, or
//! failed with an error. An acknowledged one is settled; a failed one comes
//! back into [`Deliveries`], from where it is sent again as it is or as what
//! it has become. Errors librdkafka can repair itself it does not report.
//!
//! Brokers refuse batches, not records: one that is too large, or holds one
//! invalid record, takes all its records down. So what is refused for good is
//! sent once more on its own, and set aside only if it is refused there too.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use rdkafka::{
    ClientContext,
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
    in_flight::{Content, InFlight},
    room::Room,
};

/// For so long a batch that was too large counts: at full speed others follow
/// sooner, and once the topic takes them health says so within five seconds.
const LARGE_BATCH_COUNTS_FOR: Duration = Duration::from_secs(3);

/// Everything on its way, across producers.
pub(crate) struct Deliveries {
    pub(crate) room: Room,
    /// Came back and must be sent again; bounded by the room.
    #[expect(clippy::vec_box, reason = "the boxes travel on as they are")]
    returned: Mutex<Vec<Box<InFlight>>>,
    pub(crate) something_returned: Notify,
    /// Refused for good since this was last asked.
    refused_count: AtomicUsize,
    pub(crate) matches: Refusal,
    pub(crate) dead_letters: Refusal,
    /// The last trouble librdkafka had with a connection since the brokers
    /// last answered, in its words.
    connection_trouble: Mutex<Option<String>>,
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

/// librdkafka's way to us.
pub(crate) struct Context {
    deliveries: Arc<Deliveries>,
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
            connection_trouble: Mutex::default(),
        }
    }

    /// Takes what must be sent again.
    #[expect(clippy::vec_box, reason = "the boxes travel on as they are")]
    pub(crate) fn take_returned(&self) -> Vec<Box<InFlight>> {
        mem::take(&mut *lock(&self.returned))
    }

    /// Whether something that came back must be sent on its own.
    pub(crate) fn must_send_alone(&self) -> bool {
        lock(&self.returned).iter().any(|message| message.is_alone)
    }

    /// Keeps a message that was not taken or not acknowledged.
    pub(crate) fn give_back(&self, mut message: Box<InFlight>, code: RDKafkaErrorCode) {
        let is_too_large = code == RDKafkaErrorCode::MessageSizeTooLarge;
        let is_refused = is_too_large || code == RDKafkaErrorCode::InvalidRecord;
        let refusal = self.refusal(&message.content);
        if is_refused && !message.is_alone {
            message.is_alone = true;
            if is_too_large {
                refusal.set_of_large_batches();
            }
        } else if is_refused
            && message
                .content
                .set_aside(code.to_string(), is_too_large)
                .is_some()
        {
            self.refused_count.fetch_add(1, Ordering::Relaxed);
        } else if code as i32 > 0 {
            // Positive codes are the brokers' own; the others are librdkafka's,
            // and tell what it did with the record, not why.
            refusal.set(code);
        }
        lock(&self.returned).push(message);
        self.something_returned.notify_one();
    }

    /// How many records were refused for good since the last call.
    pub(crate) fn take_refused_count(&self) -> usize {
        self.refused_count.swap(0, Ordering::Relaxed)
    }

    /// The last trouble librdkafka had with a connection, in its words.
    pub(crate) fn connection_trouble(&self) -> Option<String> {
        lock(&self.connection_trouble).clone()
    }

    /// The brokers answer: an old trouble explains nothing that comes later.
    pub(crate) fn forget_connection_trouble(&self) {
        *lock(&self.connection_trouble) = None;
    }

    fn settle(&self, message: InFlight) {
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

    fn refusal(&self, content: &Content) -> &Refusal {
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

    fn set(&self, code: RDKafkaErrorCode) {
        *lock(&self.code) = Some(code);
        self.is_set.store(true, Ordering::Relaxed);
    }

    fn clear(&self) {
        if self.is_set.load(Ordering::Relaxed) {
            self.is_set.store(false, Ordering::Relaxed);
            *lock(&self.code) = None;
        }
    }
}

impl Context {
    pub(crate) fn new(deliveries: Arc<Deliveries>) -> Self {
        Self { deliveries }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<InFlight>;

    fn delivery(&self, result: &DeliveryResult<'_>, message: Box<InFlight>) {
        match result {
            Ok(_) => self.deliveries.settle(*message),
            Err((error, _)) => self.deliveries.give_back(message, code_of(error)),
        }
    }
}

impl ClientContext for Context {
    /// Lines about connections come with every attempt to make one; health
    /// reports such a loss once, so the lines themselves are for debugging.
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        use RDKafkaLogLevel::{Alert, Critical, Debug, Emerg, Error, Info, Notice, Warning};
        match level {
            _ if CONNECTION_FACILITIES.contains(&facility) => {
                tracing::debug!(facility, "librdkafka: {line}");
            }
            // It goes on by itself, or reports the records it has given up.
            Emerg | Alert | Critical | Error | Warning => {
                tracing::warn!(facility, "librdkafka: {line}");
            }
            Notice | Info => tracing::info!(facility, "librdkafka: {line}"),
            Debug => tracing::debug!(facility, "librdkafka: {line}"),
        }
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

/// Connections refused and lost, and requests nobody answered, as librdkafka calls them.
const CONNECTION_FACILITIES: [&str; 4] = ["FAIL", "GETPID", "METADATA", "REQTMOUT"];

/// The code of an error that has one.
pub(crate) fn code_of(error: &KafkaError) -> RDKafkaErrorCode {
    error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each of these values is replaced as a whole, so a panic leaves it whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
