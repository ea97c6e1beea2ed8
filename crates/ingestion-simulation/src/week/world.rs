//! The matches: each starts, ends, and is told of by whoever tells of it.

use std::time::Duration;

use domain::{MatchId, Timestamp};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::week::interface::Interface;

/// Midnight, in seconds since 1970-01-01: 2026-08-03T00:00:00Z.
pub(crate) const BEGIN_SECONDS: i64 = 1_785_715_200;
/// Of the first match; ids are given as matches start.
pub(crate) const FIRST_ID: i64 = 8_900_000_000;
/// Of the first match that ends.
pub(crate) const FIRST_NUMBER: u64 = 7_400_000_000;

/// How far the number of matches goes away from the average over a day.
const RHYTHM: f64 = 6.0 / 14.0;
/// Matches that nobody ever tells of, in thousandths.
const HIDDEN_PER_MILLE: u32 = 100;
/// Matches that are told of late, in thousandths, and how late at most.
const LATE_PER_MILLE: u32 = 5;
const LATE_SECONDS_MAX: u32 = 30 * 60;
/// How long a match takes, in seconds.
const SECONDS: std::ops::Range<u32> = 780..3_600;

/// A match, with all times in milliseconds since the beginning.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "they name their unit")]
pub(crate) struct Entry {
    pub(crate) start_ms: u32,
    pub(crate) end_ms: u32,
    /// From when on Steam tells of it, and the others soon after.
    exposed_ms: u32,
}

/// All of them.
pub(crate) struct World {
    /// By their place in the order of starts, second by second.
    entries: Vec<Entry>,
    /// Those places, in the order of ends.
    by_end: Vec<u32>,
}

/// For a match that nobody ever tells of.
const NEVER: u32 = u32::MAX;

impl World {
    /// What starts within so many hours, so many in a second on average, with the
    /// rhythm of a day.
    pub(crate) fn new(seed: u64, hours: u32, per_second: f64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut entries = Vec::new();
        for second in 0..hours * 3_600 {
            let day = f64::from(second) / 86_400.0 * std::f64::consts::TAU;
            let rate = per_second * (1.0 + RHYTHM * day.sin());
            let mut expected = rate;
            while expected > 0.0 && rng.random_bool(expected.min(1.0)) {
                expected -= 1.0;
                entries.push(Entry::random(second, &mut rng));
            }
        }
        let count = u32::try_from(entries.len()).expect("a week has fewer");
        let mut by_end: Vec<u32> = (0..count).collect();
        by_end.sort_unstable_by_key(|nth| (entries[*nth as usize].end_ms, *nth));
        Self { entries, by_end }
    }

    /// How many there are, hidden ones among them.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Every one by its place in the order of starts.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, Entry)> {
        (0..).zip(self.entries.iter().copied())
    }

    pub(crate) fn at(&self, nth: u32) -> Entry {
        self.entries[nth as usize]
    }

    /// The places of those that ended in a time.
    pub(crate) fn ended(&self, times_ms: std::ops::Range<u32>) -> &[u32] {
        let before = |ms| {
            let ends_before = |nth: &u32| self.at(*nth).end_ms < ms;
            self.by_end.partition_point(ends_before)
        };
        let from = before(times_ms.start);
        &self.by_end[from..before(times_ms.end).max(from)]
    }

    /// When the last one is told of.
    pub(crate) fn told_by(&self) -> Duration {
        let told = self.all().filter_map(|(nth, entry)| {
            let by = Interface::ALL.map(|of| entry.told_ms(of, nth));
            by.into_iter().flatten().max()
        });
        Duration::from_millis(told.max().unwrap_or_default().into())
    }

    /// What Steam tells by now of the `rows` numbers from `start` on, each with its number.
    pub(crate) fn sequence(&self, start: u64, rows: usize, now_ms: u32) -> Vec<(u64, u32)> {
        let skipped = start.saturating_sub(FIRST_NUMBER);
        let first = usize::try_from(skipped)
            .unwrap_or(usize::MAX)
            .min(self.len());
        let numbered = (FIRST_NUMBER + first as u64..).zip(self.by_end[first..].iter().copied());
        let ended = numbered.take_while(|(_, nth)| self.at(*nth).end_ms <= now_ms);
        // One that is late is not among them yet; one that is hidden is, and is taken out.
        let known = ended.filter(|(_, nth)| {
            let entry = self.at(*nth);
            entry.is_hidden() || entry.exposed_ms <= now_ms
        });
        let told = known.take(rows);
        told.filter(|(_, nth)| !self.at(*nth).is_hidden()).collect()
    }

    /// The highest place below this one, and whatever lies below it, from the newest
    /// that has started by now.
    pub(crate) fn below(&self, place: Option<u32>, now_ms: u32) -> impl Iterator<Item = u32> {
        let second = now_ms / 1_000;
        let is_started = |entry: &Entry| entry.start_ms / 1_000 <= second;
        let started = self.entries.partition_point(is_started);
        let started = u32::try_from(started).expect("a week has fewer");
        (0..place.map_or(started, |place| place.min(started))).rev()
    }
}

impl Entry {
    fn random(second: u32, rng: &mut StdRng) -> Self {
        let start_ms = second * 1_000 + rng.random_range(0..1_000);
        let end_ms = start_ms + 1_000 * rng.random_range(SECONDS);
        let late = rng.random_range(0..1_000) < LATE_PER_MILLE;
        let late_ms = if late {
            1_000 * rng.random_range(0..LATE_SECONDS_MAX)
        } else {
            0
        };
        let is_hidden = rng.random_range(0..1_000) < HIDDEN_PER_MILLE;
        let exposed_ms = if is_hidden { NEVER } else { end_ms + late_ms };
        Self {
            start_ms,
            end_ms,
            exposed_ms,
        }
    }

    /// When an interface that works begins to tell of it, or tells of it: soon after
    /// Steam could. `nth` is its place.
    pub(crate) fn told_ms(&self, by: Interface, nth: u32) -> Option<u32> {
        let noise = noise(nth);
        let delay_ms = match by {
            Interface::Steam => 0,
            Interface::Pages => 5_000 + noise % 55_000,
            Interface::Stream => 1_000 + noise % 9_000,
            Interface::Logs => 5_000 + noise % 115_000,
        };
        (!self.is_hidden()).then(|| self.exposed_ms + delay_ms)
    }

    /// From when on it is in the list of those whose replay was read; one of five is.
    pub(crate) fn parsed_ms(&self, nth: u32) -> Option<u32> {
        let is_parsed = noise(nth).is_multiple_of(5);
        let listed_ms = self.told_ms(Interface::Pages, nth).filter(|_| is_parsed)?;
        Some(listed_ms + 600_000)
    }

    /// Whether it is one of a league.
    pub(crate) fn is_of_a_league(nth: u32) -> bool {
        noise(nth).is_multiple_of(997)
    }

    pub(crate) fn is_hidden(&self) -> bool {
        self.exposed_ms == NEVER
    }

    pub(crate) fn start_seconds(&self) -> i64 {
        BEGIN_SECONDS + i64::from(self.start_ms / 1_000)
    }

    pub(crate) fn duration_seconds(&self) -> u32 {
        (self.end_ms - self.start_ms) / 1_000
    }
}

/// The id of a match by its place.
pub(crate) fn id(nth: u32) -> MatchId {
    MatchId::try_new(FIRST_ID + i64::from(nth)).expect("it is positive")
}

/// Which match of the world it is.
pub(crate) fn nth(id: MatchId) -> Option<u32> {
    u32::try_from(id.get() - FIRST_ID).ok()
}

pub(crate) fn begin() -> Timestamp {
    Timestamp::from_unix_seconds(BEGIN_SECONDS)
}

/// A time of the service, in milliseconds since the beginning.
pub(crate) fn since_begin_ms(at: Timestamp) -> u32 {
    let ms = at.as_unix_ms() - begin().as_unix_ms();
    u32::try_from(ms.max(0)).unwrap_or(u32::MAX)
}

/// The same for a match each time, and for no two in a row.
fn noise(nth: u32) -> u32 {
    let mixed = (nth ^ 0x9E37_79B9).wrapping_mul(0x85EB_CA6B);
    let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xC2B2_AE35);
    mixed ^ (mixed >> 16)
}
