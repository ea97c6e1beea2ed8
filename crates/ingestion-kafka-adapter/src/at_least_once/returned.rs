//! What came back and must be sent again.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ingestion_application::ports::Message;
use rdkafka::error::RDKafkaErrorCode;
use tokio::sync::Notify;

use crate::{
    delivery::{
        client::Outcomes,
        in_flight::{InFlight, Messages},
    },
    shared_state::SharedState,
};

/// Settles what is acknowledged, and keeps what is not, across producers.
pub(crate) struct Returned {
    /// Bounded by the room.
    messages: Mutex<Messages>,
    /// There may be something to send again, or a producer to replace.
    pub(crate) is_waiting: Notify,
    pub(crate) shared: SharedState,
}

impl Returned {
    pub(crate) fn new(shared: SharedState) -> Self {
        Self {
            messages: Mutex::default(),
            is_waiting: Notify::new(),
            shared,
        }
    }

    /// Takes what must be sent again.
    pub(crate) fn take(&self) -> Messages {
        mem::take(&mut *self.lock())
    }

    /// Whether something must be sent on its own.
    pub(crate) fn must_send_alone(&self) -> bool {
        self.lock().iter().any(|message| message.is_alone)
    }

    fn lock(&self) -> MutexGuard<'_, Messages> {
        // A message is either in or out, whatever panics elsewhere.
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outcomes for Returned {
    fn delivered(&self, message: Box<InFlight>, partition: i32, offset: i64) {
        if let Message::Match(_) = message.content {
            self.shared.readability.acknowledged(partition, offset);
        }
        self.shared.trouble.acknowledged(&message);
        message.settle(&self.shared.room);
    }

    fn failed(&self, mut message: Box<InFlight>, code: RDKafkaErrorCode) {
        self.shared.trouble.judge(&mut message, code);
        self.lock().push(message);
        self.is_waiting.notify_one();
    }

    /// Who sends again looks at its producers then, whether something has
    /// returned or not.
    fn lost_partitions(&self) {
        self.is_waiting.notify_one();
    }
}
