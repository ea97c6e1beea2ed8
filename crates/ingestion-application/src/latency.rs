//! How long a match takes from receipt to acknowledgement.
//!
//! Two views: counts per bucket since the start, for metrics, and quantiles
//! over the last half to whole minute, for people.

use std::time::Duration;

use health_kit::{DurationBuckets, RecentDurations};
use tokio::time::Instant;

/// Upper bounds of the latency buckets, in seconds; the last one is open.
const LATENCY_BUCKETS_SECONDS: &[f64] = &[
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    300.0,
];

/// Longer latencies are counted as this one: an hour is an outage, not a latency.
const LATENCY_MAX: Duration = Duration::from_hours(1);

/// Latencies as they are at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencySnapshot {
    /// Half of the recent matches took at most so long; none without matches.
    pub p50: Option<Duration>,
    /// 99 of 100 recent matches took at most so long; none without matches.
    pub p99: Option<Duration>,
    /// All latencies since the start.
    pub all: DurationBuckets,
}

/// Records latencies.
pub(crate) struct Latencies {
    recent: RecentDurations,
    all: DurationBuckets,
}

impl Latencies {
    pub(crate) fn new() -> Self {
        Self {
            recent: RecentDurations::new(LATENCY_MAX),
            all: DurationBuckets::new(LATENCY_BUCKETS_SECONDS),
        }
    }

    /// Records that a match received at `received` was acknowledged at `now`.
    pub(crate) fn record(&mut self, received: Instant, now: Instant) {
        let latency = now.saturating_duration_since(received);
        self.recent.record(latency, now);
        self.all.record(latency);
    }

    pub(crate) fn snapshot(&mut self, now: Instant) -> LatencySnapshot {
        let [p50, p99] = self.recent.quantiles([0.5, 0.99], now);
        LatencySnapshot {
            p50,
            p99,
            all: self.all.clone(),
        }
    }
}
