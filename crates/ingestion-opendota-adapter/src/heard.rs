//! What can be heard on a connection, whichever protocol it speaks.

use domain::Timestamp;
use ingestion_application::{
    FoundMatch,
    ports::{InvalidFrame, ReceivedBatch},
};

use crate::ending::ConnectionEnd;

/// What can be heard.
pub(crate) enum Heard {
    /// What was read, never nothing.
    Data(Gathered),
    /// Nothing more.
    End(ConnectionEnd),
}

/// What was read in one go.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) frames: Vec<Result<FoundMatch, Box<InvalidFrame>>>,
    /// What is of another kind, and no fault.
    pub(crate) passed_over: u64,
}

impl Gathered {
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.passed_over == 0
    }

    /// Adds what was judged: a frame, or what is none.
    pub(crate) fn add(&mut self, judged: Result<Option<FoundMatch>, Box<InvalidFrame>>) {
        match judged.transpose() {
            Some(frame) => self.frames.push(frame),
            None => self.passed_over += 1,
        }
    }

    /// As the application takes it.
    pub(crate) fn into_batch(self, received_at: Timestamp) -> ReceivedBatch {
        ReceivedBatch {
            received_at,
            frames: self.frames,
            checkpoint: None,
            passed_over: self.passed_over,
        }
    }
}
