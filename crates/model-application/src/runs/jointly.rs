//! The second step over drafts: where a joint fit predicts what it has not seen better
//! than counts do, it is what is published.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{
    RunRequest, RunSettings, Runner,
    estimating::{Estimates, PatchRead, Shown},
    recorder::{Done, End, Recorder, Trouble},
    steps::of,
};
use crate::{
    counts::Counts,
    draft_model::DraftModel,
    estimate::SliceEstimate,
    holdout::{Judgement, Rivals},
    joint::{Drafts, FromCounts},
    ports::{DayToRead, DraftSeen, Part, StepName},
    result::{Slice, SliceResult, ValuesFrom},
    slices::Skill,
};

/// Of more matches of a slice the newest are taken. With those that are held out and what
/// a fit needs beside them, 20 bytes each, they take 50 MB; slices come one after another.
const FITTED_MAX: usize = 2_000_000;
/// The same of those that are held out.
const HELD_OUT_MAX: usize = FITTED_MAX / 4;

/// Where the joint fits of a slice begin: what was counted of it.
pub(super) struct Basis {
    /// Of the days that are fitted to.
    pub(super) fit: FromCounts,
    /// Of all days.
    pub(super) known: FromCounts,
    /// Of all days.
    pub(super) counts: Arc<Counts>,
}

/// The drafts of a slice.
struct SliceDrafts {
    slice: Slice,
    fitted: Drafts,
    fitted_max: usize,
    held_out: Drafts,
    held_out_max: usize,
    /// Whether there are more.
    is_cut: bool,
}

/// How a joint fit of a slice has done.
struct Joined {
    slice: Slice,
    judgement: Option<Judgement>,
    is_cut: bool,
    won: Option<Won>,
}

/// What it has found where it has won: what was judged, and the same of all days.
struct Won {
    fit: DraftModel,
    known: SliceEstimate,
}

/// What is published of a slice instead of what counts tell.
struct Better {
    slice: Slice,
    fit: Arc<DraftModel>,
    result: SliceResult,
}

impl Runner {
    /// Estimates each patch from its counts, and by its drafts where that is wanted and
    /// better.
    pub(super) async fn estimate(
        &self,
        recorder: &mut Recorder<'_>,
        read: Vec<PatchRead>,
        changed: &[usize],
        request: &RunRequest,
    ) -> Result<(Vec<PatchRead>, Vec<Estimates>), End> {
        let settings = &self.parts().settings;
        let mut counted = Some(read);
        let from_counts = of(StepName::Estimate, 0);
        let (read, mut estimates) = recorder
            .step(from_counts, || {
                let read = counted.take().expect("nothing is estimated twice");
                estimated(read, settings.clone(), changed.to_vec(), request.clone())
            })
            .await?;
        if !settings.is_joint {
            return Ok((read, estimates));
        }
        let jointly = of(StepName::Estimate, settings.retries);
        let better = recorder
            .step(jointly, || self.join(&read, &estimates, changed))
            .await?;
        for estimates in &mut estimates {
            estimates.let_go_of_bases();
        }
        for (at, better) in better {
            estimates[at].take(better);
        }
        Ok((read, estimates))
    }

    /// Fits each slice jointly; what has won, by the place of its patch.
    async fn join(
        &self,
        read: &[PatchRead],
        estimates: &[Estimates],
        changed: &[usize],
    ) -> Result<Done<Vec<(usize, Better)>>, Trouble> {
        let level = self.parts().settings.level;
        let (mut better, mut said, mut rows) = (Vec::new(), Vec::new(), 0);
        for &at in changed {
            let (read, estimates) = (&read[at], &estimates[at]);
            for (slice, basis) in estimates.bases() {
                let Some(from_counts) = estimates.fit(slice) else {
                    continue;
                };
                let drafts = match Drafts::try_new(from_counts.roster.clone()) {
                    Ok(mut none) => {
                        none.reserve(basis.drafts_expected());
                        self.drafts(read, slice, none).await?
                    }
                    Err(too_many) => {
                        said.push(format!("{} {slice}: {too_many}", read.window.patch));
                        continue;
                    }
                };
                rows += drafts.fitted.len() + drafts.held_out.len();
                let joined = joined(slice, Arc::clone(basis), from_counts, drafts).await;
                said.push(joined.said(&read.window.patch));
                better.extend(joined.won.map(|won| {
                    let shown = Shown {
                        estimate: Arc::new(won.known),
                        counts: Arc::clone(&basis.counts),
                        from: ValuesFrom::Own,
                    };
                    let matches = basis.counts.matches();
                    let result = shown.result(read, slice.skill, matches, level);
                    let fit = Arc::new(won.fit);
                    (at, Better { slice, fit, result })
                }));
            }
        }
        let detail = if said.is_empty() {
            "jointly: no slice has values of its own and matches held out to judge them".to_owned()
        } else {
            format!("jointly: {}", said.join(", "))
        };
        Ok(Done {
            rows: u64::try_from(rows).unwrap_or(u64::MAX),
            detail,
            value: better,
        })
    }

    /// The drafts of a slice, the newest days first.
    async fn drafts(
        &self,
        read: &PatchRead,
        slice: Slice,
        none: Drafts,
    ) -> Result<SliceDrafts, Trouble> {
        let parts = self.parts();
        let during = read.counted.0..read.counted.1;
        let mut drafts = SliceDrafts::new(slice, none, FITTED_MAX, HELD_OUT_MAX);
        for day in read.days.iter().rev() {
            if !drafts.has_room(day.part) {
                drafts.is_cut = true;
                continue;
            }
            let mut see = |seen| drafts.see(day, &seen);
            let (days, rules) = ([day.day], &parts.settings.rules);
            let reading = parts.reader.drafts(&days, during.clone(), rules, &mut see);
            reading.await?;
        }
        Ok(drafts)
    }
}

impl SliceDrafts {
    fn new(slice: Slice, none: Drafts, fitted_max: usize, held_out_max: usize) -> Self {
        Self {
            slice,
            held_out: Drafts::clone(&none),
            fitted_max,
            fitted: none,
            held_out_max,
            is_cut: false,
        }
    }

    fn of(&mut self, part: Part) -> (&mut Drafts, usize) {
        match part {
            Part::Fit => (&mut self.fitted, self.fitted_max),
            Part::HeldOut => (&mut self.held_out, self.held_out_max),
        }
    }

    fn has_room(&mut self, part: Part) -> bool {
        let (drafts, max) = self.of(part);
        drafts.len() < max
    }

    /// Takes a match of that day, if it is of the slice and there is room. One with a
    /// hero that the slice does not know is passed over, as where models are judged.
    fn see(&mut self, day: &DayToRead, seen: &DraftSeen) {
        if self.slice.mode != seen.mode || !self.slice.skill.includes(seen.bracket) {
            return;
        }
        if !self.has_room(day.part) {
            self.is_cut = true;
            return;
        }
        let (drafts, _) = self.of(day.part);
        let _ = drafts.add(&seen.draft, seen.radiant_win, day.weight);
    }
}

impl Joined {
    /// What became of it, for people.
    fn said(&self, patch: &str) -> String {
        let slice = self.slice;
        let Some(Judgement {
            worse_by,
            standard_error,
        }) = self.judgement
        else {
            return format!("{patch} {slice}: nothing to judge by");
        };
        let published = if self.won.is_some() {
            "published"
        } else {
            "not published"
        };
        let cut = if self.is_cut {
            format!(", of the newest {FITTED_MAX} matches")
        } else {
            String::new()
        };
        format!("{patch} {slice}: log loss {worse_by:+.5} ± {standard_error:.5}, {published}{cut}")
    }
}

impl Basis {
    /// For how many drafts there must be room at the end: what is counted is read again.
    fn drafts_expected(&self) -> usize {
        let counted = usize::try_from(self.counts.matches().games).unwrap_or(usize::MAX);
        counted.min(FITTED_MAX + HELD_OUT_MAX)
    }

    /// Fits to what is not held out, and, where that predicts the rest better than
    /// counts do, to all; nothing once it is not wanted any more.
    fn join(
        &self,
        from_counts: &DraftModel,
        mut drafts: SliceDrafts,
        is_wanted: &dyn Fn() -> bool,
    ) -> Option<(Option<Judgement>, Option<Won>)> {
        let fit = self.fit.jointly(&mut drafts.fitted, is_wanted)?;
        let fit = DraftModel::of(&fit);
        let mut rivals = Rivals::default();
        for held_out in drafts.held_out.iter() {
            let (radiant, dire) = held_out.sides();
            let said = |model: &DraftModel| model.predict_places(&radiant, &dire).model;
            rivals.add_match(&[(said(&fit), said(from_counts))], held_out.radiant_won());
        }
        let judgement = rivals.judge();
        if !judgement.is_some_and(Judgement::has_won) {
            return Some((judgement, None));
        }
        let mut all = drafts.fitted;
        all.append(drafts.held_out);
        let known = self.known.jointly(&mut all, is_wanted)?;
        Some((judgement, Some(Won { fit, known })))
    }
}

/// The same beside whatever else is done. When nobody waits any more, it ends at the
/// next pass.
async fn joined(
    slice: Slice,
    basis: Arc<Basis>,
    from_counts: Arc<DraftModel>,
    drafts: SliceDrafts,
) -> Joined {
    let is_cut = drafts.is_cut;
    let dropped = CancellationToken::new();
    let _guard = dropped.clone().drop_guard();
    let joining = tokio::task::spawn_blocking(move || {
        let is_wanted = || !dropped.is_cancelled();
        basis.join(&from_counts, drafts, &is_wanted)
    });
    match joining.await {
        Ok(found) => {
            let (judgement, won) = found.expect("nobody has cancelled while this waits");
            Joined {
                slice,
                judgement,
                is_cut,
                won,
            }
        }
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Estimates each patch from the one before, and lets go of its counts.
async fn estimated(
    mut read: Vec<PatchRead>,
    settings: RunSettings,
    changed: Vec<usize>,
    request: RunRequest,
) -> Result<Done<(Vec<PatchRead>, Vec<Estimates>)>, Trouble> {
    let estimating = tokio::task::spawn_blocking(move || {
        let mut all: Vec<Estimates> = Vec::with_capacity(read.len());
        for place in 0..read.len() {
            let earlier = place
                .checked_sub(1)
                .map(|place| (&*read[place].window.patch, &all[place]));
            let is_joint = settings.is_joint && changed.contains(&place);
            let jointly = is_joint.then_some(&request);
            let estimates = Estimates::of(&read[place], earlier, &settings, jointly);
            all.push(estimates);
            read[place].let_go_of_counts();
        }
        (read, all)
    });
    match estimating.await {
        Ok((read, estimates)) => Ok(Done {
            rows: estimates.iter().map(Estimates::slices).sum(),
            detail: String::new(),
            value: (read, estimates),
        }),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

impl Estimates {
    /// Where joint fits begin.
    fn bases(&self) -> impl Iterator<Item = (Slice, &Arc<Basis>)> {
        let modes = self.modes.iter();
        modes.flat_map(|(&mode, of_mode)| {
            let bases = of_mode.bases.iter();
            bases.map(move |(&skill, basis)| (Slice { mode, skill }, basis))
        })
    }

    /// What a slice is judged by.
    fn fit(&self, slice: Slice) -> Option<Arc<DraftModel>> {
        self.modes.get(&slice.mode)?.fit.get(&slice.skill).cloned()
    }

    /// Takes what is better, also for the slices that show the values of all skills.
    fn take(&mut self, better: Better) {
        let Better { slice, fit, result } = better;
        let Some(of_mode) = self.modes.get_mut(&slice.mode) else {
            return;
        };
        let before = of_mode.fit.insert(slice.skill, Arc::clone(&fit));
        if slice.skill == Skill::All {
            for of_skill in of_mode.fit.values_mut() {
                if before.as_ref() == Some(of_skill) {
                    *of_skill = Arc::clone(&fit);
                }
            }
            for shown in of_mode.results.values_mut() {
                if shown.head.from == ValuesFrom::AllSkills {
                    shown.show(&result);
                }
            }
        }
        of_mode.results.insert(slice.skill, result);
    }

    fn let_go_of_bases(&mut self) {
        for of_mode in self.modes.values_mut() {
            of_mode.bases.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{Day, HeroId, MatchId, SkillBracket};

    use super::*;
    use crate::{draft::Draft, roster::Roster, slices::Mode, tally::Weight};

    #[test]
    fn of_more_matches_than_there_is_room_for_the_rest_is_left_and_said() {
        let hero = |raw| HeroId::try_new(raw).expect("not zero");
        let none = Drafts::try_new(Roster::new((1..=10).map(hero))).expect("ten heroes");
        let slice = Slice {
            mode: Mode::Default,
            skill: Skill::High,
        };
        let mut drafts = SliceDrafts::new(slice, none, 3, 1);
        let day = |part| DayToRead {
            day: Day::from_days_since_epoch(0),
            build: 1,
            counted: 9,
            weight: Weight::FULL,
            part,
        };
        let draft = Draft::try_new([1, 2, 3, 4, 5].map(hero), [6, 7, 8, 9, 10].map(hero));
        let seen = |mode, rank| DraftSeen {
            match_id: MatchId::try_new(1).expect("not zero"),
            draft: draft.expect("ten heroes"),
            mode,
            bracket: SkillBracket::of_rank_tier(rank),
            radiant_win: true,
        };
        let of_slice = seen(Mode::Default, 72);
        for _ in 0..3 {
            drafts.see(&day(Part::Fit), &of_slice);
            drafts.see(&day(Part::Fit), &seen(Mode::Turbo, 72));
            drafts.see(&day(Part::Fit), &seen(Mode::Default, 11));
        }
        drafts.see(&day(Part::HeldOut), &of_slice);
        assert_eq!((drafts.fitted.len(), drafts.held_out.len()), (3, 1));
        assert!(!drafts.is_cut && !drafts.has_room(Part::Fit));
        drafts.see(&day(Part::Fit), &of_slice);
        assert!(drafts.is_cut && drafts.fitted.len() == 3);
    }
}
