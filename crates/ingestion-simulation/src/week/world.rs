//! The matches: each starts, ends, and is told of by whoever tells of it.

use std::time::Duration;

use domain::{MatchId, Timestamp};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// Midnight, in seconds since 1970-01-01: 2026-08-03T00:00:00Z.
pub(crate) const BEGIN_SECONDS: i64 = 1_785_715_200;
/// Of the first match; ids are given as matches start.
pub(crate) const FIRST_ID: i64 = 8_900_000_000;
/// Of the first match that ends.
pub(crate) const FIRST_NUMBER: u64 = 7_400_000_000;

/// Matches that start in a second, on average and at most away from it.
const PER_SECOND: (f64, f64) = (14.0, 6.0);
/// Matches that nobody ever tells of, in thousandths.
const HIDDEN_PER_MILLE: u32 = 100;
/// Matches that are told of late, in thousandths, and how late at most.
const LATE_PER_MILLE: u32 = 5;
const LATE_SECONDS_MAX: u32 = 30 * 60;
/// How long a match takes, in seconds.
const SECONDS: std::ops::Range<u32> = 780..3_600;

/// A match, with all times in milliseconds since the beginning.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// Its place in the order of starts.
    pub(crate) nth: u32,
    pub(crate) start_ms: u32,
    pub(crate) end_ms: u32,
    /// From when on it is told of.
    exposed_ms: u32,
}

/// All of them, in the order in which they end.
pub(crate) struct World {
    entries: Vec<Entry>,
}

/// For a match that nobody ever tells of.
const NEVER: u32 = u32::MAX;

impl World {
    /// What starts within so many hours, with the rhythm of a day.
    pub(crate) fn new(seed: u64, hours: u32) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut entries = Vec::new();
        for second in 0..hours * 3_600 {
            let day = f64::from(second) / 86_400.0 * std::f64::consts::TAU;
            let rate = PER_SECOND.0 + PER_SECOND.1 * day.sin();
            let mut expected = rate;
            while expected > 0.0 && rng.random_bool(expected.min(1.0)) {
                expected -= 1.0;
                let nth = u32::try_from(entries.len()).expect("a week has fewer");
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
                entries.push(Entry {
                    nth,
                    start_ms,
                    end_ms,
                    exposed_ms,
                });
            }
        }
        entries.sort_unstable_by_key(|entry| (entry.end_ms, entry.nth));
        Self { entries }
    }

    /// How many there are, hidden ones among them.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// When the last one is told of.
    pub(crate) fn told_by(&self) -> Duration {
        let exposed = self.entries.iter().filter_map(Entry::exposed_ms);
        Duration::from_millis(exposed.max().unwrap_or_default().into())
    }

    /// What is told by now of the `rows` numbers from `start` on, each with its number.
    pub(crate) fn page(&self, start: u64, rows: usize, now_ms: u32) -> Vec<(u64, Entry)> {
        let skipped = start.saturating_sub(FIRST_NUMBER);
        let first = usize::try_from(skipped)
            .unwrap_or(usize::MAX)
            .min(self.len());
        let numbered = (FIRST_NUMBER + first as u64..).zip(&self.entries[first..]);
        let ended = numbered.take_while(|(_, entry)| entry.end_ms <= now_ms);
        // One that is late is not among them yet; one that is hidden is, and is taken out.
        let known = ended.filter(|(_, entry)| entry.is_hidden() || entry.is_told(now_ms));
        let told = known.take(rows).filter(|(_, entry)| !entry.is_hidden());
        told.map(|(number, entry)| (number, *entry)).collect()
    }
}

impl Entry {
    pub(crate) fn id(&self) -> MatchId {
        let raw = FIRST_ID + i64::from(self.nth);
        MatchId::try_new(raw).expect("it is positive")
    }

    /// From when on it is told of; none if it never is.
    pub(crate) fn exposed_ms(&self) -> Option<u32> {
        (!self.is_hidden()).then_some(self.exposed_ms)
    }

    pub(crate) fn is_hidden(&self) -> bool {
        self.exposed_ms == NEVER
    }

    fn is_told(&self, now_ms: u32) -> bool {
        !self.is_hidden() && self.exposed_ms <= now_ms
    }

    pub(crate) fn start_seconds(&self) -> i64 {
        BEGIN_SECONDS + i64::from(self.start_ms / 1_000)
    }

    pub(crate) fn duration_seconds(&self) -> u32 {
        (self.end_ms - self.start_ms) / 1_000
    }
}

/// Which match of the world it is.
pub(crate) fn nth(id: MatchId) -> Option<usize> {
    usize::try_from(id.get() - FIRST_ID).ok()
}

pub(crate) fn begin() -> Timestamp {
    Timestamp::from_unix_seconds(BEGIN_SECONDS)
}
