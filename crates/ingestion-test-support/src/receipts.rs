//! Receipts without a backlog behind them, and what becomes of each.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ingestion_application::{Outcome, Receipt, ReceiptOwner};

/// Gives out receipts and keeps account of them, for tests of a publisher alone.
#[derive(Default)]
pub struct ReceiptRecorder {
    account: Mutex<Account>,
}

#[derive(Default)]
struct Account {
    given_out: usize,
    returned: usize,
    outcomes: Vec<Outcome>,
}

/// What has become of all receipts, at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReceiptFigures {
    /// Settled as published.
    pub published: u64,
    /// Settled as dead-lettered.
    pub dead_lettered: u64,
    /// Dropped unsettled: a backlog would send their messages again.
    pub returned: u64,
    /// None of the three yet.
    pub pending: u64,
}

impl ReceiptRecorder {
    /// One more receipt.
    pub fn give_out(self: &Arc<Self>) -> Receipt {
        let key = {
            let mut account = self.lock();
            account.given_out += 1;
            account.given_out - 1
        };
        let owner: Arc<dyn ReceiptOwner> = Arc::<Self>::clone(self);
        Receipt::new(owner, key, key as u64)
    }

    /// What has become of all of them.
    #[must_use]
    pub fn figures(&self) -> ReceiptFigures {
        let account = self.lock();
        let is_published = |outcome: &&Outcome| **outcome == Outcome::Published;
        let settled = account.outcomes.len();
        let published = account.outcomes.iter().filter(is_published).count();
        ReceiptFigures {
            published: published as u64,
            dead_lettered: (settled - published) as u64,
            returned: account.returned as u64,
            pending: (account.given_out - settled - account.returned) as u64,
        }
    }

    /// Every outcome so far, in the order of settling.
    #[must_use]
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.lock().outcomes.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Account> {
        // A panic elsewhere fails its own test.
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReceiptOwner for ReceiptRecorder {
    fn settle(&self, _: usize, outcome: Outcome) {
        self.lock().outcomes.push(outcome);
    }

    fn take_back(&self, _: usize) {
        self.lock().returned += 1;
    }
}

#[cfg(test)]
mod tests {
    use ingestion_application::DeadLetterReason::NotJson;

    use super::*;

    #[test]
    fn each_receipt_is_settled_or_given_back_once() {
        let recorder = Arc::new(ReceiptRecorder::default());
        let [first, second, third, fourth] = [(); 4].map(|()| recorder.give_out());
        first.published();
        second.dead_lettered(NotJson);
        drop(third);
        let expected = ReceiptFigures {
            published: 1,
            dead_lettered: 1,
            returned: 1,
            pending: 1,
        };
        assert_eq!(recorder.figures(), expected);
        let outcomes = [Outcome::Published, Outcome::DeadLettered(NotJson)];
        assert_eq!(recorder.outcomes(), outcomes);
        fourth.published();
    }
}
