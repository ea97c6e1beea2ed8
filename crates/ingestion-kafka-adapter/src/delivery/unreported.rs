//! What one librdkafka client has been given and has not reported yet.
//!
//! librdkafka can keep messages for ever: when a topic is deleted, some stay in
//! the queue of a partition that nobody serves any more, and not even a purge
//! finds them there. So it gets a key only, and who gives a client up has all
//! of its messages back at once, reported or not.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use slab::Slab;

use crate::delivery::in_flight::{InFlight, Messages};

/// The messages of one client, by the keys it has been given with them;
/// bounded by the room.
#[derive(Default)]
pub(crate) struct Unreported {
    messages: Mutex<Slab<Box<InFlight>>>,
    /// Whether partitions have gone, perhaps with messages on their way.
    has_lost_partitions: AtomicBool,
}

impl Unreported {
    /// Keeps a message, to be had back by this key.
    pub(crate) fn insert(&self, message: Box<InFlight>) -> usize {
        self.lock().insert(message)
    }

    /// The message of this key; none if it was taken back before.
    pub(crate) fn remove(&self, key: usize) -> Option<Box<InFlight>> {
        self.lock().try_remove(key)
    }

    /// Takes everything back from a client that gets nothing more: what it
    /// still reports afterwards is nobody's.
    pub(crate) fn take_all(&self) -> Messages {
        self.lock().drain().collect()
    }

    /// Whether messages may be where they are never reported from.
    pub(crate) fn has_lost_partitions(&self) -> bool {
        self.has_lost_partitions.load(Ordering::Relaxed)
    }

    pub(crate) fn set_lost_partitions(&self, has_lost_partitions: bool) {
        self.has_lost_partitions
            .store(has_lost_partitions, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Slab<Box<InFlight>>> {
        // A message is either in or out, whatever panics elsewhere.
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
