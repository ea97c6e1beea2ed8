//! What goes wrong with calls, and what time it is where they arrive: the same for every
//! upstream that is asked.

use std::collections::VecDeque;

use domain::Timestamp;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tokio::time::Instant;

use crate::upstream::CallFault;

/// Decides on the faults of calls: scripted ones first, then a standing one, then chance.
pub(crate) struct Trouble {
    rng: StdRng,
    faults: Vec<CallFault>,
    fraction: f64,
    scripted: VecDeque<Option<CallFault>>,
    standing: Option<CallFault>,
}

impl Trouble {
    /// Draws from `faults` for this fraction of the calls, 0 to 1.
    pub(crate) fn new(seed: u64, faults: Vec<CallFault>, fraction: f64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            faults,
            fraction: fraction.clamp(0.0, 1.0),
            scripted: VecDeque::new(),
            standing: None,
        }
    }

    pub(crate) fn script(&mut self, faults: impl IntoIterator<Item = Option<CallFault>>) {
        self.scripted.extend(faults);
    }

    pub(crate) fn stand(&mut self, fault: Option<CallFault>) {
        self.standing = fault;
    }

    pub(crate) fn next(&mut self) -> Option<CallFault> {
        if let Some(scripted) = self.scripted.pop_front() {
            return scripted;
        }
        if self.standing.is_some() {
            return self.standing.clone();
        }
        let goes_wrong = self.rng.random_bool(self.fraction);
        let drawn = self.faults.choose(&mut self.rng);
        drawn.filter(|_| goes_wrong).cloned()
    }
}

/// Follows tokio's clock, so many times as fast, and can be put forward.
pub(crate) struct UpstreamClock {
    started: Instant,
    beginning: Timestamp,
    speed: u32,
    ahead_ms: i64,
}

impl UpstreamClock {
    pub(crate) fn new(beginning: Timestamp, speed: u32) -> Self {
        Self {
            started: Instant::now(),
            beginning,
            speed,
            ahead_ms: 0,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let elapsed_ms = self.started.elapsed().as_millis() * u128::from(self.speed);
        let elapsed_ms = i64::try_from(elapsed_ms).unwrap_or(i64::MAX / 2);
        Timestamp::from_unix_ms(self.beginning.as_unix_ms() + elapsed_ms + self.ahead_ms)
    }

    /// How many times as fast as ours it is.
    pub(crate) fn speed(&self) -> u32 {
        self.speed.max(1)
    }

    /// It never goes back.
    pub(crate) fn advance_to(&mut self, time: Timestamp) {
        let missing_ms = time.as_unix_ms() - self.now().as_unix_ms();
        self.ahead_ms += missing_ms.max(0);
    }
}
