//! Log-odds, probabilities and points of win rate.

use std::f64::consts::PI;

/// The probability, in 0 … 1, that log-odds stand for.
#[must_use]
pub fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// The log-odds of a probability within 0 … 1.
#[must_use]
pub fn log_odds(probability: f64) -> f64 {
    (probability / (1.0 - probability)).ln()
}

/// How many points of win rate an effect is worth in an even game.
#[must_use]
pub fn points(log_odds: f64) -> f64 {
    100.0 * (probability(log_odds) - 0.5)
}

/// How much smaller log-odds look once something of this variance has been averaged
/// over, in 0 … 1: the probit approximation of a logistic curve's mean, within 0.03.
pub(crate) fn flattening(variance: f64) -> f64 {
    1.0 / (1.0 + PI / 8.0 * variance).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_odds_and_probability_are_each_other_s_way_back() {
        for x in [-3.0, -0.04, 0.0, 0.5, 7.0] {
            assert!((log_odds(probability(x)) - x).abs() < 1e-9, "{x}");
        }
        assert!((points(0.04) - 1.0).abs() < 0.001);
    }

    #[test]
    fn flattening_is_that_of_the_mean_over_a_normal_distribution() {
        // The mean of the curve at 0.5 under noise of variance 0.49, by the midpoint rule.
        let (variance, at) = (0.49_f64, 0.5);
        let steps = 4000;
        let width = 16.0 / f64::from(steps);
        let mean: f64 = (0..steps)
            .map(|step| {
                let z = -8.0 + (f64::from(step) + 0.5) * width;
                let density = (-z * z / 2.0).exp() / (2.0 * PI).sqrt();
                density * width * probability(at + z * variance.sqrt())
            })
            .sum();
        assert!((log_odds(mean) / at - flattening(variance)).abs() < 0.03);
    }
}
