//! Receipts: whoever holds one owes the outcome of a pending message.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{Backlog, DeadLetterReason, Ledger, SourceName};

/// The receipts of one batch, to be handed out one by one.
#[must_use = "every receipt not handed out is a lost match"]
pub struct Receipts {
    ledger: Arc<Ledger>,
    received_at: Instant,
    open: usize,
}

impl Receipts {
    pub(crate) fn new(ledger: Arc<Ledger>, received_at: Instant, open: usize) -> Self {
        Self {
            ledger,
            received_at,
            open,
        }
    }
}

impl Iterator for Receipts {
    type Item = Receipt;

    fn next(&mut self) -> Option<Receipt> {
        self.open = self.open.checked_sub(1)?;
        Some(Receipt {
            owed_to: Some(OwedTo::Ledger(Arc::clone(&self.ledger))),
            received_at: self.received_at,
        })
    }
}

impl Drop for Receipts {
    fn drop(&mut self) {
        self.by_ref().for_each(drop);
    }
}

/// One pending match or frame; whoever holds it owes its outcome.
///
/// One that is dropped unsettled says that the message was not delivered: the
/// backlog it came from sends it again. Without a backlog behind it the match
/// is lost, and the ledger shows that.
#[must_use = "a receipt dropped unsettled is a match not delivered"]
pub struct Receipt {
    /// None once it is settled.
    owed_to: Option<OwedTo>,
    received_at: Instant,
}

enum OwedTo {
    Ledger(Arc<Ledger>),
    /// The backlog, and where in it the message is.
    Backlog(Arc<Backlog>, usize),
}

/// What can become of a pending message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Acknowledged by Kafka.
    Published,
    /// Left by an earlier process, and in the topic already.
    FoundPublished,
    /// Of this feed, and seen before.
    Duplicate(SourceName),
    DeadLettered(DeadLetterReason),
    Lost,
}

impl Receipt {
    /// The receipt of the message at `place` of `backlog`.
    pub(crate) fn of(backlog: Arc<Backlog>, place: usize, received_at: Instant) -> Self {
        Self {
            owed_to: Some(OwedTo::Backlog(backlog, place)),
            received_at,
        }
    }

    /// The match is in the topic, acknowledged.
    pub fn published(self) {
        self.settle(Outcome::Published);
    }

    /// The frame or record is in the dead-letter topic, acknowledged.
    pub fn dead_lettered(self, reason: DeadLetterReason) {
        self.settle(Outcome::DeadLettered(reason));
    }

    /// When it was received.
    #[must_use]
    pub fn received_at(&self) -> Instant {
        self.received_at
    }

    fn settle(mut self, outcome: Outcome) {
        match self.owed_to.take() {
            Some(OwedTo::Ledger(ledger)) => ledger.settle(self.received_at, outcome),
            Some(OwedTo::Backlog(backlog, place)) => backlog.settle(place, outcome),
            None => {}
        }
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receipt")
            .field("received_at", &self.received_at)
            .finish_non_exhaustive()
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        match self.owed_to.take() {
            Some(OwedTo::Ledger(ledger)) => ledger.settle(self.received_at, Outcome::Lost),
            Some(OwedTo::Backlog(backlog, place)) => backlog.take_back(place),
            None => {}
        }
    }
}
