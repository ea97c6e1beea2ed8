//! What a run has found, and what is to become of it.

use std::sync::Arc;

use super::fingerprint::Fingerprint;
use crate::{
    ports::{Failure, RunState, StepName},
    result::{PatchHead, PatchResult},
};

/// What a run has found.
pub(super) struct Found {
    pub(super) patches: Vec<FoundPatch>,
}

/// What a run has found of a patch.
pub(super) enum FoundPatch {
    /// Readers see it already; as they see it, with the time of this run.
    Unchanged(PatchHead),
    /// Readers are to see it.
    Better(Arc<PatchResult>),
    /// It is worse than what readers see.
    Held(Arc<PatchResult>, String),
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
    pub(super) fn results(&self) -> Vec<Arc<PatchResult>> {
        let computed = self.patches.iter().filter_map(|found| match found {
            FoundPatch::Unchanged(_) => None,
            FoundPatch::Better(result) | FoundPatch::Held(result, _) => Some(Arc::clone(result)),
        });
        computed.collect()
    }

    pub(super) fn to_publish(&self) -> impl Iterator<Item = &PatchResult> {
        self.patches.iter().filter_map(|found| match found {
            FoundPatch::Better(result) => Some(&**result),
            _ => None,
        })
    }

    pub(super) fn to_renew(&self) -> impl Iterator<Item = &PatchHead> {
        self.patches.iter().filter_map(|found| match found {
            FoundPatch::Unchanged(result) => Some(result),
            _ => None,
        })
    }

    /// Tells all counts apart, those of unchanged patches included.
    pub(super) fn hash(&self) -> Option<String> {
        let mut all = Fingerprint::new();
        for found in &self.patches {
            let (patch, hash) = match found {
                FoundPatch::Unchanged(head) => (&head.patch, &head.counts_hash),
                FoundPatch::Better(result) | FoundPatch::Held(result, _) => {
                    (&result.patch, &result.counts_hash)
                }
            };
            all.text(patch);
            all.text(hash.as_deref().unwrap_or_default());
        }
        (!self.patches.is_empty()).then(|| all.hex())
    }
}
