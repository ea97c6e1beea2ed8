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

    /// The messages under `keys`, a few hundred at most, are published.
    fn all_published(&self, keys: &[usize]) {
        for key in keys {
            self.settle(*key, Outcome::Published);
        }
    }

    /// The message under `key` was not delivered.
    fn take_back(&self, key: usize);
}

/// So many messages are settled at a time: more would have whoever receives wait.
const TOGETHER_MAX: usize = 256;

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

    /// All of these matches are in the topic, acknowledged.
    ///
    /// As if each were [`published`](Self::published) by itself, but their owners
    /// need not look at them one by one.
    pub fn all_published(receipts: impl IntoIterator<Item = Self>) {
        let mut keys = Vec::with_capacity(TOGETHER_MAX);
        let mut owner_of_keys: Option<Arc<dyn ReceiptOwner>> = None;
        for mut receipt in receipts {
            let Some(owner) = receipt.owner.take() else {
                continue;
            };
            if let Some(of) = &owner_of_keys
                && (keys.len() == TOGETHER_MAX || !Arc::ptr_eq(of, &owner))
            {
                of.all_published(&keys);
                keys.clear();
            }
            owner_of_keys = Some(owner);
            keys.push(receipt.key);
        }
        if let Some(of) = owner_of_keys {
            of.all_published(&keys);
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// What it hears, with the number of messages that it hears of together.
    #[derive(Default)]
    struct Hearer(Mutex<Vec<(usize, usize)>>);

    impl ReceiptOwner for Hearer {
        fn settle(&self, key: usize, outcome: Outcome) {
            assert_eq!(outcome, Outcome::Published);
            self.0.lock().expect("nobody panics").push((key, 1));
        }

        fn all_published(&self, keys: &[usize]) {
            let heard = keys.iter().map(|key| (*key, keys.len()));
            self.0.lock().expect("nobody panics").extend(heard);
        }

        fn take_back(&self, key: usize) {
            panic!("{key} was published");
        }
    }

    #[test]
    fn each_owner_hears_of_its_own_receipts_once_and_of_a_limited_number_together() {
        let [one, other] = [0; 2].map(|_| Arc::new(Hearer::default()));
        let receipt = |of: &Arc<Hearer>, key| {
            let owner: Arc<dyn ReceiptOwner> = Arc::<Hearer>::clone(of);
            Receipt::new(owner, key, 0)
        };
        let of_one = (0..TOGETHER_MAX + 2).map(|key| receipt(&one, key));
        let between = [receipt(&other, 7), receipt(&one, 1000)];
        Receipt::all_published(of_one.chain(between));
        let mut expected: Vec<_> = (0..TOGETHER_MAX).map(|key| (key, TOGETHER_MAX)).collect();
        expected.extend([(TOGETHER_MAX, 2), (TOGETHER_MAX + 1, 2), (1000, 1)]);
        assert_eq!(*one.0.lock().expect("nobody panics"), expected);
        assert_eq!(*other.0.lock().expect("nobody panics"), [(7, 1)]);
        Receipt::all_published([]);
    }
}
