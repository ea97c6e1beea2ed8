//! How far effects spread, learned from all of them: empirical Bayes.

use std::array::from_fn;

use crate::log_odds::{Product, exp};

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
const LEVELS_COUNT: usize = 21;
/// How the logarithm of the variance may change with that of the games.
const SLOPES: (f64, f64) = (-1.2, 0.4);
const SLOPES_COUNT: usize = 5;
/// How often the grid is made finer by half: then its steps are 0.01 and 0.006.
const HALVINGS: i32 = 6;
/// The standard deviation of the prior of the slope: a weak one, around none.
const SLOPE_PRIOR_SD: f64 = 0.4;

/// The variance of each effect before it was seen: `exp(a + b·log games)`, with the
/// two numbers that make the observations most likely, `value ~ N(0, variance + noise)`.
///
/// The likelihood is looked at on a grid, and then on finer ones around the best point:
/// it has one flat top, and grids give the same answer on every machine.
pub(crate) fn prior_variances(observations: &[Observation], spread: Spread) -> Vec<f64> {
    let mean = mean(observations.iter().map(|seen| seen.log_games));
    let likelihood = Likelihood {
        squares: observations.iter().map(|it| it.value * it.value).collect(),
        noises: observations.iter().map(|it| it.noise).collect(),
        popularity: match spread {
            Spread::Even => vec![0.0; observations.len()],
            Spread::ByGames => observations.iter().map(|it| it.log_games - mean).collect(),
        },
    };
    let (slopes, mut slope_step) = match spread {
        Spread::Even => (vec![0.0], 0.0),
        Spread::ByGames => steps(SLOPES, SLOPES_COUNT),
    };
    let (levels, mut level_step) = steps(LEVELS, LEVELS_COUNT);
    let mut best = likelihood.most_likely(&levels, &slopes);
    for _ in 0..HALVINGS {
        level_step /= 2.0;
        slope_step /= 2.0;
        let around = |at: f64, step: f64| [-2.0, -1.0, 0.0, 1.0, 2.0].map(|n| at + n * step);
        let slopes = match spread {
            Spread::Even => vec![0.0],
            Spread::ByGames => around(best.slope, slope_step).to_vec(),
        };
        let finer = likelihood.most_likely(&around(best.level, level_step), &slopes);
        if finer.cost < best.cost {
            best = finer;
        }
    }
    let variance = |x: &f64| exp(best.level + best.slope * x);
    likelihood.popularity.iter().map(variance).collect()
}

/// A point of the grid.
struct Point {
    level: f64,
    slope: f64,
    /// Twice the negative logarithm of the likelihood, but for a constant.
    cost: f64,
}

/// The likelihood of what was seen; the lists are in the same order.
struct Likelihood {
    squares: Vec<f64>,
    noises: Vec<f64>,
    /// The logarithm of the games, above that of all on average.
    popularity: Vec<f64>,
}

impl Likelihood {
    fn most_likely(&self, levels: &[f64], slopes: &[f64]) -> Point {
        let mut best = Point {
            level: levels[0],
            slope: slopes[0],
            cost: f64::INFINITY,
        };
        for &slope in slopes {
            let by_popularity: Vec<_> = self.popularity.iter().map(|x| exp(slope * x)).collect();
            for &level in levels {
                let unlikely = slope / SLOPE_PRIOR_SD;
                let cost = self.cost(&by_popularity, exp(level)) + unlikely * unlikely;
                if cost < best.cost {
                    best = Point { level, slope, cost };
                }
            }
        }
        best
    }

    /// Sums `ln(variance) + value²/variance`. One logarithm is taken of the product of all variances, into which
    /// they go eight at a time: within 1e-7 … 1e10 that neither vanishes nor overflows.
    fn cost(&self, by_popularity: &[f64], level: f64) -> f64 {
        const AT_ONCE: usize = 8;
        let (squares, squares_left) = self.squares.as_chunks::<AT_ONCE>();
        let (noises, noises_left) = self.noises.as_chunks::<AT_ONCE>();
        let (scales, scales_left) = by_popularity.as_chunks::<AT_ONCE>();
        let mut cost = 0.0;
        let mut product = Product::ONE;
        for ((squares, noises), scales) in squares.iter().zip(noises).zip(scales) {
            // Lists of a fixed length are computed side by side.
            let variances: [f64; AT_ONCE] = from_fn(|at| level * scales[at] + noises[at]);
            let terms: [f64; AT_ONCE] = from_fn(|at| squares[at] / variances[at]);
            product.times(variances.iter().product());
            cost += terms.iter().sum::<f64>();
        }
        for ((square, noise), scale) in squares_left.iter().zip(noises_left).zip(scales_left) {
            let variance = level * scale + noise;
            product.times(variance);
            cost += square / variance;
        }
        cost + product.ln()
    }
}

/// So many numbers from one end to the other, both included, and how far apart they are.
#[expect(clippy::cast_precision_loss, reason = "fewer than a hundred")]
fn steps((from, to): (f64, f64), count: usize) -> (Vec<f64>, f64) {
    let step = (to - from) / (count - 1) as f64;
    let places = (0..count).map(|place| from + step * place as f64);
    (places.collect(), step)
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
