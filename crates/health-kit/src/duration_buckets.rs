//! How long things have taken since the start, as metrics tell it.

use std::time::Duration;

/// Counts of durations by bucket, and their sum.
#[derive(Debug, Clone, PartialEq)]
pub struct DurationBuckets {
    bounds_seconds: &'static [f64],
    counts: Vec<u64>,
    sum: Duration,
}

impl DurationBuckets {
    /// No durations yet; the bounds rise, and above the last one there is one
    /// more bucket.
    #[must_use]
    pub fn new(bounds_seconds: &'static [f64]) -> Self {
        Self {
            bounds_seconds,
            counts: vec![0; bounds_seconds.len() + 1],
            sum: Duration::ZERO,
        }
    }

    /// Something took so long.
    pub fn record(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = self
            .bounds_seconds
            .partition_point(|bound| *bound < seconds);
        self.counts[bucket] += 1;
        self.sum = self.sum.saturating_add(took);
    }

    /// Each upper bound, in seconds, and how many durations are in that bucket
    /// alone; the last bound is infinite.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds_seconds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().copied())
    }

    /// How many durations there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All durations together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_the_bucket_below_it() {
        let mut took = DurationBuckets::new(&[0.01, 0.025]);
        for ms in [0, 10, 11, 25, 26, 3_600_000] {
            took.record(Duration::from_millis(ms));
        }
        let buckets: Vec<_> = took.buckets().collect();
        assert_eq!(buckets, [(0.01, 2), (0.025, 2), (f64::INFINITY, 2)]);
        assert_eq!(took.count(), 6);
        assert_eq!(took.sum(), Duration::from_millis(3_600_072));
    }
}
