//! The count of what became of every record consumed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{DeadLetterReason, Record};

/// Counts records from being consumed to their outcome.
///
/// One lock around everything, so that every answer is of one moment:
/// consumed = loaded + dead-lettered + pending.
#[derive(Debug, Default)]
pub struct Ledger {
    account: Mutex<LedgerFigures>,
}

/// The ledger at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerFigures {
    /// Each topic's own account.
    pub topics: BTreeMap<Arc<str>, TopicFigures>,
    /// Records set aside, by reason.
    pub reasons: BTreeMap<DeadLetterReason, u64>,
}

/// What became of the records of one topic, or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TopicFigures {
    /// Read by this process, what was read again included.
    pub consumed: u64,
    /// Everything that follows from them is acknowledged by the warehouse.
    pub loaded: u64,
    /// Acknowledged in the topic of dead letters.
    pub dead_lettered: u64,
    /// Neither yet.
    pub pending: u64,
}

impl Ledger {
    /// Records have been read.
    pub fn consume(&self, records: &[Record]) {
        let mut account = self.lock();
        for record in records {
            let figures = account.topic(&record.from.topic);
            figures.consumed += 1;
            figures.pending += 1;
        }
    }

    /// A record has been set aside.
    pub fn dead_letter(&self, record: &Record, reason: DeadLetterReason) {
        let mut account = self.lock();
        let figures = account.topic(&record.from.topic);
        figures.pending -= 1;
        figures.dead_lettered += 1;
        *account.reasons.entry(reason).or_default() += 1;
    }

    /// So many records of a topic have been loaded.
    pub fn load(&self, topic: &Arc<str>, count: u64) {
        let mut account = self.lock();
        let figures = account.topic(topic);
        figures.pending -= count;
        figures.loaded += count;
    }

    /// What became of all of them, at this moment.
    #[must_use]
    pub fn figures(&self) -> LedgerFigures {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, LedgerFigures> {
        // Nothing panics between two steps of an account.
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LedgerFigures {
    /// All topics together.
    #[must_use]
    pub fn total(&self) -> TopicFigures {
        let mut total = TopicFigures::default();
        for topic in self.topics.values() {
            total.consumed += topic.consumed;
            total.loaded += topic.loaded;
            total.dead_lettered += topic.dead_lettered;
            total.pending += topic.pending;
        }
        total
    }

    fn topic(&mut self, topic: &Arc<str>) -> &mut TopicFigures {
        self.topics.entry(Arc::clone(topic)).or_default()
    }
}

impl TopicFigures {
    /// Whether nothing is missing and nothing too much.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.consumed == self.loaded + self.dead_lettered + self.pending
    }
}
