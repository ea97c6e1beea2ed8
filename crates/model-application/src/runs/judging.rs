//! How good a run's models are of matches that they have not seen, and whether what
//! is published is better.

use std::collections::BTreeMap;

use domain::{Day, Timestamp};

use super::estimating::Estimates;
use crate::{
    draft_model::DraftModel,
    holdout::{HoldOut, Judgement, Rivals},
    ports::DraftSeen,
    result::{HoldOutResult, Judged, PatchHead, Slice},
};

/// Sees matches, day by day.
pub(super) struct Judge<'a> {
    slices: Vec<OfSlice<'a>>,
    rivals: Rivals,
    /// What two models say of a match, for each slice that has it.
    said: Vec<(i32, i32)>,
}

struct OfSlice<'a> {
    slice: Slice,
    fit: &'a DraftModel,
    rival: Option<Rival<'a>>,
    model: HoldOut,
    heroes_only: HoldOut,
}

/// What readers see, or the model by which that was judged.
#[derive(Clone, Copy)]
struct Rival<'a> {
    model: &'a DraftModel,
    /// It knows what came before: to compare by that would not be fair.
    unseen_since: Timestamp,
}

impl<'a> Judge<'a> {
    /// Has seen nothing yet. Compared is with what the published run was judged by,
    /// which like the new one has not seen what was held out; where that is not kept,
    /// with what is published, by matches that came after it.
    pub(super) fn new(
        estimates: &'a Estimates,
        wanted: impl Fn(Slice) -> bool,
        published: Option<&'a PatchHead>,
        kept: &'a BTreeMap<Slice, Judged>,
    ) -> Self {
        let mut slices = Vec::new();
        for (&mode, of_mode) in &estimates.modes {
            for (&skill, fit) in &of_mode.fit {
                let slice = Slice { mode, skill };
                if !wanted(slice) {
                    continue;
                }
                let seen = published.and_then(|result| result.slices.get(&slice));
                let rival = seen.map(|seen| match kept.get(&slice) {
                    Some(judged) => Rival {
                        model: &judged.model,
                        unseen_since: judged.unseen_since,
                    },
                    None => Rival {
                        model: &seen.model,
                        unseen_since: seen.window.1,
                    },
                });
                slices.push(OfSlice {
                    slice,
                    fit,
                    rival,
                    model: HoldOut::default(),
                    heroes_only: HoldOut::default(),
                });
            }
        }
        Self {
            slices,
            rivals: Rivals::default(),
            said: Vec::new(),
        }
    }

    /// Sees a match of that day. One with a hero that a slice does not know is passed
    /// over there.
    pub(super) fn see(&mut self, day: Day, seen: &DraftSeen) {
        self.said.clear();
        for of in &mut self.slices {
            let is_of_slice = of.slice.mode == seen.mode && of.slice.skill.includes(seen.bracket);
            let Some(new) = is_of_slice
                .then(|| of.fit.predict(&seen.draft).ok())
                .flatten()
            else {
                continue;
            };
            of.model.add(new.model, seen.radiant_win);
            of.heroes_only.add(new.heroes_only, seen.radiant_win);
            let rival = of.rival.filter(|rival| day.start() >= rival.unseen_since);
            let said = rival.and_then(|rival| rival.model.predict(&seen.draft).ok());
            self.said.extend(said.map(|said| (new.model, said.model)));
        }
        if !self.said.is_empty() {
            self.rivals.add_match(&self.said, seen.radiant_win);
        }
    }

    /// The figures of each slice, and whether what is published is better.
    pub(super) fn finish(self) -> (BTreeMap<Slice, HoldOutResult>, Option<Judgement>) {
        let figures = self.slices.iter().filter_map(|of| {
            let constant = of.model.predicted_alike(of.fit.constant());
            let result = HoldOutResult::of(&of.model, &of.heroes_only, &constant)?;
            Some((of.slice, result))
        });
        (figures.collect(), self.rivals.judge())
    }
}
