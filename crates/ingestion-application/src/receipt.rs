//! Receipts: whoever holds one owes the outcome of a pending message.

use std::sync::Arc;

use crate::DeadLetterReason;

/// Where a pending message is, and where its outcome is owed.
///
/// The [`Backlog`](crate::Backlog) is it in every service; tests of a
/// publisher alone have one that only counts. Of each receipt it hears once,
/// by one of the two.
pub trait ReceiptOwner: Send + Sync {
    /// The message at `place` has had its outcome.
    fn settle(&self, place: usize, outcome: Outcome);

    /// The message at `place` was not delivered.
    fn take_back(&self, place: usize);
}

/// What can become of a message that was handed to a publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The match is in the topic, acknowledged.
    Published,
    /// The frame or record is in the dead-letter topic, acknowledged.
    DeadLettered(DeadLetterReason),
}

/// One pending match or frame; whoever holds it owes its outcome.
///
/// One that is dropped unsettled says that the message was not delivered: the
/// backlog it came from sends it again.
#[must_use = "a receipt dropped unsettled is a match not delivered"]
pub struct Receipt {
    /// None once it is settled.
    owner: Option<Arc<dyn ReceiptOwner>>,
    place: usize,
}

impl Receipt {
    /// The receipt of the message at `place` of `owner`, which must give it out once.
    pub fn new(owner: Arc<dyn ReceiptOwner>, place: usize) -> Self {
        Self {
            owner: Some(owner),
            place,
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

    fn settle(mut self, outcome: Outcome) {
        if let Some(owner) = self.owner.take() {
            owner.settle(self.place, outcome);
        }
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receipt")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(owner) = self.owner.take() {
            owner.take_back(self.place);
        }
    }
}
