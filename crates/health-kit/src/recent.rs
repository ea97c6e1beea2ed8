//! What has happened of late: how long it took, and how often.
//!
//! Each keeps two windows, the one that fills and the one before it, so that
//! the memory is fixed and an answer covers one to two of them.

use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

/// Quantiles cover one to two of these.
const DURATIONS_WINDOW: Duration = Duration::from_secs(30);
/// Rates cover one to two of these: people want to see a change soon.
const COUNTS_WINDOW: Duration = Duration::from_secs(5);
/// A rate over less than this would be noise.
const RATE_SPAN_MIN: Duration = Duration::from_secs(1);
/// Quantiles are exact to one percent.
const SIGNIFICANT_DIGITS: u8 = 2;

/// Quantiles over the last half to whole minute.
pub struct RecentDurations {
    current: Histogram<u32>,
    previous: Histogram<u32>,
    window: Window,
}

impl RecentDurations {
    /// Nothing yet. What takes longer than `longest` is counted as that.
    #[must_use]
    pub fn new(longest: Duration) -> Self {
        let longest_us = micros(longest).max(2);
        let empty = Histogram::new_with_max(longest_us, SIGNIFICANT_DIGITS)
            .expect("a maximum of at least 2 and 2 digits are within the histogram's limits");
        Self {
            current: empty.clone(),
            previous: empty,
            window: Window::new(DURATIONS_WINDOW),
        }
    }

    /// Something that was done at `now` took so long.
    pub fn record(&mut self, took: Duration, now: Instant) {
        self.turn(now);
        self.current.saturating_record(micros(took));
    }

    /// For each share the time within which so much of it was done; none when
    /// nothing was.
    pub fn quantiles<const N: usize>(
        &mut self,
        shares: [f64; N],
        now: Instant,
    ) -> [Option<Duration>; N] {
        self.turn(now);
        let mut recent = self.previous.clone();
        recent
            .add(&self.current)
            .expect("both histograms have the same bounds");
        shares.map(|share| {
            (!recent.is_empty()).then(|| Duration::from_micros(recent.value_at_quantile(share)))
        })
    }

    fn turn(&mut self, now: Instant) {
        match self.window.turn(now) {
            Turn::Same => return,
            Turn::Next => std::mem::swap(&mut self.current, &mut self.previous),
            Turn::Later => self.previous.reset(),
        }
        self.current.reset();
    }
}

/// How often something happens, over the last five to ten seconds.
#[derive(Debug)]
pub struct RecentCount {
    current: u64,
    previous: u64,
    window: Window,
    begun: Instant,
}

impl RecentCount {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        let window = Window::new(COUNTS_WINDOW);
        Self {
            current: 0,
            previous: 0,
            begun: window.started,
            window,
        }
    }

    /// It happened so often at `now`.
    pub fn add(&mut self, count: u64, now: Instant) {
        self.turn(now);
        self.current += count;
    }

    /// How often it happens in a second.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate is for people; beyond 2^53 in ten seconds it may be off by one"
    )]
    pub fn per_second(&mut self, now: Instant) -> f64 {
        self.turn(now);
        let covered = now - self.window.started + COUNTS_WINDOW;
        let span = covered.min(now - self.begun).max(RATE_SPAN_MIN);
        (self.current + self.previous) as f64 / span.as_secs_f64()
    }

    fn turn(&mut self, now: Instant) {
        self.previous = match self.window.turn(now) {
            Turn::Same => return,
            Turn::Next => self.current,
            Turn::Later => 0,
        };
        self.current = 0;
    }
}

impl Default for RecentCount {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Debug)]
struct Window {
    length: Duration,
    started: Instant,
}

/// Where a moment is: in the window, in the next one, or later.
enum Turn {
    Same,
    Next,
    Later,
}

impl Window {
    fn new(length: Duration) -> Self {
        Self {
            length,
            started: Instant::now(),
        }
    }

    fn turn(&mut self, now: Instant) -> Turn {
        let age = now.saturating_duration_since(self.started);
        if age < self.length {
            return Turn::Same;
        }
        self.started = now;
        if age < 2 * self.length {
            Turn::Next
        } else {
            Turn::Later
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn quantiles_forget() {
        let mut recent = RecentDurations::new(Duration::from_hours(1));
        recent.record(Duration::from_millis(20), Instant::now());
        let [p50] = recent.quantiles([0.5], Instant::now());
        let p50_ms = p50.expect("one was recorded").as_millis();
        assert!((19..=21).contains(&p50_ms), "{p50_ms} ms");

        advance(DURATIONS_WINDOW).await;
        let [p99] = recent.quantiles([0.99], Instant::now());
        assert!(p99.is_some(), "the last window counts");
        advance(DURATIONS_WINDOW).await;
        let nothing = recent.quantiles([0.5, 0.99], Instant::now());
        assert_eq!(nothing, [None, None]);
    }

    #[tokio::test(start_paused = true)]
    async fn quantiles_know_no_more_than_the_longest() {
        let longest = Duration::from_secs(10);
        let mut recent = RecentDurations::new(longest);
        recent.record(Duration::MAX, Instant::now());
        let [p50] = recent.quantiles([0.5], Instant::now());
        let p50 = p50.expect("one was recorded");
        assert!(p50 >= longest && p50 < 2 * longest, "{p50:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_covers_what_is_known_and_forgets() {
        let mut recent = RecentCount::new();
        let mut check = async |after_ms: u64, count: u64, expected: f64| {
            advance(Duration::from_millis(after_ms)).await;
            recent.add(count, Instant::now());
            let found = recent.per_second(Instant::now());
            assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
        };
        check(0, 10, 10.0).await;
        check(2_000, 10, 10.0).await;
        check(3_000, 30, 10.0).await;
        check(5_000, 0, 6.0).await;
        check(10_000, 0, 0.0).await;
    }
}
