//! What waits for the thread of transactions, and how that thread is getting on.

use std::{
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ingestion_application::{
    Receipt,
    ports::{Message, PublishError},
};
use tokio::sync::watch;

use crate::{
    delivery::{
        in_flight::{InFlight, Messages},
        room::Permit,
    },
    exactly_once::{
        lanes::Lanes,
        places::{Kept, Places},
        writer_end::Stopped,
    },
};

/// So many places wait for the thread, beside those that are to be kept at once:
/// of these a feed has one at a time.
const PLACES_MAX: usize = 64;

/// Between callers that publish and the thread that sends; bounded by the room.
pub(crate) struct TransactionQueue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    should_stop: AtomicBool,
    progress: watch::Sender<Progress>,
}

#[derive(Default)]
struct Waiting {
    messages: Messages,
    places: Vec<Kept>,
    /// Whether one of them is to be kept at once.
    has_due_place: bool,
    /// The thread is woken when so many messages wait.
    wake_at: usize,
}

/// How far the thread has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// An earlier instance may still write.
    Starting,
    /// No earlier instance can write any more.
    Ready,
    /// Nothing more will be sent.
    Over(PublishError),
}

impl TransactionQueue {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Mutex::default(),
            wake: Condvar::new(),
            should_stop: AtomicBool::new(false),
            progress: watch::Sender::new(Progress::Starting),
        }
    }

    /// Adds messages at the end, which are gathered together.
    pub(crate) fn push<const N: usize>(&self, messages: [(Message, Receipt, Permit); N]) {
        let messages = messages.map(|(content, receipt, permit)| {
            Box::new(InFlight {
                content,
                is_alone: false,
                receipt,
                permit,
            })
        });
        let mut waiting = self.lock();
        waiting.messages.extend(messages);
        if waiting.messages.len() >= waiting.wake_at {
            waiting.wake_at = usize::MAX;
            self.wake.notify_one();
        }
    }

    /// Adds a place to be kept.
    pub(crate) fn keep_place(&self, place: Kept) {
        let mut waiting = self.lock();
        if matches!(place, Kept::Now(..)) {
            waiting.has_due_place = true;
            self.wake.notify_one();
        } else if waiting.places.len() >= PLACES_MAX {
            // It will be kept by itself.
            return;
        }
        waiting.places.push(place);
    }

    /// Waits until `count` messages or one place wait, at most `time_max`, and
    /// moves all there are into `lanes` and `places`.
    ///
    /// # Errors
    /// [`Stopped`], also in the middle of the wait.
    pub(crate) fn gather(
        &self,
        lanes: &mut Lanes,
        places: &mut Places,
        count: usize,
        time_max: Duration,
    ) -> Result<(), Stopped> {
        let mut waiting = self.lock();
        waiting.wake_at = count;
        let is_waiting = |waiting: &mut Waiting| {
            let is_enough = waiting.messages.len() >= count || waiting.has_due_place;
            !is_enough && !self.should_stop()
        };
        let waited = self.wake.wait_timeout_while(waiting, time_max, is_waiting);
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        waiting.wake_at = usize::MAX;
        for message in waiting.messages.drain(..) {
            lanes.add(message);
        }
        waiting.has_due_place = false;
        places.extend(waiting.places.drain(..));
        self.check_stop()
    }

    /// Waits for `time`.
    ///
    /// # Errors
    /// [`Stopped`], also in the middle of the wait.
    pub(crate) fn sleep(&self, time: Duration) -> Result<(), Stopped> {
        let is_waiting = |_: &mut Waiting| !self.should_stop();
        drop(self.wake.wait_timeout_while(self.lock(), time, is_waiting));
        self.check_stop()
    }

    /// # Errors
    /// [`Stopped`] once the thread is asked to stop.
    pub(crate) fn check_stop(&self) -> Result<(), Stopped> {
        if self.should_stop() {
            return Err(Stopped);
        }
        Ok(())
    }

    /// Asks the thread to stop; what it holds it gives to [`keep`](Self::keep).
    pub(crate) fn stop(&self) {
        // Under the lock, lest the thread looks just before and sleeps just after.
        let _waiting = self.lock();
        self.should_stop.store(true, Ordering::Relaxed);
        self.wake.notify_all();
    }

    /// Keeps messages that will not be sent, until the publisher is dropped.
    pub(crate) fn keep(&self, messages: impl IntoIterator<Item = Box<InFlight>>) {
        self.lock().messages.extend(messages);
    }

    /// Gives back what is kept.
    pub(crate) fn let_go(&self) {
        let messages = std::mem::take(&mut self.lock().messages);
        // Without the lock, for whoever gets it back may look here.
        drop(messages);
    }

    /// How far the thread has come.
    pub(crate) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Says how far the thread has come; what is over stays over.
    pub(crate) fn set_progress(&self, new: Progress) {
        self.progress.send_if_modified(|progress| {
            let is_new = !matches!(progress, Progress::Over(_)) && *progress != new;
            if is_new {
                *progress = new;
            }
            is_new
        });
    }

    /// Why nothing more will be sent, if so.
    pub(crate) fn over(&self) -> Option<PublishError> {
        match &*self.progress.borrow() {
            Progress::Over(error) => Some(error.clone()),
            _ => None,
        }
    }

    fn should_stop(&self) -> bool {
        self.should_stop.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A message is either in or out, whatever panics elsewhere.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
