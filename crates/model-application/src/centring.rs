//! What belongs to a hero goes to the hero.

use crate::{pairs::PairKind, triangle::Triangle};

/// More rounds change nothing that is published.
const ROUNDS_MAX: usize = 60;
const CLOSE_ENOUGH: f64 = 1e-12;

/// Takes from each pair what is common to a hero's pairs, until each hero's mean
/// over all others, weighted by their shares of picks, is 0. What was taken on account
/// of each hero: from each of its pairs, as that hero sees it.
pub(crate) fn centre(effects: &mut Triangle<f64>, shares: &[f64], kind: PairKind) -> Vec<f64> {
    let mut taken = vec![0.0; shares.len()];
    for _ in 0..ROUNDS_MAX {
        let means = row_means(effects, shares, kind);
        let part = match kind {
            PairKind::Against => 1.0,
            // Each of both takes its half: taking all would overshoot.
            PairKind::With => 0.5,
        };
        for ((i, j), effect) in effects.iter_mut() {
            *effect -= part * (means[i] + kind.seen_from_second(means[j]));
        }
        for (taken, mean) in taken.iter_mut().zip(&means) {
            *taken += part * mean;
        }
        if means.iter().all(|mean| mean.abs() < CLOSE_ENOUGH) {
            break;
        }
    }
    taken
}

/// Each hero's mean over all others.
pub(crate) fn row_means(effects: &Triangle<f64>, shares: &[f64], kind: PairKind) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); shares.len()];
    for ((i, j), &effect) in effects.iter() {
        let (of_first, of_second) = (effect, kind.seen_from_second(effect));
        for (hero, other, effect) in [(i, j, of_first), (j, i, of_second)] {
            let (sum, weight): &mut (f64, f64) = &mut sums[hero];
            *sum += shares[other] * effect;
            *weight += shares[other];
        }
    }
    let mean = |(sum, weight): (f64, f64)| if weight > 0.0 { sum / weight } else { 0.0 };
    sums.into_iter().map(mean).collect()
}
