//! Which days of which patches a run reads.

use std::ops::Range;

use domain::{Day, Patches, Timestamp};

use super::{PatchChoice, RunRequest, RunSettings};
use crate::{
    ports::{DayBuild, DayToRead, Part},
    tally::Weight,
};

/// A patch, and when it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PatchWindow {
    pub(super) patch: String,
    /// Of the patch's time, so much.
    pub(super) during: Range<Timestamp>,
    /// Whether it is published; otherwise it is read because the next one inherits
    /// from it.
    pub(super) is_wanted: bool,
}

impl PatchWindow {
    /// The first and the last day.
    pub(super) fn days(&self) -> (Day, Day) {
        let last = Timestamp::from_unix_ms(self.during.end.as_unix_ms() - 1);
        (Day::of(self.during.start), Day::of(last))
    }
}

/// The patches that are wanted and those before them, the earliest first.
pub(super) fn windows(
    settings: &RunSettings,
    request: &RunRequest,
    patches: &Patches,
    now: Timestamp,
) -> Vec<PatchWindow> {
    let begun: Vec<_> = patches.iter().filter(|patch| patch.since < now).collect();
    let last = begun.len().checked_sub(1);
    let place_of = |name: &str| begun.iter().position(|patch| patch.name == name);
    let mut wanted: Vec<usize> = match &request.patch {
        Some(name) => place_of(name).into_iter().collect(),
        None => settings
            .patches
            .iter()
            .filter_map(|choice| match choice {
                PatchChoice::Current => last,
                PatchChoice::Previous => last?.checked_sub(1),
                PatchChoice::Named(name) => place_of(name),
            })
            .collect(),
    };
    wanted.sort_unstable();
    wanted.dedup();
    let mut places: Vec<usize> = wanted
        .iter()
        .flat_map(|&place| [place.checked_sub(1), Some(place)])
        .flatten()
        .collect();
    places.sort_unstable();
    places.dedup();
    let window = |place: usize| {
        let until = begun.get(place + 1).map_or(now, |next| next.since);
        let last_ms = until.as_unix_ms() - 1;
        let first_day = Day::of(Timestamp::from_unix_ms(last_ms)).days_since_epoch()
            - i32::try_from(settings.window_days.max(1)).unwrap_or(i32::MAX)
            + 1;
        let since = Day::from_days_since_epoch(first_day).start();
        PatchWindow {
            patch: begun[place].name.clone(),
            during: begun[place].since.max(since)..until,
            is_wanted: wanted.contains(&place),
        }
    };
    places.into_iter().map(window).collect()
}

/// Which days are read for what, and how much their matches count: the last ones that
/// have as large a part of all matches as is held out are not fitted to. At least one
/// day is.
pub(super) fn plan(builds: &[DayBuild], settings: &RunSettings) -> Vec<DayToRead> {
    let counted: Vec<_> = builds.iter().filter(|build| build.sums.used > 0).collect();
    let Some(newest) = counted.last().map(|build| build.day) else {
        return Vec::new();
    };
    let all: u128 = counted
        .iter()
        .map(|build| u128::from(build.sums.used))
        .sum();
    let held_out_min = (all * u128::from(settings.holdout)).div_ceil(10_000);
    let mut held_out = 0;
    let mut fitted = counted.len();
    while held_out < held_out_min && fitted > 1 {
        fitted -= 1;
        held_out += u128::from(counted[fitted].sums.used);
    }
    let each = counted.iter().enumerate();
    each.map(|(place, build)| {
        let age = newest.days_since_epoch() - build.day.days_since_epoch();
        let weight = Weight::of_age(age.unsigned_abs(), settings.half_life_days);
        let part = if place < fitted {
            Part::Fit
        } else {
            Part::HeldOut
        };
        build.to_read(weight, part)
    })
    .collect()
}
