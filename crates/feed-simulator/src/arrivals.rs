//! When the next frame is due: a Poisson process on tokio's clock.

use std::time::Duration;

use rand::rngs::StdRng;
use rand_distr::{Distribution, Exp1};
use tokio::time::Instant;

/// Arrival times of frames at a mean rate.
pub(crate) struct Arrivals {
    /// Per second; 0 means that a frame is always due.
    rate: f64,
    /// `None` until the process is looked at again after a start.
    next_due: Option<Instant>,
}

impl Arrivals {
    pub(crate) fn new(rate: f64) -> Self {
        Self {
            rate,
            next_due: None,
        }
    }

    /// Forgets what fell due meanwhile: a live feed does not wait for a client.
    pub(crate) fn restart(&mut self) {
        self.next_due = None;
    }

    /// Takes a frame if one has fallen due. A slow socket is caught up with.
    pub(crate) fn take_due(&mut self, now: Instant, rng: &mut StdRng) -> bool {
        if self.rate == 0.0 {
            return true;
        }
        let due = *self
            .next_due
            .get_or_insert_with(|| now + interval(self.rate, rng));
        if due > now {
            return false;
        }
        self.next_due = Some(due + interval(self.rate, rng));
        true
    }

    /// When to look again, unless a frame is always due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.next_due
    }
}

/// Intervals of a Poisson process are exponentially distributed.
fn interval(rate: f64, rng: &mut StdRng) -> Duration {
    let sample: f64 = Exp1.sample(rng);
    Duration::from_secs_f64(sample / rate)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn arrivals_have_the_mean_and_the_spread_of_a_poisson_process() {
        let mut rng = StdRng::seed_from_u64(7);
        let mut arrivals = Arrivals::new(20.0);
        let mut per_second = Vec::new();
        assert!(
            !arrivals.take_due(Instant::now(), &mut rng),
            "nothing is due at the start"
        );
        for _ in 0..1_000 {
            tokio::time::advance(Duration::from_secs(1)).await;
            per_second.push(
                std::iter::from_fn(|| arrivals.take_due(Instant::now(), &mut rng).then_some(()))
                    .count(),
            );
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of some thousands")]
        let counts: Vec<f64> = per_second.iter().map(|count| *count as f64).collect();
        let mean = counts.iter().sum::<f64>() / 1_000.0;
        let variance = counts
            .iter()
            .map(|count| (count - mean).powi(2))
            .sum::<f64>()
            / 1_000.0;
        assert!((19.0..21.0).contains(&mean), "mean {mean} of 20");
        assert!(
            (17.0..23.0).contains(&variance),
            "variance {variance} of 20"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_restart_forgets_what_fell_due() {
        let mut rng = StdRng::seed_from_u64(7);
        let mut arrivals = Arrivals::new(1_000.0);
        arrivals.take_due(Instant::now(), &mut rng);
        tokio::time::advance(Duration::from_mins(1)).await;
        arrivals.restart();
        assert!(!arrivals.take_due(Instant::now(), &mut rng));
    }
}
