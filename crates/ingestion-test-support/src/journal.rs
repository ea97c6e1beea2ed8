//! A journal in memory, and what every journal must do.
//!
//! [`FakeJournal`] stands for the disk in the tests of use cases.
//! [`journal_contract::check`] holds it and the real adapter to the same
//! promises, so that a test with the fake says something about the service.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use ingestion_application::{
    SourceName,
    ports::{Journal, JournalEntry, JournalError, JournalFigures, Recovered},
};
use tokio::sync::watch;

pub mod journal_contract;

/// What every entry takes on this disk.
const ENTRY_BYTES: u64 = 50;

/// Keeps entries in memory; clones share them, like processes that follow one
/// another on one disk.
#[derive(Clone)]
pub struct FakeJournal {
    state: Arc<Mutex<State>>,
    is_held: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<u64, JournalEntry>,
    next_sequence: u64,
    entries_max: Option<usize>,
    trouble: Option<JournalError>,
    lost: u64,
    appends: u64,
}

impl FakeJournal {
    /// An empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: Arc::default(),
            is_held: watch::Sender::new(false),
        }
    }

    /// Is full with so many entries from now on; never without a number.
    pub fn set_room(&self, entries_max: Option<usize>) {
        self.lock().entries_max = entries_max;
    }

    /// Answers every call with this error from now on; does its work without one.
    pub fn set_trouble(&self, trouble: Option<JournalError>) {
        self.lock().trouble = trouble;
    }

    /// Ends no append from now on, like a disk that hangs.
    pub fn hold(&self) {
        self.is_held.send_replace(true);
    }

    /// Ends the appends that are held, and the later ones at once.
    pub fn release(&self) {
        self.is_held.send_replace(false);
    }

    /// Loses an entry to damage, which shows at the next recovery.
    pub fn damage(&self, sequence: u64) {
        let mut state = self.lock();
        if state.entries.remove(&sequence).is_some() {
            state.lost += 1;
        }
    }

    /// What is in it, in order.
    #[must_use]
    pub fn entries(&self) -> Vec<JournalEntry> {
        self.lock().entries.values().cloned().collect()
    }

    /// How many appends have written something.
    #[must_use]
    pub fn appends(&self) -> u64 {
        self.lock().appends
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere fails its own test.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) -> Result<MutexGuard<'_, State>, JournalError> {
        let state = self.lock();
        match &state.trouble {
            Some(trouble) => Err(trouble.clone()),
            None => Ok(state),
        }
    }
}

impl Default for FakeJournal {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Journal for FakeJournal {
    async fn recover(&self) -> Result<Recovered, JournalError> {
        let state = self.work()?;
        let mut pending: Vec<(SourceName, u64)> = Vec::new();
        for entry in state.entries.values() {
            let source = entry.message.source();
            match pending.iter_mut().find(|(name, _)| *name == source) {
                Some((_, count)) => *count += 1,
                None => pending.push((source, 1)),
            }
        }
        Ok(Recovered {
            pending,
            first: state.entries.keys().next().copied(),
            next_sequence: state.next_sequence,
            lost: state.lost,
        })
    }

    async fn append(&self, entries: &[JournalEntry]) -> Result<(), JournalError> {
        let mut is_held = self.is_held.subscribe();
        let released = is_held.wait_for(|is_held| !is_held).await;
        released.expect("this journal holds the sender");
        let mut state = self.work()?;
        state.appends += 1;
        for entry in entries {
            if entry.sequence < state.next_sequence {
                continue;
            }
            if state
                .entries_max
                .is_some_and(|max| state.entries.len() >= max)
            {
                return Err(JournalError::Full {
                    reason: "the test gives it no more room".to_owned(),
                });
            }
            state.entries.insert(entry.sequence, entry.clone());
            state.next_sequence = entry.sequence + 1;
        }
        Ok(())
    }

    async fn acknowledge(&self, sequences: &[u64]) -> Result<(), JournalError> {
        let mut state = self.work()?;
        for sequence in sequences {
            state.entries.remove(sequence);
        }
        Ok(())
    }

    async fn read(&self, from: u64, count: usize) -> Result<Vec<JournalEntry>, JournalError> {
        let state = self.work()?;
        let entries = state.entries.range(from..).take(count);
        Ok(entries.map(|(_, entry)| entry.clone()).collect())
    }

    fn figures(&self) -> JournalFigures {
        let state = self.lock();
        JournalFigures {
            bytes: state.entries.len() as u64 * ENTRY_BYTES,
            room: u64::MAX,
            oldest: (state.entries.values())
                .map(|entry| entry.message.received_at())
                .min(),
            lost: state.lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{journal_contract::Target, *};

    struct Fake(FakeJournal);

    #[async_trait]
    impl Target for Fake {
        fn journal(&self) -> Arc<dyn Journal> {
            Arc::new(self.0.clone())
        }

        async fn reopen(&self) {}
    }

    #[tokio::test]
    async fn the_fake_keeps_the_contract() {
        journal_contract::check(&Fake(FakeJournal::new())).await;
    }

    #[tokio::test]
    async fn the_fake_is_full_fails_and_hangs_when_told_to() {
        let journal = FakeJournal::new();
        let entries = journal_contract::matches(1..=2);
        journal.set_room(Some(1));
        let full = journal.append(&entries).await;
        assert!(matches!(full, Err(JournalError::Full { .. })), "{full:?}");
        journal.set_room(None);

        let trouble = JournalError::Failed {
            reason: "told to".to_owned(),
        };
        journal.set_trouble(Some(trouble.clone()));
        assert_eq!(journal.read(0, 1).await, Err(trouble));
        journal.set_trouble(None);

        journal.hold();
        let hanging = tokio::spawn({
            let (journal, entries) = (journal.clone(), entries.clone());
            async move { journal.append(&entries).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(journal.entries(), entries[..1], "it hangs");
        journal.release();
        assert_eq!(hanging.await.expect("no panic"), Ok(()));
        assert_eq!(journal.entries(), entries);
    }
}
