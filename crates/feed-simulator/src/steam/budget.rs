//! How often a key may call.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

/// Calls that a key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SteamLimits {
    /// At least so long between two calls that are answered.
    pub interval: Duration,
    /// So many in a day, from the first one on.
    pub per_day: u32,
}

impl SteamLimits {
    /// As users have measured them.
    pub const REAL: Self = Self {
        interval: Duration::from_secs(8),
        per_day: 100_000,
    };

    /// None at all.
    pub const NONE: Self = Self {
        interval: Duration::ZERO,
        per_day: u32::MAX,
    };
}

pub(super) struct Budget {
    limits: SteamLimits,
    keys: BTreeMap<String, OfKey>,
}

struct OfKey {
    last: Option<Instant>,
    day_begun: Instant,
    calls: u32,
}

impl Budget {
    pub(super) fn new(limits: SteamLimits) -> Self {
        Self {
            limits,
            keys: BTreeMap::new(),
        }
    }

    /// Counts a call; whether it is answered.
    pub(super) fn spend(&mut self, key: &str) -> bool {
        let now = Instant::now();
        let of_key = self.keys.entry(key.to_owned()).or_insert(OfKey {
            last: None,
            day_begun: now,
            calls: 0,
        });
        if of_key.day_begun.elapsed() >= Duration::from_hours(24) {
            of_key.day_begun = now;
            of_key.calls = 0;
        }
        of_key.calls = of_key.calls.saturating_add(1);
        let interval = self.limits.interval;
        let is_early = of_key.last.is_some_and(|last| last.elapsed() < interval);
        if is_early || of_key.calls > self.limits.per_day {
            return false;
        }
        of_key.last = Some(now);
        true
    }
}
