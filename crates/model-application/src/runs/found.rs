//! What a run has found, and what is to become of it.

use super::fingerprint::Fingerprint;
use crate::{
    ports::{Failure, RunState, StepName},
    result::PatchResult,
};

/// What a run has found.
pub(super) struct Found {
    pub(super) patches: Vec<FoundPatch>,
}

/// What a run has found of a patch.
pub(super) enum FoundPatch {
    /// Readers see it already; as they see it, with the time of this run.
    Unchanged(PatchResult),
    /// Readers are to see it.
    Better(PatchResult),
    /// It is worse than what readers see.
    Held(PatchResult, String),
}

impl Found {
    /// How the run ends when all is done that is to be done.
    pub(super) fn state(&self) -> RunState {
        let is = |wanted: fn(&FoundPatch) -> bool| self.patches.iter().any(wanted);
        if is(|found| matches!(found, FoundPatch::Held(..))) {
            RunState::Held
        } else if is(|found| matches!(found, FoundPatch::Better(_))) {
            RunState::Published
        } else {
            RunState::Unchanged
        }
    }

    /// Why it is held.
    pub(super) fn failure(&self) -> Option<Failure> {
        let causes = self.patches.iter().filter_map(|found| match found {
            FoundPatch::Held(_, cause) => Some(cause.as_str()),
            _ => None,
        });
        let causes: Vec<_> = causes.collect();
        (!causes.is_empty()).then(|| Failure {
            step: StepName::Judge,
            cause: causes.join("; "),
        })
    }

    /// What was computed.
    pub(super) fn results(&self) -> Vec<PatchResult> {
        let computed = self.patches.iter().filter_map(|found| match found {
            FoundPatch::Unchanged(_) => None,
            FoundPatch::Better(result) | FoundPatch::Held(result, _) => Some(result.clone()),
        });
        computed.collect()
    }

    pub(super) fn to_publish(&self) -> impl Iterator<Item = &PatchResult> {
        self.patches.iter().filter_map(|found| match found {
            FoundPatch::Better(result) => Some(result),
            _ => None,
        })
    }

    pub(super) fn to_renew(&self) -> impl Iterator<Item = &PatchResult> {
        self.patches.iter().filter_map(|found| match found {
            FoundPatch::Unchanged(result) => Some(result),
            _ => None,
        })
    }

    /// Tells all counts apart, those of unchanged patches included.
    pub(super) fn hash(&self) -> Option<String> {
        let mut all = Fingerprint::new();
        for found in &self.patches {
            let (FoundPatch::Unchanged(result)
            | FoundPatch::Better(result)
            | FoundPatch::Held(result, _)) = found;
            all.text(&result.patch);
            all.text(result.counts_hash.as_deref().unwrap_or_default());
        }
        (!self.patches.is_empty()).then(|| all.hex())
    }
}
