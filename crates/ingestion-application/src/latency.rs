//! How long a match takes from receipt to acknowledgement.
//!
//! Two views with a fixed memory: counts per bucket since the start, for
//! metrics, and quantiles over the last half to whole minute, for people.

use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

/// Upper bounds of the latency buckets, in seconds; the last one is open.
pub const LATENCY_BUCKETS_SECONDS: [f64; 16] = [
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    300.0,
];

/// The quantiles cover one to two of these.
const WINDOW: Duration = Duration::from_secs(30);
/// Longer latencies are counted as this one: an hour is an outage, not a latency.
const LATENCY_US_MAX: u64 = 3_600_000_000;
/// Quantiles are exact to one percent.
const SIGNIFICANT_DIGITS: u8 = 2;

/// Latencies as they are at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencySnapshot {
    /// Half of the recent matches took at most so long; none without matches.
    pub p50: Option<Duration>,
    /// 99 of 100 recent matches took at most so long; none without matches.
    pub p99: Option<Duration>,
    /// Matches per bucket of [`LATENCY_BUCKETS_SECONDS`] since the start, and
    /// at the end those above the last bound.
    pub bucket_counts: [u64; LATENCY_BUCKETS_SECONDS.len() + 1],
    /// Sum of all latencies since the start.
    pub sum: Duration,
}

/// Records latencies.
pub(crate) struct Latencies {
    current: Histogram<u32>,
    previous: Histogram<u32>,
    window_started: Instant,
    bucket_counts: [u64; LATENCY_BUCKETS_SECONDS.len() + 1],
    sum: Duration,
}

impl Latencies {
    pub(crate) fn new() -> Self {
        let empty = Histogram::new_with_max(LATENCY_US_MAX, SIGNIFICANT_DIGITS)
            .expect("a maximum above 2 and 2 digits are within the histogram's limits");
        Self {
            current: empty.clone(),
            previous: empty,
            window_started: Instant::now(),
            bucket_counts: [0; LATENCY_BUCKETS_SECONDS.len() + 1],
            sum: Duration::ZERO,
        }
    }

    /// Records that a match received at `received` was acknowledged at `now`.
    pub(crate) fn record(&mut self, received: Instant, now: Instant) {
        self.turn_window(now);
        let latency = now.saturating_duration_since(received);
        let latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.current.saturating_record(latency_us);
        let seconds = latency.as_secs_f64();
        let bucket = LATENCY_BUCKETS_SECONDS.partition_point(|bound| *bound < seconds);
        self.bucket_counts[bucket] += 1;
        self.sum += latency;
    }

    pub(crate) fn snapshot(&mut self, now: Instant) -> LatencySnapshot {
        self.turn_window(now);
        let mut recent = self.previous.clone();
        recent
            .add(&self.current)
            .expect("both histograms have the same bounds");
        let quantile =
            |q| (!recent.is_empty()).then(|| Duration::from_micros(recent.value_at_quantile(q)));
        LatencySnapshot {
            p50: quantile(0.5),
            p99: quantile(0.99),
            bucket_counts: self.bucket_counts,
            sum: self.sum,
        }
    }

    fn turn_window(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.window_started);
        if age < WINDOW {
            return;
        }
        if age < 2 * WINDOW {
            std::mem::swap(&mut self.current, &mut self.previous);
        } else {
            self.previous.reset();
        }
        self.current.reset();
        self.window_started = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn quantiles_forget_and_buckets_do_not() {
        let mut latencies = Latencies::new();
        let received = Instant::now();
        tokio::time::advance(Duration::from_millis(20)).await;
        latencies.record(received, Instant::now());
        let snapshot = latencies.snapshot(Instant::now());
        let p50_ms = snapshot.p50.expect("one match was recorded").as_millis();
        assert!((19..=21).contains(&p50_ms), "{p50_ms} ms");
        assert_eq!(snapshot.bucket_counts[4], 1, "10 ms < 20 ms <= 25 ms");

        tokio::time::advance(WINDOW).await;
        assert!(
            latencies.snapshot(Instant::now()).p99.is_some(),
            "last window counts"
        );
        tokio::time::advance(WINDOW).await;
        let later = latencies.snapshot(Instant::now());
        assert_eq!((later.p50, later.p99), (None, None));
        assert_eq!(later.bucket_counts, snapshot.bucket_counts);
    }
}
