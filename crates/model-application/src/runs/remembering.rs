//! What a process knows of what others have published, and of what it has published
//! itself before it was started.

use std::collections::BTreeMap;

use super::Runner;
use crate::{
    ports::{Run, RunState},
    result::PatchResult,
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
            let results = self
                .parts()
                .results
                .results_of(id)
                .await
                .unwrap_or_default();
            let result = results.into_iter().find(|result| result.patch == patch);
            let ended = runs
                .iter()
                .find(|run| run.id == id)
                .and_then(|run| run.ended_at);
            if let Some(result) = result {
                let since = ended.unwrap_or(result.as_of);
                self.parts().status.sees(result, since);
            }
        }
    }

    /// Looks what readers see, and takes up what this process does not know: another
    /// may have published it.
    pub async fn refresh(&self) {
        let index = match self.parts().published.index().await {
            Ok(Some(index)) => index,
            Ok(None) => return,
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
            let kept = self.parts().results.results_of(entry.run).await;
            let mut kept = kept.unwrap_or_default().into_iter();
            let kept = kept.find(|result| result.patch == entry.patch);
            let found = match kept {
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
                self.parts().status.sees(result, since);
            }
        }
    }
}
