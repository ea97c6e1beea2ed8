//! From what was read of patches to what is published of them.

use std::{collections::BTreeMap, sync::Arc};

use domain::{HeroId, Timestamp};

use super::{RunRequest, RunSettings, jointly::Basis, window::PatchWindow};
use crate::{
    counts::Counts,
    draft_model::DraftModel,
    estimate::SliceEstimate,
    joint::FromCounts,
    ports::{DayToRead, OTHER_MODE, Part, PatchCounts},
    result::{Slice, SliceFacts, SliceResult, ValuesFrom},
    roster::Roster,
    slices::{MatchSums, Mode, Skill, Source, estimate_mode},
    tally::Tally,
};

/// What was read of a patch.
pub(super) struct PatchRead {
    pub(super) window: PatchWindow,
    /// The days that were read, the oldest first.
    pub(super) days: Vec<DayToRead>,
    /// From when to when matches began that were counted.
    pub(super) counted: (Timestamp, Timestamp),
    /// What became of all matches of these days.
    pub(super) sums: MatchSums,
    pub(super) counts: PatchCounts,
    /// Where the days begin that are held out.
    pub(super) held_out_since: Option<Timestamp>,
    pub(super) hash: String,
}

/// What is known of a patch.
pub(super) struct Estimates {
    pub(super) modes: BTreeMap<Mode, ModeEstimates>,
}

/// What is known of a mode of a patch.
///
/// Of the estimates themselves those are kept that the next patch begins with: they are
/// larger than what is published of them.
pub(super) struct ModeEstimates {
    /// Of all skills.
    all: Option<Shown>,
    /// What is published of each slice, as far as it does not depend on what is held out.
    pub(super) results: BTreeMap<Skill, SliceResult>,
    /// By what is judged; nothing where nothing is held out.
    pub(super) fit: BTreeMap<Skill, Arc<DraftModel>>,
    /// Where joint fits begin, of slices with values of their own; none unless wanted.
    pub(super) bases: BTreeMap<Skill, Arc<Basis>>,
}

/// Values, and the counts that they are of.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) estimate: Arc<SliceEstimate>,
    pub(super) counts: Arc<Counts>,
    pub(super) from: ValuesFrom,
}

/// From so many games on a hero that no list has is taken for one.
const NEW_HERO_GAMES_MIN: u64 = 100;
const BOTH: [Part; 2] = [Part::Fit, Part::HeldOut];

/// The heroes of the built-in list, and those that have appeared since.
fn known_heroes(counts: &PatchCounts) -> Roster {
    let games = |hero: HeroId| -> u64 {
        let place = counts.roster.place(hero).ok();
        let of_cell = |counts: &Counts| place.map_or(0, |place| counts.heroes()[place].games);
        counts.cells.values().map(of_cell).sum()
    };
    let heroes = counts.roster.heroes().iter().copied();
    Roster::new(heroes.filter(|&hero| hero.is_listed() || games(hero) >= NEW_HERO_GAMES_MIN))
}

impl Estimates {
    /// Estimates every slice, from the patch before where that is known. What a joint
    /// fit begins with is kept of the slices of `jointly`.
    pub(super) fn of(
        read: &PatchRead,
        earlier: Option<(&str, &Self)>,
        settings: &RunSettings,
        jointly: Option<&RunRequest>,
    ) -> Self {
        let roster = known_heroes(&read.counts);
        let modes = settings.modes.iter().map(|&mode| {
            let earlier = earlier.and_then(|(patch, estimates)| {
                let shown = estimates.modes.get(&mode)?.all.as_ref()?;
                Some((patch, shown))
            });
            let is_joint = |skill| {
                let slice = Slice { mode, skill };
                jointly.is_some_and(|request| request.includes(slice))
            };
            let of_mode = ModeEstimates::of(read, &roster, mode, earlier, settings, &is_joint);
            (mode, of_mode)
        });
        Self {
            modes: modes.collect(),
        }
    }
}

impl Estimates {
    /// How many slices.
    pub(super) fn slices(&self) -> u64 {
        let each = self
            .modes
            .values()
            .map(|of_mode| of_mode.results.len() as u64);
        each.sum()
    }
}

impl ModeEstimates {
    fn of(
        read: &PatchRead,
        roster: &Roster,
        mode: Mode,
        earlier: Option<(&str, &Shown)>,
        settings: &RunSettings,
        is_joint: &dyn Fn(Skill) -> bool,
    ) -> Self {
        let counted = |parts: &[Part]| -> BTreeMap<Skill, Counts> {
            let each = settings.skills.iter();
            each.map(|&skill| {
                (
                    skill,
                    read.counts.slice(parts, skill, mode).into_only(roster),
                )
            })
            .collect()
        };
        let earlier_estimate = earlier.map(|(_, shown)| &*shown.estimate);
        let (mut fit, mut fit_bases) = (BTreeMap::new(), BTreeMap::new());
        if read.held_out_since.is_some() {
            // As much less is enough as is left out.
            let kept = 10_000 - u64::from(settings.holdout.min(10_000));
            let matches_min = settings.matches_min * kept / 10_000;
            let counts = counted(&[Part::Fit]);
            for (skill, values) in estimate_mode(&counts, earlier_estimate, matches_min) {
                fit.insert(skill, Arc::new(DraftModel::of(&values.estimate)));
                if let Some(priors) = values.priors.filter(|_| is_joint(skill)) {
                    let basis = FromCounts::new(values.estimate, priors, &counts[&skill]);
                    fit_bases.insert(skill, basis);
                }
            }
        }
        let counts = counted(&BOTH);
        let matches = counts
            .iter()
            .map(|(&skill, counts)| (skill, counts.matches()));
        let matches: BTreeMap<_, _> = matches.collect();
        let values = estimate_mode(&counts, earlier_estimate, settings.matches_min);
        let counts: BTreeMap<_, _> = counts
            .into_iter()
            .map(|(skill, counts)| (skill, Arc::new(counts)))
            .collect();
        let (mut all, mut results, mut bases) = (None, BTreeMap::new(), BTreeMap::new());
        for (skill, values) in values {
            let source = values.source;
            if let (Some(priors), Some(fit)) = (values.priors, fit_bases.remove(&skill)) {
                let counts = Arc::clone(&counts[&skill]);
                let known = FromCounts::new(values.estimate.clone(), priors, &counts);
                bases.insert(skill, Arc::new(Basis { fit, known, counts }));
            }
            let of = |counted: Skill, from| Shown {
                estimate: Arc::new(values.estimate),
                counts: Arc::clone(&counts[&counted]),
                from,
            };
            let shown = match (source, earlier) {
                (Source::All, _) => of(Skill::All, ValuesFrom::AllSkills),
                (Source::EarlierPatch, Some((patch, shown))) => Shown {
                    // What that one shows may be of an even earlier one.
                    from: match &shown.from {
                        ValuesFrom::EarlierPatch(patch) => ValuesFrom::EarlierPatch(patch.clone()),
                        _ => ValuesFrom::EarlierPatch(patch.to_owned()),
                    },
                    ..shown.clone()
                },
                (Source::Own | Source::EarlierPatch, _) => of(skill, ValuesFrom::Own),
            };
            let matches = matches.get(&skill).copied().unwrap_or_default();
            results.insert(skill, shown.result(read, skill, matches, settings.level));
            if skill == Skill::All {
                all = Some(shown);
            }
        }
        Self {
            all,
            results,
            fit,
            bases,
        }
    }
}

impl Shown {
    /// What is published of a slice that shows this.
    pub(super) fn result(
        &self,
        read: &PatchRead,
        skill: Skill,
        matches: Tally,
        level: u16,
    ) -> SliceResult {
        let other_modes = read.counts.other_modes(&BOTH, skill);
        let excluded = (other_modes > 0).then(|| (OTHER_MODE.to_owned(), other_modes));
        let facts = SliceFacts {
            from: self.from.clone(),
            matches,
            window: read.counted,
            excluded: excluded.into_iter().collect(),
            holdout: None,
        };
        SliceResult::of(&self.estimate, &self.counts, level, facts)
    }
}

impl PatchRead {
    /// Lets go of what only estimates are made of; it is most of what was read.
    pub(super) fn let_go_of_counts(&mut self) {
        self.counts.cells.clear();
    }
}
