//! What a process knows of what others have published, and of what it has published
//! itself before it was started.

use std::collections::BTreeMap;

use super::{Runner, recorder::Trouble};
use crate::{
    ports::{ReadBackError, Run, RunId, RunState},
    result::{Judged, PatchHead, PatchResult, Slice},
};

/// So many runs are looked through for the last success.
const REMEMBERED_MAX: usize = 50;

impl Runner {
    /// At a start: ends what an earlier process has left, and takes up what it knew.
    ///
    /// Readers need not be there: what is kept beside the process is enough.
    pub async fn remember(&self) {
        let now = self.parts().clock.now();
        match self.parts().ledger.interrupt_unfinished(now).await {
            Ok(runs) => {
                for run in runs {
                    tracing::warn!(%run, "a run was interrupted: its process has ended before it");
                }
            }
            Err(error) => tracing::error!(%error, "the ledger cannot be used"),
        }
        if let Ok(runs) = self.parts().ledger.runs(REMEMBERED_MAX, None).await {
            self.parts().status.remembers(&runs);
            self.see_kept(&runs).await;
        }
        self.refresh().await;
    }

    /// The newest results that were published, as they are kept.
    async fn see_kept(&self, runs: &[Run]) {
        let Ok(kept) = self.parts().results.kept().await else {
            return;
        };
        let mut seen = BTreeMap::new();
        for (id, patch) in kept {
            let run = runs.iter().find(|run| run.id == id);
            let is_published = run.is_some_and(|run| run.state == RunState::Published);
            if is_published && !seen.contains_key(&patch) {
                seen.insert(patch, id);
            }
        }
        for (patch, id) in seen {
            let result = self.kept(id, &patch).await;
            let ended = runs
                .iter()
                .find(|run| run.id == id)
                .and_then(|run| run.ended_at);
            if let Some(result) = result {
                let since = ended.unwrap_or(result.as_of);
                self.parts().status.sees(result.head(), since);
            }
        }
    }

    /// Looks what readers see, and takes up what this process does not know: another
    /// may have published it.
    pub async fn refresh(&self) {
        let index = match self.parts().published.index().await {
            Ok(Some(index)) => index,
            Ok(None) => {
                self.parts().status.nothing_is_published();
                return;
            }
            Err(error) => {
                tracing::debug!(%error, "what is published is not known");
                return;
            }
        };
        for entry in index.patches {
            let known = self.parts().status.published(&entry.patch);
            let known = known.filter(|known| known.result.run == entry.run);
            if let Some(known) = known {
                if known.result.as_of < entry.as_of {
                    let mut result = known.result.clone();
                    result.as_of = entry.as_of;
                    self.parts().status.sees(result, known.since);
                }
                continue;
            }
            let found = match self.kept(entry.run, &entry.patch).await {
                Some(result) => Some(PatchResult {
                    as_of: entry.as_of,
                    ..result
                }),
                None => match self.parts().published.published(&entry.patch).await {
                    Ok(found) => found,
                    Err(error) => {
                        tracing::warn!(%error, "what is published is not known");
                        None
                    }
                },
            };
            if let Some(result) = found {
                let since = result.as_of;
                self.parts().status.sees(result.head(), since);
            }
        }
    }

    /// What a run has found of a patch, if it is still kept and can be read.
    async fn kept(&self, run: RunId, patch: &str) -> Option<PatchResult> {
        let kept = self.parts().results.results_of(run).await;
        let mut kept = kept.unwrap_or_default().into_iter();
        kept.find(|result| result.patch == patch)
    }

    /// By what the slices of a published result were judged, as far as it is kept. That
    /// is as large as what scores drafts, and wanted once a run: it is not held.
    pub(super) async fn judged_by(&self, head: &PatchHead) -> BTreeMap<Slice, Judged> {
        let kept = self.kept(head.run, &head.patch).await;
        let slices = kept.into_iter().flat_map(|kept| kept.slices);
        slices
            .filter_map(|(slice, values)| Some((slice, values.judged?)))
            .collect()
    }

    /// All of what is known to be published of a patch: as it is kept, or else as
    /// readers see it.
    ///
    /// # Errors
    /// It is neither kept nor published any more, or cannot be looked up.
    pub(super) async fn whole(&self, head: &PatchHead) -> Result<PatchResult, Trouble> {
        let found = match self.kept(head.run, &head.patch).await {
            Some(kept) => Some(kept),
            None => match self.parts().published.published(&head.patch).await {
                Ok(found) => found.filter(|found| found.run == head.run),
                Err(ReadBackError::Publisher(error)) => return Err(error.into()),
                Err(error @ ReadBackError::Unreadable { .. }) => {
                    return Err(Trouble::Final(error.to_string()));
                }
            },
        };
        let gone = || {
            let (patch, run) = (&head.patch, head.run);
            Trouble::Final(format!(
                "run {run} of {patch} is neither kept nor published any more: `run-once --force` computes all of it"
            ))
        };
        let found = found.ok_or_else(gone)?;
        Ok(PatchResult {
            as_of: head.as_of,
            counts_hash: head.counts_hash.clone(),
            ..found
        })
    }
}
