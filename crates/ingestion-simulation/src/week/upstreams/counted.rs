//! Calls as the upstream counts them.

use std::collections::BTreeMap;

const MINUTE_MS: u32 = 60_000;
const DAY_MS: u32 = 86_400_000;

/// What became of the calls, and how many there were in each time.
#[derive(Debug, Default, Clone)]
pub(crate) struct CallBooks {
    /// By whoever calls, and day.
    by_day: BTreeMap<(String, u32), u32>,
    /// By whoever calls: the last minute, and its calls.
    minute: BTreeMap<String, (u32, u32)>,
    minute_max: u32,
    pub(crate) answered: u64,
    /// Refused for their number, while nothing else was wrong.
    pub(crate) limited: u64,
    /// Refused or unanswered by a trouble.
    pub(crate) troubled: u64,
}

/// The most calls in a time, and how many were allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) made: u32,
    pub(crate) allowed: u32,
}

impl CallBooks {
    /// Counts a call; how many there were with it in this minute and on this day.
    pub(crate) fn count(&mut self, caller: &str, now_ms: u32) -> (u32, u32) {
        let day = (caller.to_owned(), now_ms / DAY_MS);
        let of_day = self.by_day.entry(day).or_default();
        *of_day += 1;
        let minute = now_ms / MINUTE_MS;
        let of_minute = self.minute.entry(caller.to_owned()).or_default();
        if of_minute.0 != minute {
            *of_minute = (minute, 0);
        }
        of_minute.1 += 1;
        self.minute_max = self.minute_max.max(of_minute.1);
        (of_minute.1, *of_day)
    }

    /// The most calls of a caller in a minute.
    pub(crate) fn minute_max(&self) -> u32 {
        self.minute_max
    }

    /// The most calls of a caller on a day.
    pub(crate) fn day_max(&self) -> u32 {
        self.by_day.values().copied().max().unwrap_or_default()
    }
}
