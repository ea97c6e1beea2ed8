//! What the steps of a run do, up to what it has found.

use std::{collections::BTreeMap, future::ready, sync::Arc};

use domain::{Day, Timestamp};

use super::{
    DataAge, RunRequest, Runner,
    estimating::{Estimates, PatchRead},
    fingerprint::Fingerprint,
    found::{Found, FoundPatch},
    judging::Judge,
    recorder::{Done, End, Plan, Recorder, Trouble},
    window::{PatchWindow, plan, windows},
};
use crate::{
    holdout::Judgement,
    ports::{Leadership, OTHER_MODE, Part, StepName},
    result::{HoldOutResult, Judged as JudgedBy, PatchHead, PatchResult, Slice},
    slices::MatchSums,
};

/// The reason for which matches are left out that share a day with a patch.
pub(super) const OTHER_PATCH: &str = "patch";

/// Whether this instance may publish.
#[derive(Clone)]
pub(super) enum Held {
    /// Nobody else is there.
    NoLock,
    /// It has the lock.
    Lock(Leadership),
    /// Another has the lock, or nobody knows who.
    Not,
}

pub(super) fn lock(held: Held) -> Result<Done<Option<Leadership>>, Trouble> {
    let (leadership, detail) = match held {
        Held::NoLock => (None, "there is no lock".to_owned()),
        Held::Lock(leadership) => {
            let detail = format!("epoch {}", leadership.epoch);
            (Some(leadership), detail)
        }
        Held::Not => {
            let lost = "this instance is not the leader";
            return Err(Trouble::LeadershipLost(lost.to_owned()));
        }
    };
    Ok(Done {
        value: leadership,
        rows: 0,
        detail,
    })
}

impl Runner {
    /// Reads, checks, estimates and judges.
    pub(super) async fn compute(
        &self,
        recorder: &mut Recorder<'_>,
        request: &RunRequest,
    ) -> Result<Found, End> {
        let settings = &self.parts().settings;
        let reading = of(StepName::Read, settings.retries);
        let read = recorder.step(reading, || self.read(request)).await?;
        let check = of(StepName::Check, 0);
        recorder.step(check, || ready(checked(&read))).await?;

        let started = recorder.run.started_at.unwrap_or_else(|| self.now());
        let mut patches = self.unchanged(&read, request, started);
        let is_changed = |read: &PatchRead| {
            let of_patch = |found: &FoundPatch| matches!(found, FoundPatch::Unchanged(result) if result.patch == read.window.patch);
            read.window.is_wanted && !patches.iter().any(of_patch)
        };
        let changed: Vec<usize> = (0..read.len())
            .filter(|&at| is_changed(&read[at]))
            .collect();
        if changed.is_empty() {
            return Ok(Found { patches });
        }
        let (read, estimates) = self.estimate(recorder, read, &changed, request).await?;
        let judging = of(StepName::Judge, settings.retries);
        let run = recorder.run.id;
        let judged = recorder
            .step(judging, || {
                let (read, estimates, changed) = (&read, &estimates, &changed);
                async move {
                    let mut judged = Vec::new();
                    for &at in changed {
                        judged.push(self.judge(&read[at], &estimates[at], request).await?);
                    }
                    Ok(told(judged))
                }
            })
            .await?;
        let mut judged = changed
            .iter()
            .copied()
            .zip(judged)
            .collect::<BTreeMap<_, _>>();
        for (at, (read, estimates)) in read.iter().zip(estimates).enumerate() {
            let Some(mut judged) = judged.remove(&at) else {
                continue;
            };
            let held = judged.held.take().filter(|_| !request.force);
            let result = Arc::new(PatchResult {
                run,
                as_of: started,
                ..result(read, estimates, judged, request)
            });
            patches.push(match held {
                Some(cause) => FoundPatch::Held(result, cause),
                None => FoundPatch::Better(result),
            });
        }
        Ok(Found { patches })
    }

    /// Reads the counts of all patches that are needed, the earliest first.
    async fn read(&self, request: &RunRequest) -> Result<Done<Vec<PatchRead>>, Trouble> {
        let parts = self.parts();
        let patches = parts.patches.patches().await;
        let patches = patches.map_err(|error| Trouble::Unfit(error.to_string()))?;
        let now = self.now();
        let mut read = Vec::new();
        for window in windows(&parts.settings, request, &patches, now) {
            match self.read_patch(window).await {
                // What is found of a patch depends on the one before.
                Ok(found) => read.extend(found.map(|found| found.after(read.last()))),
                Err(trouble) => {
                    parts.status.warehouse_away(trouble.cause());
                    return Err(trouble);
                }
            }
        }
        let newest = parts.reader.newest_day().await?;
        parts
            .status
            .warehouse_answers(newest.map(|day| age_of(day, now)));
        let matches = read.iter().map(|patch| patch.counts.matches_read());
        let each: Vec<_> = read
            .iter()
            .map(|read| format!("{}: {} matches", read.window.patch, read.sums.used))
            .collect();
        Ok(Done {
            rows: matches.sum(),
            detail: each.join(", "),
            value: read,
        })
    }

    /// The counts of a patch; nothing if it has none.
    async fn read_patch(&self, window: PatchWindow) -> Result<Option<PatchRead>, Trouble> {
        let parts = self.parts();
        let (from, to) = window.days();
        let builds = parts.reader.day_builds(from, to).await?;
        let days = plan(&builds, &parts.settings);
        if days.is_empty() {
            return Ok(None);
        }
        let counts = parts.reader.counts(&window.patch, &days).await?;
        if counts.cells.is_empty() {
            return Ok(None);
        }
        let mut sums = MatchSums::default();
        for build in &builds {
            sums.merge(&build.sums);
        }
        // Of what the days have used, other modes and other patches have no slice.
        let slices = counts.cells.values().map(|counts| counts.matches().games);
        sums.used = slices.sum();
        let modes: u64 = counts.other_modes.values().sum();
        for (reason, count) in [(OTHER_MODE, modes), (OTHER_PATCH, counts.other_patches)] {
            if count > 0 {
                *sums.excluded.entry(reason.to_owned()).or_default() += count;
            }
        }
        let last = days.last().map_or(to, |day| day.day);
        let end = last.next().start().min(window.during.end);
        let held_out = days.iter().find(|day| day.part == Part::HeldOut);
        let mut hash = Fingerprint::new();
        hash.text(&parts.settings_hash);
        hash.text(&window.patch);
        hash.sums(&sums);
        hash.counts(&counts);
        Ok(Some(PatchRead {
            counted: (window.during.start, end),
            held_out_since: held_out.map(|day| day.day.start()),
            hash: hash.hex(),
            window,
            days,
            sums,
            counts,
        }))
    }

    /// The patches whose counts are those of what readers see.
    fn unchanged(
        &self,
        read: &[PatchRead],
        request: &RunRequest,
        started: Timestamp,
    ) -> Vec<FoundPatch> {
        if request.force {
            return Vec::new();
        }
        let wanted = read.iter().filter(|read| read.window.is_wanted);
        let unchanged = wanted.filter_map(|of_patch| {
            let seen = self.parts().status.published(&of_patch.window.patch)?;
            let is_same = seen.result.counts_hash.as_ref() == Some(&of_patch.hash);
            is_same.then(|| {
                FoundPatch::Unchanged(PatchHead {
                    as_of: started,
                    ..seen.result.clone()
                })
            })
        });
        unchanged.collect()
    }

    /// Looks how good the models of a patch are of what was held out.
    async fn judge(
        &self,
        read: &PatchRead,
        estimates: &Estimates,
        request: &RunRequest,
    ) -> Result<Judged, Trouble> {
        let parts = self.parts();
        let seen = parts.status.published(&read.window.patch);
        let published = seen.as_ref().map(|seen| &seen.result);
        let kept = match published {
            Some(published) => self.judged_by(published).await,
            None => BTreeMap::new(),
        };
        let mut judge = Judge::new(estimates, |slice| request.includes(slice), published, &kept);
        let mut matches = 0;
        if let Some(since) = read.held_out_since {
            let during = read.window.during.start.max(since)..read.counted.1;
            let mut day = Day::of(since);
            while day.start() < during.end {
                let days = [day];
                let mut see = |draft| {
                    matches += 1;
                    judge.see(day, &draft);
                };
                let rules = &parts.settings.rules;
                let reading = parts.reader.drafts(&days, during.clone(), rules, &mut see);
                reading.await?;
                day = day.next();
            }
        }
        let (figures, judgement) = judge.finish();
        // A part of the patch is published with the rest as readers see it.
        let others = match published {
            Some(seen) if !request.is_whole() => Some(self.whole(seen).await?),
            _ => None,
        };
        Ok(Judged {
            others,
            held: judgement
                .filter(|it| it.is_held())
                .map(|it| worse(&read.window.patch, it)),
            said: said(&read.window.patch, matches, judgement),
            matches,
            figures,
        })
    }
}

/// What was found out about models.
struct Judged {
    /// What readers see of the patch, where a part of it was computed.
    others: Option<PatchResult>,
    figures: BTreeMap<Slice, HoldOutResult>,
    held: Option<String>,
    said: String,
    matches: u64,
}

/// What is published of a patch: what was computed, and the slices that were not,
/// as readers see them.
fn result(
    read: &PatchRead,
    estimates: Estimates,
    judged: Judged,
    request: &RunRequest,
) -> PatchResult {
    let Judged {
        others,
        mut figures,
        ..
    } = judged;
    let mut slices = BTreeMap::new();
    let mut is_whole = true;
    for (mode, mut of_mode) in estimates.modes {
        for (skill, mut values) in of_mode.results {
            let slice = Slice { mode, skill };
            if !request.includes(slice) {
                is_whole = false;
                continue;
            }
            let fit = of_mode.fit.remove(&skill);
            values.judged = fit.zip(read.held_out_since).map(|(model, since)| JudgedBy {
                model,
                unseen_since: since,
            });
            values.head.holdout = figures.remove(&slice);
            slices.insert(slice, values);
        }
    }
    if !is_whole && let Some(seen) = others {
        for (slice, values) in seen.slices {
            slices.entry(slice).or_insert(values);
        }
    }
    PatchResult {
        run: crate::ports::RunId::default(),
        as_of: Timestamp::from_unix_ms(0),
        patch: read.window.patch.clone(),
        // A part of it is of other counts.
        counts_hash: is_whole.then(|| read.hash.clone()),
        excluded: read.sums.excluded.clone(),
        slices,
    }
}

/// A step that may be stopped at any time.
pub(super) const fn of(name: StepName, retries: u32) -> Plan {
    Plan {
        name,
        retries,
        may_stop: true,
        needs_readers: false,
    }
}

impl PatchRead {
    /// The same, told apart also by what it inherits.
    fn after(self, earlier: Option<&Self>) -> Self {
        let Some(earlier) = earlier else { return self };
        let mut hash = Fingerprint::new();
        hash.text(&earlier.hash);
        hash.text(&self.hash);
        Self {
            hash: hash.hex(),
            ..self
        }
    }
}

pub(super) fn age_of(newest_day: Day, now: Timestamp) -> DataAge {
    DataAge {
        newest_day,
        counted_until: newest_day.next().start().min(now),
    }
}

fn told(judged: Vec<Judged>) -> Done<Vec<Judged>> {
    let said: Vec<_> = judged.iter().map(|judged| &*judged.said).collect();
    Done {
        rows: judged.iter().map(|judged| judged.matches).sum(),
        detail: said.join(", "),
        value: judged,
    }
}

fn said(patch: &str, matches: u64, judgement: Option<Judgement>) -> String {
    let Some(Judgement {
        worse_by,
        standard_error,
    }) = judgement
    else {
        return format!("{patch}: {matches} matches, nothing to compare with");
    };
    format!("{patch}: {matches} matches, log loss {worse_by:+.5} ± {standard_error:.5}")
}

fn worse(
    patch: &str,
    Judgement {
        worse_by,
        standard_error,
    }: Judgement,
) -> String {
    format!(
        "{patch} is worse than what is published: its log loss on the same matches is higher by \
         {worse_by:.5}, more than 2 × {standard_error:.5}"
    )
}

/// Looks whether matches and games add up.
fn checked(read: &[PatchRead]) -> Result<Done<()>, Trouble> {
    if !read.iter().any(|read| read.window.is_wanted) {
        let none = "there are no counters of the patches that are wanted: look whether \
                    etl-service loads matches and builds days";
        return Err(Trouble::Final(none.to_owned()));
    }
    let mut rows = 0;
    for read in read {
        let wrong = |error: String| {
            let patch = &read.window.patch;
            Trouble::Final(format!(
                "{patch}: {error}; `etl-service verify` finds the days that are wrong"
            ))
        };
        read.sums
            .check()
            .map_err(|error| wrong(error.to_string()))?;
        for counts in read.counts.cells.values() {
            counts.check().map_err(|error| wrong(error.to_string()))?;
            rows += 1;
        }
    }
    Ok(Done {
        value: (),
        rows,
        detail: "everything adds up".to_owned(),
    })
}
