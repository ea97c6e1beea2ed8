//! The count of what became of every record consumed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use health_kit::RecentCount;
use tokio::time::Instant;

use crate::{DeadLetterReason, Record};

/// Counts records from being consumed to their outcome.
///
/// One lock around everything, so that every answer is of one moment:
/// consumed = loaded + dead-lettered + pending.
#[derive(Debug, Default)]
pub struct Ledger {
    account: Mutex<Account>,
}

#[derive(Debug, Default)]
struct Account {
    figures: LedgerFigures,
    consumed: RecentCount,
    loaded: RecentCount,
}

/// How fast records move, over the last seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rates {
    /// Records read in a second.
    pub consumed_per_second: f64,
    /// Records loaded in a second.
    pub loaded_per_second: f64,
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
    /// An empty ledger with an account for each of these topics: figures that
    /// are there from the start, at 0, are seen to grow.
    #[must_use]
    pub fn new(topics: impl IntoIterator<Item = Arc<str>>) -> Self {
        let ledger = Self::default();
        {
            let figures = &mut ledger.lock().figures;
            let accounts = topics
                .into_iter()
                .map(|topic| (topic, TopicFigures::default()));
            figures.topics = accounts.collect();
        }
        ledger
    }

    /// Records have been read.
    pub fn consume(&self, records: &[Record]) {
        let mut account = self.lock();
        account.consumed.add(records.len() as u64, Instant::now());
        for record in records {
            let figures = account.figures.topic(&record.from.topic);
            figures.consumed += 1;
            figures.pending += 1;
        }
    }

    /// A record has been set aside.
    pub fn dead_letter(&self, record: &Record, reason: DeadLetterReason) {
        let account = &mut self.lock().figures;
        let figures = account.topic(&record.from.topic);
        figures.pending -= 1;
        figures.dead_lettered += 1;
        *account.reasons.entry(reason).or_default() += 1;
    }

    /// So many records of a topic have been loaded.
    pub fn load(&self, topic: &Arc<str>, count: u64) {
        let mut account = self.lock();
        account.loaded.add(count, Instant::now());
        let figures = account.figures.topic(topic);
        figures.pending -= count;
        figures.loaded += count;
    }

    /// What became of all of them, at this moment.
    #[must_use]
    pub fn figures(&self) -> LedgerFigures {
        self.lock().figures.clone()
    }

    /// How fast it goes.
    #[must_use]
    pub fn rates(&self) -> Rates {
        let mut account = self.lock();
        let now = Instant::now();
        Rates {
            consumed_per_second: account.consumed.per_second(now),
            loaded_per_second: account.loaded.per_second(now),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Account> {
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
