//! Receipts: whoever holds one owes the outcome of a pending message.

use std::sync::Arc;

use crate::DeadLetterReason;

/// Where a pending message is, and where its outcome is owed.
///
/// The [`Backlog`](crate::Backlog) is it in every service; tests of a
/// publisher alone have one that only counts. Of each receipt it hears once,
/// by one of the two.
pub trait ReceiptOwner: Send + Sync {
    /// The message under `key` has had its outcome.
    fn settle(&self, key: usize, outcome: Outcome);

    /// The message under `key` was not delivered.
    fn take_back(&self, key: usize);
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
    key: usize,
    sequence: u64,
}

impl Receipt {
    /// The receipt of the message that `owner` finds under `key` and must give out once.
    ///
    /// `sequence` is the message's number in the order of receipt.
    pub fn new(owner: Arc<dyn ReceiptOwner>, key: usize, sequence: u64) -> Self {
        Self {
            owner: Some(owner),
            key,
            sequence,
        }
    }

    /// The message's number in the order of receipt, by which messages that were
    /// not delivered are put back in order. It stays the same when the message is
    /// sent again, and comes from the journal where an earlier process received it.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
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
            owner.settle(self.key, outcome);
        }
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receipt")
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(owner) = self.owner.take() {
            owner.take_back(self.key);
        }
    }
}
