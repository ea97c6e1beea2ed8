//! A ledger in memory.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use model_application::ports::{Entered, LedgerError, Run, RunId, RunLedger, RunState};

/// Keeps runs as long as it lives.
pub struct MemoryLedger {
    keep: usize,
    runs: Mutex<BTreeMap<RunId, Run>>,
}

impl MemoryLedger {
    /// Without any run; it keeps so many.
    #[must_use]
    pub fn new(keep: usize) -> Self {
        Self {
            keep,
            runs: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RunId, Run>> {
        // Every change leaves whole runs behind.
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl RunLedger for MemoryLedger {
    async fn enter(&self, run: &Run) -> Result<Entered, LedgerError> {
        let mut runs = self.lock();
        if runs.contains_key(&run.id) {
            return Ok(Entered::Yes);
        }
        if let Some(other) = runs.values().find(|other| !other.state.is_finished()) {
            return Ok(Entered::InProgress(other.id));
        }
        runs.insert(run.id, run.clone());
        while runs.len() > self.keep {
            runs.pop_first();
        }
        Ok(Entered::Yes)
    }

    async fn set_down(&self, run: &Run) -> Result<(), LedgerError> {
        let mut runs = self.lock();
        let known = runs
            .get_mut(&run.id)
            .ok_or(LedgerError::NoSuchRun(run.id))?;
        if !known.state.may_become(run.state) {
            return Err(LedgerError::NoWayBack {
                id: run.id,
                from: known.state,
                to: run.state,
            });
        }
        *known = run.clone();
        Ok(())
    }

    async fn run(&self, id: RunId) -> Result<Option<Run>, LedgerError> {
        Ok(self.lock().get(&id).cloned())
    }

    async fn runs(
        &self,
        count_max: usize,
        state: Option<RunState>,
    ) -> Result<Vec<Run>, LedgerError> {
        let runs = self.lock();
        let newest = runs.values().rev();
        let wanted = newest.filter(|run| state.is_none_or(|state| run.state == state));
        Ok(wanted.take(count_max).cloned().collect())
    }

    async fn interrupt_unfinished(&self, at: domain::Timestamp) -> Result<Vec<RunId>, LedgerError> {
        let mut runs = self.lock();
        let unfinished = runs.values_mut().filter(|run| !run.state.is_finished());
        let interrupted = unfinished.map(|run| {
            run.state = RunState::Interrupted;
            run.ended_at = Some(at);
            run.id
        });
        Ok(interrupted.collect())
    }
}
