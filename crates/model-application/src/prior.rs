//! How far effects spread, learned from all of them: empirical Bayes.

use crate::log_odds::{exp, ln};

/// An effect as the counts show it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observation {
    /// The effect with its noise, in log-odds.
    pub(crate) value: f64,
    /// The variance of the noise.
    pub(crate) noise: f64,
    /// The logarithm of the games it was seen in.
    pub(crate) log_games: f64,
}

/// Whether the spread may depend on how often something is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spread {
    /// All effects spread alike.
    Even,
    /// Pairs of rare heroes spread otherwise than pairs of popular ones.
    ByGames,
}

/// The variances that are looked at, as logarithms: of 1e-6 … 0.25.
const LEVELS: (f64, f64) = (-13.815_510_557_964_274, -1.386_294_361_119_890_6);
const LEVELS_COUNT: usize = 70;
const LEVELS_FINE_COUNT: usize = 21;
/// How the logarithm of the variance may change with that of the games.
const SLOPES: (f64, f64) = (-1.2, 0.4);
const SLOPES_COUNT: usize = 17;
const SLOPES_FINE_COUNT: usize = 9;
const SLOPE_FINE_STEP: f64 = 0.1;
/// The standard deviation of the prior of the slope: a weak one, around none.
const SLOPE_PRIOR_SD: f64 = 0.4;

/// The variance of each effect before it was seen: `exp(a + b·log games)`, with the
/// two numbers that make the observations most likely, `value ~ N(0, variance + noise)`.
///
/// The likelihood is looked at on a grid, which is made finer once: it has one
/// flat top, and a grid gives the same answer on every machine.
pub(crate) fn prior_variances(observations: &[Observation], spread: Spread) -> Vec<f64> {
    let mean = mean(observations.iter().map(|seen| seen.log_games));
    let popularity: Vec<_> = match spread {
        Spread::Even => vec![0.0; observations.len()],
        Spread::ByGames => observations
            .iter()
            .map(|seen| seen.log_games - mean)
            .collect(),
    };
    let slopes = match spread {
        Spread::Even => vec![0.0],
        Spread::ByGames => steps(SLOPES, SLOPES_COUNT),
    };
    let levels = steps(LEVELS, LEVELS_COUNT);
    let coarse = most_likely(observations, &popularity, &levels, &slopes);

    let step = levels[1] - levels[0];
    let around = (coarse.level - step, coarse.level + step);
    let levels = steps(around, LEVELS_FINE_COUNT);
    let slopes = match spread {
        Spread::Even => vec![0.0],
        Spread::ByGames => {
            let around = (
                coarse.slope - SLOPE_FINE_STEP,
                coarse.slope + SLOPE_FINE_STEP,
            );
            steps(around, SLOPES_FINE_COUNT)
        }
    };
    let fine = most_likely(observations, &popularity, &levels, &slopes);
    let best = if fine.cost < coarse.cost {
        fine
    } else {
        coarse
    };
    let variance = |x: &f64| exp(best.level + best.slope * x);
    popularity.iter().map(variance).collect()
}

/// A point of the grid.
struct Point {
    level: f64,
    slope: f64,
    /// Twice the negative logarithm of the likelihood, but for a constant.
    cost: f64,
}

fn most_likely(seen: &[Observation], popularity: &[f64], levels: &[f64], slopes: &[f64]) -> Point {
    let mut best = Point {
        level: levels[0],
        slope: slopes[0],
        cost: f64::INFINITY,
    };
    for &slope in slopes {
        let by_popularity: Vec<_> = popularity.iter().map(|x| exp(slope * x)).collect();
        for &level in levels {
            let unlikely = slope / SLOPE_PRIOR_SD;
            let cost = cost(seen, &by_popularity, exp(level)) + unlikely * unlikely;
            if cost < best.cost {
                best = Point { level, slope, cost };
            }
        }
    }
    best
}

/// Sums `ln(variance) + value²/variance`. One logarithm is taken of the product of
/// eight variances: within 1e-7 … 1e10 that neither vanishes nor overflows.
fn cost(seen: &[Observation], by_popularity: &[f64], level: f64) -> f64 {
    const AT_ONCE: usize = 8;
    let mut cost = 0.0;
    for (seen, scale) in seen.chunks(AT_ONCE).zip(by_popularity.chunks(AT_ONCE)) {
        let mut product = 1.0;
        for (seen, scale) in seen.iter().zip(scale) {
            let variance = level * scale + seen.noise;
            product *= variance;
            cost += seen.value * seen.value / variance;
        }
        cost += ln(product);
    }
    cost
}

/// So many numbers from one end to the other, both included.
#[expect(clippy::cast_precision_loss, reason = "fewer than a hundred")]
fn steps((from, to): (f64, f64), count: usize) -> Vec<f64> {
    let step = (to - from) / (count - 1) as f64;
    (0..count).map(|place| from + step * place as f64).collect()
}

/// The mean, 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "far fewer than 2⁵³")]
pub(crate) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len();
    if count == 0 {
        return 0.0;
    }
    values.sum::<f64>() / count as f64
}
