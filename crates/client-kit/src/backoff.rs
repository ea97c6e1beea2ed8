//! How long to wait before the next attempt.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Waits that double from one failure to the next, each spread at random so
/// that clients that lost the same upstream do not come back together.
#[derive(Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    failures: u32,
    jitter: StdRng,
}

impl Backoff {
    /// Waits between `min` and `max`; the same seed repeats the same waits.
    #[must_use]
    pub fn new(min: Duration, max: Duration, jitter_seed: u64) -> Self {
        Self {
            min,
            max,
            failures: 0,
            jitter: StdRng::seed_from_u64(jitter_seed),
        }
    }

    /// The wait after one more failure: between half and all of twice `min`,
    /// then of four times `min` and so on, never below `min` nor above `max`.
    pub fn next_wait(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let growth = 2_u32.saturating_pow(self.failures);
        let longest = self.min.saturating_mul(growth).min(self.max);
        let shortest = (longest / 2).max(self.min);
        self.jitter.random_range(shortest..=longest)
    }

    /// Starts over: the upstream has proved itself.
    pub fn forget(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIN: Duration = Duration::from_millis(500);
    const MAX: Duration = Duration::from_secs(30);

    proptest! {
        #[test]
        fn waits_grow_within_their_limits(seed: u64) {
            let mut backoff = Backoff::new(MIN, MAX, seed);
            let waits: Vec<_> = (0..100).map(|_| backoff.next_wait()).collect();
            prop_assert!(waits.iter().all(|wait| (MIN..=MAX).contains(wait)), "{waits:?}");
            prop_assert!(waits.windows(2).take(4).all(|pair| pair[0] <= pair[1]), "{waits:?}");
            prop_assert!(waits[10..].iter().all(|wait| *wait >= MAX / 2), "{waits:?}");
            backoff.forget();
            prop_assert!(backoff.next_wait() <= 2 * MIN);
        }

        #[test]
        fn ten_seconds_hold_few_attempts(seed: u64) {
            let mut backoff = Backoff::new(MIN, MAX, seed);
            let five_waits: Duration = (0..5).map(|_| backoff.next_wait()).sum();
            prop_assert!(five_waits >= Duration::from_secs(10));
        }
    }

    #[test]
    fn equal_limits_leave_no_choice() {
        let mut backoff = Backoff::new(MIN, MIN, 1);
        assert!((0..100).all(|_| backoff.next_wait() == MIN));
    }
}
