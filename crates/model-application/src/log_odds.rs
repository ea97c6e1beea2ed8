//! Log-odds, probabilities and points of win rate.
//!
//! Only the four operations and the square root, which have one right answer, are
//! used: the exponential function and the logarithm of a platform differ in their
//! last bit, and the same counts are to give the same bytes on every machine.

use std::f64::consts::{LN_2, PI};

/// The probability, in 0 … 1, that log-odds stand for: `1 / (1 + e^−x)`.
#[must_use]
pub fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + exp(-log_odds))
}

/// The log-odds of a probability within 0 … 1: `ln(p / (1 − p))`.
#[must_use]
pub fn log_odds(probability: f64) -> f64 {
    ln(probability / (1.0 - probability))
}

/// How many points of win rate an effect is worth in an even game, in −50 … 50:
/// `100·(σ(x) − 0.5)`.
#[must_use]
pub fn points(log_odds: f64) -> f64 {
    100.0 * (probability(log_odds) - 0.5)
}

/// How much smaller log-odds look once something of this variance has been averaged
/// over, in 0 … 1: `1 / √(1 + π/8·variance)`, the probit approximation of a logistic
/// curve's mean, within 0.03.
pub(crate) fn flattening(variance: f64) -> f64 {
    1.0 / (1.0 + PI / 8.0 * variance).sqrt()
}

/// `e^x`, within two units of the last place.
pub(crate) fn exp(x: f64) -> f64 {
    // The upper part of ln 2, whose product with a whole number is exact, and the rest.
    const LN_2_UPPER: f64 = 6.931_471_803_691_238e-1;
    const LN_2_LOWER: f64 = 1.908_214_929_270_587_7e-10;
    if x.is_nan() {
        return x;
    }
    let x = x.clamp(-700.0, 700.0);
    let halvings = (x / LN_2).round();
    let rest = (x - halvings * LN_2_UPPER) - halvings * LN_2_LOWER;
    // |rest| ≤ 0.35: fourteen terms of the series are enough.
    let of_each = EXP_SERIES.iter().rev();
    let sum = of_each.fold(0.0, |sum, coefficient| sum * rest + coefficient);
    sum * power_of_two(halvings)
}

/// `1/n!`, so that no term is divided by: that was most of what estimating took.
const EXP_SERIES: [f64; 15] = {
    let mut series = [1.0; 15];
    let (mut factorial, mut term, mut at) = (1.0, 1.0, 1);
    while at < series.len() {
        // Whole numbers below 2⁵³, so exact.
        factorial *= term;
        series[at] = 1.0 / factorial;
        term += 1.0;
        at += 1;
    }
    series
};

/// A product of many positive numbers, of which one logarithm is taken: it may be far larger or smaller than a
/// number can be.
pub(crate) struct Product {
    /// Within 1 … 2.
    scaled: f64,
    doublings: i64,
}

impl Product {
    /// Of no numbers.
    pub(crate) const ONE: Self = Self {
        scaled: 1.0,
        doublings: 0,
    };

    /// Takes another number, positive and normal.
    pub(crate) fn times(&mut self, factor: f64) {
        let (scaled, doublings) = halved(self.scaled * factor);
        self.scaled = scaled;
        self.doublings += i64::from(doublings);
    }

    /// Its natural logarithm.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a thousand a factor, far fewer than 2⁵³"
    )]
    pub(crate) fn ln(&self) -> f64 {
        ln(self.scaled) + self.doublings as f64 * LN_2
    }
}

/// A positive normal number, halved or doubled until it is within 1 … 2, and how often it was halved.
fn halved(x: f64) -> (f64, i32) {
    const MANTISSA_BITS: u32 = 52;
    const EXPONENT_BIAS: i32 = 1023;
    const ONE: u64 = 1.0_f64.to_bits();
    let bits = x.to_bits();
    let mantissa = bits & ((1 << MANTISSA_BITS) - 1);
    // Eleven bits, for the sign is 0.
    let exponent = i32::try_from(bits >> MANTISSA_BITS).unwrap_or_default();
    (f64::from_bits(mantissa | ONE), exponent - EXPONENT_BIAS)
}

/// `ln x` of a positive number, within some units of the last place.
pub(crate) fn ln(x: f64) -> f64 {
    if !x.is_normal() || x < 0.0 {
        // The rest of what there is; no estimate comes here.
        return x.ln();
    }
    let (mut scaled, doublings) = halved(x);
    let mut doublings = f64::from(doublings);
    if scaled > std::f64::consts::SQRT_2 {
        scaled /= 2.0;
        doublings += 1.0;
    }
    // ln x = 2·artanh((x − 1)/(x + 1)), and |ratio| ≤ 0.172.
    let ratio = (scaled - 1.0) / (scaled + 1.0);
    let square = ratio * ratio;
    let mut sum = 0.0;
    for term in (0..=10).rev() {
        sum = sum * square + 1.0 / f64::from(2 * term + 1);
    }
    2.0 * ratio * sum + doublings * LN_2
}

/// Two to the power of a whole number in −1022 … 1023.
fn power_of_two(exponent: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is a whole number, and within −1011 … 1011"
    )]
    let biased = (exponent + 1023.0) as u64;
    f64::from_bits(biased << 52)
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
    fn functions_of_our_own_are_as_exact_as_those_of_the_platform() {
        for step in -7000..=7000 {
            let x = f64::from(step) / 10.13;
            let (ours, theirs) = (exp(x), x.exp());
            assert!(
                (ours / theirs - 1.0).abs() < 1e-15,
                "e^{x}: {ours} {theirs}"
            );
            let (ours, theirs) = (ln(theirs), theirs.ln());
            assert!(
                (ours - theirs).abs() <= 4e-16 * theirs.abs().max(0.5),
                "{x}: {ours}"
            );
        }
        assert!((exp(0.0) - 1.0).abs() < f64::EPSILON && ln(1.0).abs() < f64::EPSILON);
        assert!(exp(-1e9) > 0.0 && exp(1e9).is_finite() && exp(f64::NAN).is_nan());
    }

    #[test]
    fn the_logarithm_of_a_product_is_the_sum_of_logarithms() {
        let factors = || (1..=4000).map(|step| 1e-40 * f64::from(step * step));
        let mut product = Product::ONE;
        factors().for_each(|factor| product.times(factor));
        let sum: f64 = factors().map(f64::ln).sum();
        assert!((product.ln() / sum - 1.0).abs() < 1e-12, "{sum}");
        assert!(Product::ONE.ln().abs() < f64::EPSILON);
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
