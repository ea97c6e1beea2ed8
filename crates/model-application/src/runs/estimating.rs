//! From what was read of patches to what is published of them.

use std::{collections::BTreeMap, sync::Arc};

use domain::{HeroId, Timestamp};

use super::{RunSettings, window::PatchWindow};
use crate::{
    counts::Counts,
    draft_model::DraftModel,
    estimate::SliceEstimate,
    ports::{OTHER_MODE, Part, PatchCounts},
    result::{HoldOutResult, Judged, Slice, SliceFacts, SliceResult, ValuesFrom},
    roster::Roster,
    slices::{MatchSums, Mode, Skill, Source, estimate_mode},
    tally::Tally,
};

/// What was read of a patch.
pub(super) struct PatchRead {
    pub(super) window: PatchWindow,
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
pub(super) struct ModeEstimates {
    shown: BTreeMap<Skill, Shown>,
    /// The matches of each skill.
    matches: BTreeMap<Skill, Tally>,
    /// By what is judged; nothing where nothing is held out.
    pub(super) fit: BTreeMap<Skill, DraftModel>,
}

/// Values, and the counts that they are of.
#[derive(Clone)]
struct Shown {
    estimate: Arc<SliceEstimate>,
    counts: Arc<Counts>,
    from: ValuesFrom,
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
    /// Estimates every slice, from the patch before where that is known.
    pub(super) fn of(
        read: &PatchRead,
        earlier: Option<(&str, &Self)>,
        settings: &RunSettings,
    ) -> Self {
        let roster = known_heroes(&read.counts);
        let modes = settings.modes.iter().map(|&mode| {
            let earlier = earlier.and_then(|(patch, estimates)| {
                let shown = estimates.modes.get(&mode)?.shown.get(&Skill::All)?;
                Some((patch, shown))
            });
            (
                mode,
                ModeEstimates::of(read, &roster, mode, earlier, settings),
            )
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
            .map(|of_mode| of_mode.shown.len() as u64);
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
    ) -> Self {
        let counted = |parts: &[Part]| -> BTreeMap<Skill, Counts> {
            let each = settings.skills.iter();
            each.map(|&skill| (skill, read.counts.slice(parts, skill, mode).only(roster)))
                .collect()
        };
        let earlier_estimate = earlier.map(|(_, shown)| &*shown.estimate);
        let mut fit = BTreeMap::new();
        if read.held_out_since.is_some() {
            // As much less is enough as is left out.
            let kept = 10_000 - u64::from(settings.holdout.min(10_000));
            let matches_min = settings.matches_min * kept / 10_000;
            let values = estimate_mode(&counted(&[Part::Fit]), earlier_estimate, matches_min);
            let models = values.into_iter();
            fit.extend(models.map(|(skill, values)| (skill, DraftModel::of(&values.estimate))));
        }
        let counts = counted(&BOTH);
        let matches = counts
            .iter()
            .map(|(&skill, counts)| (skill, counts.matches()));
        let matches = matches.collect();
        let values = estimate_mode(&counts, earlier_estimate, settings.matches_min);
        let counts: BTreeMap<_, _> = counts
            .into_iter()
            .map(|(skill, counts)| (skill, Arc::new(counts)))
            .collect();
        let shown = values.into_iter().map(|(skill, values)| {
            let of = |counted: Skill, from| Shown {
                estimate: Arc::new(values.estimate.clone()),
                counts: Arc::clone(&counts[&counted]),
                from,
            };
            let shown = match (values.source, earlier) {
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
            (skill, shown)
        });
        Self {
            shown: shown.collect(),
            matches,
            fit,
        }
    }

    /// What is published of a slice.
    pub(super) fn result(
        &self,
        read: &PatchRead,
        slice: Slice,
        holdout: Option<HoldOutResult>,
        level: u16,
    ) -> Option<SliceResult> {
        let shown = self.shown.get(&slice.skill)?;
        let judged = self.fit.get(&slice.skill).zip(read.held_out_since);
        let other_modes = read.counts.other_modes(&BOTH, slice.skill);
        let excluded = (other_modes > 0).then(|| (OTHER_MODE.to_owned(), other_modes));
        let facts = SliceFacts {
            from: shown.from.clone(),
            matches: self.matches.get(&slice.skill).copied().unwrap_or_default(),
            window: read.counted,
            excluded: excluded.into_iter().collect(),
            holdout,
            judged: judged.map(|(model, unseen_since)| Judged {
                model: model.clone(),
                unseen_since,
            }),
        };
        Some(SliceResult::of(
            &shown.estimate,
            &shown.counts,
            level,
            facts,
        ))
    }
}
