//! What a run does so that readers see what it has found.

use domain::Timestamp;

use super::{
    RunEventKind, Runner,
    found::Found,
    recorder::{Done, End, Plan, Recorder, Trouble},
};
use crate::{
    ports::{
        IndexedPatch, Leadership, PatchIndex, Publication, PublishError, ReadBackError, StepName,
    },
    result::{PatchHead, PatchResult},
};

/// What was staged may be gone before it is switched, if readers were away for long.
const STAGED_MAX: u32 = 3;
/// So many documents are kept to be compared with what readers see.
const VERIFIED_MAX: usize = 19;

impl Runner {
    /// Publishes what was found of a patch, all of it in one step.
    pub(super) async fn publish(
        &self,
        recorder: &mut Recorder<'_>,
        result: &PatchResult,
        leadership: Option<&Leadership>,
    ) -> Result<(), End> {
        let mut staged = 0;
        loop {
            staged += 1;
            let staging = self.plan(StepName::Stage, true);
            let publication = recorder.step(staging, || self.stage(result)).await?;
            let switching = self.plan(StepName::Switch, false);
            let publication = &publication;
            let switched = recorder.step(switching, || async move {
                let switched = self.parts().publisher.switch(publication, leadership).await;
                match switched {
                    Ok(()) => Ok(done(true, publication.keys.len(), &result.patch)),
                    // Readers were away for so long that it has to be staged again.
                    Err(PublishError::Missing { .. }) if staged < STAGED_MAX => {
                        Ok(done(false, 0, "it is staged again"))
                    }
                    Err(error) => Err(Trouble::from(error)),
                }
            });
            if !switched.await? {
                continue;
            }
            self.parts().status.sees(result.head(), self.now());
            self.parts().status.gave(publication.keys.len());
            self.parts().status.left_out(&result.excluded);
            recorder.tell(RunEventKind::Switched {
                patch: result.patch.clone(),
            });
            let verifying = self.plan(StepName::Verify, false);
            let verified = recorder.step(verifying, || async move {
                self.parts().publisher.verify(publication).await?;
                Ok(done((), publication.documents.len(), &result.patch))
            });
            return verified.await;
        }
    }

    /// Says of patches that they are still as readers see them. One of which
    /// something is gone is published as a whole.
    pub(super) async fn renew(
        &self,
        recorder: &mut Recorder<'_>,
        found: &Found,
        leadership: Option<&Leadership>,
    ) -> Result<(), End> {
        for result in found.to_renew() {
            let renewing = self.plan(StepName::Switch, false);
            let renewed = recorder.step(renewing, || async move {
                let index = self.index(result).await?;
                let renewal = self.parts().documents.renewal(result, &index);
                match self.parts().publisher.renew(&renewal, leadership).await {
                    Ok(()) => Ok(done(None, 2, "nothing has changed")),
                    Err(PublishError::Missing { key }) => {
                        let whole = self.whole(result).await?;
                        let gone = format!("{key} is gone: it is published again");
                        Ok(done(Some(whole), 0, &gone))
                    }
                    Err(error) => Err(Trouble::from(error)),
                }
            });
            match renewed.await? {
                None => {
                    let seen = self.parts().status.published(&result.patch);
                    let since = seen.map_or_else(|| self.now(), |seen| seen.since);
                    self.parts().status.sees(result.clone(), since);
                }
                Some(whole) => self.publish(recorder, &whole, leadership).await?,
            }
        }
        Ok(())
    }

    /// Stages slice by slice, so that the documents of one are at hand at a time; those
    /// that are to be read again stay at hand.
    async fn stage(&self, result: &PatchResult) -> Result<Done<Publication>, Trouble> {
        let index = self.index(&result.head()).await?;
        let mut publication = self.parts().documents.outline(result, &index);
        let slices = result.slices.len();
        let share = (VERIFIED_MAX / slices.max(1)).max(1);
        let mut kept = Vec::new();
        for (place, &slice) in result.slices.keys().enumerate() {
            publication.add(self.parts().documents.of_slice(result, slice));
            self.parts().publisher.stage(&publication).await?;
            let staged = std::mem::take(&mut publication.documents);
            let apart = staged.len().div_ceil(share).max(1);
            // Not of the same hero in each slice.
            let of_slice = staged.into_iter().skip(place * apart / slices);
            kept.extend(of_slice.step_by(apart));
        }
        publication.documents = kept;
        let rows = publication.keys.len();
        Ok(done(publication, rows, &result.patch))
    }

    /// Which patches there are once this one is published: those that were there and
    /// have not expired since, the newest first.
    async fn index(&self, result: &PatchHead) -> Result<PatchIndex, Trouble> {
        let parts = self.parts();
        let before = match parts.published.index().await {
            Ok(index) => index,
            Err(ReadBackError::Publisher(error)) => return Err(error.into()),
            // Another program wrote it: this one is what there is.
            Err(ReadBackError::Unreadable { .. }) => None,
        };
        let now = self.now();
        let is_alive = |at: Timestamp| {
            let expiry = parts.settings.expiry;
            expiry.is_none_or(|expiry| at.saturating_add(expiry) > now)
        };
        let others = before.map_or(Vec::new(), |index| index.patches).into_iter();
        let others = others.filter(|other| other.patch != result.patch && is_alive(other.as_of));
        let mut patches: Vec<_> = others.collect();
        patches.push(IndexedPatch {
            patch: result.patch.clone(),
            run: result.run,
            as_of: result.as_of,
        });
        let known = parts.patches.patches().await;
        let known = known.map_err(|error| Trouble::Unfit(error.to_string()))?;
        let names: Vec<_> = known.iter().map(|patch| &*patch.name).collect();
        // One that nobody knows is older than all.
        let place = |patch: &str| names.iter().position(|name| *name == patch);
        patches.sort_by_key(|entry| std::cmp::Reverse(place(&entry.patch)));
        Ok(PatchIndex {
            as_of: result.as_of,
            patches,
        })
    }

    fn plan(&self, name: StepName, may_stop: bool) -> Plan {
        Plan {
            name,
            retries: self.parts().settings.retries,
            may_stop,
            needs_readers: true,
        }
    }
}

fn done<T>(value: T, rows: usize, detail: &str) -> Done<T> {
    Done {
        value,
        rows: rows as u64,
        detail: detail.to_owned(),
    }
}
