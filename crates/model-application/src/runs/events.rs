//! Runs, told step by step to whoever listens.

use std::{sync::Arc, time::Duration};

use domain::Timestamp;
use tokio::sync::broadcast;

use crate::ports::{Failure, RunId, RunState, StepName, Trigger};

/// So many events wait for a slow listener; then the oldest are passed over, and it
/// is told that some were.
const WAITING_MAX: usize = 256;

/// Something that has happened to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEvent {
    /// To which one.
    pub run: RunId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: RunEventKind,
}

/// What can happen to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEventKind {
    /// Somebody has asked for it.
    Queued {
        /// Why.
        trigger: Trigger,
        /// By whom, if by somebody.
        by: Option<String>,
    },
    /// An attempt at a step has begun.
    StepBegan {
        /// Which step.
        step: StepName,
        /// The first is 1.
        attempt: u32,
    },
    /// A step is done.
    StepDone {
        /// Which step.
        step: StepName,
        /// Which attempt did it.
        attempt: u32,
        /// How many rows or documents went through it.
        rows: u64,
        /// What else is to be said.
        detail: String,
        /// How long that attempt took.
        took: Duration,
    },
    /// An attempt has failed.
    StepFailed {
        /// Which step.
        step: StepName,
        /// Which attempt.
        attempt: u32,
        /// Why.
        cause: String,
        /// After which pause it is tried again, if it is.
        again_in: Option<Duration>,
    },
    /// Readers see it from now on.
    Switched {
        /// Which patch.
        patch: String,
    },
    /// It has ended, or was published though it had ended as held or was replaced.
    Ended {
        /// How.
        state: RunState,
        /// Where and why, if it was not published.
        failure: Option<Failure>,
    },
}

/// Where events come from.
///
/// Nobody waits for listeners, and without any, events are gone.
#[derive(Debug, Clone)]
pub struct RunEvents(broadcast::Sender<Arc<RunEvent>>);

impl RunEvents {
    /// Nobody listens yet.
    #[must_use]
    pub fn new() -> Self {
        Self(broadcast::Sender::new(WAITING_MAX))
    }

    /// Listens from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Arc<RunEvent>> {
        self.0.subscribe()
    }

    /// Tells whoever listens.
    pub fn tell(&self, event: RunEvent) {
        // An error says that nobody listens.
        let _ = self.0.send(Arc::new(event));
    }
}

impl Default for RunEvents {
    fn default() -> Self {
        Self::new()
    }
}
