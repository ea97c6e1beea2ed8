//! Randomness for millions of matches: `SplitMix64`, which costs next to nothing.

use std::f64::consts::TAU;

pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In 0 … 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Of mean 0 and standard deviation 1.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (TAU * self.uniform()).cos()
    }
}

/// Draws places in proportion to their shares, at once: Walker's alias method.
pub(crate) struct Picker {
    /// How much of each column is its own, and whose the rest is.
    columns: Vec<(f64, usize)>,
}

impl Picker {
    pub(crate) fn new(shares: &[f64]) -> Self {
        let len = shares.len();
        let mut left: Vec<f64> = shares.iter().map(|share| share * len as f64).collect();
        let mut columns = vec![(1.0, 0); len];
        let (mut small, mut large): (Vec<_>, Vec<_>) =
            (0..len).partition(|&place| left[place] < 1.0);
        while let (Some(one), Some(&other)) = (small.pop(), large.last()) {
            columns[one] = (left[one], other);
            left[other] -= 1.0 - left[one];
            if left[other] < 1.0 {
                large.pop();
                small.push(other);
            }
        }
        Self { columns }
    }

    pub(crate) fn pick(&self, dice: &mut Dice) -> usize {
        let at = dice.uniform() * self.columns.len() as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is below the number of columns"
        )]
        let column = (at as usize).min(self.columns.len() - 1);
        let (own, other) = self.columns[column];
        if at - (column as f64) < own {
            column
        } else {
            other
        }
    }
}
