//! Results in memory.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use model_application::{
    PatchResult,
    ports::{LedgerError, ResultStore, RunId},
};

/// So many results of a patch are kept.
const KEPT_MAX: usize = 2;

/// Keeps results as long as it lives.
#[derive(Default)]
pub struct MemoryResults {
    kept: Mutex<BTreeMap<(RunId, String), PatchResult>>,
}

impl MemoryResults {
    /// Without any result.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(RunId, String), PatchResult>> {
        // Every change leaves whole results behind.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ResultStore for MemoryResults {
    async fn keep(
        &self,
        result: &PatchResult,
        published: Option<RunId>,
    ) -> Result<(), LedgerError> {
        let mut kept = self.lock();
        kept.insert((result.run, result.patch.clone()), result.clone());
        let of_patch = kept.keys().filter(|(_, patch)| *patch == result.patch);
        let is_seen = |(run, _): &&(RunId, String)| Some(*run) == published;
        let forgotten = of_patch.rev().skip(KEPT_MAX).filter(|key| !is_seen(key));
        let forgotten: Vec<_> = forgotten.cloned().collect();
        for key in forgotten {
            kept.remove(&key);
        }
        Ok(())
    }

    async fn results_of(&self, run: RunId) -> Result<Vec<PatchResult>, LedgerError> {
        let kept = self.lock();
        let of_run = kept.iter().filter(|((of, _), _)| *of == run);
        Ok(of_run.map(|(_, result)| result.clone()).collect())
    }

    async fn kept(&self) -> Result<Vec<(RunId, String)>, LedgerError> {
        let mut kept: Vec<_> = self.lock().keys().cloned().collect();
        kept.sort_by_key(|(run, patch)| (std::cmp::Reverse(*run), patch.clone()));
        Ok(kept)
    }
}
