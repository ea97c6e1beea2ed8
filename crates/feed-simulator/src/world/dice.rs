//! Chance that follows from where it is thrown: no state outlives a match.

use crate::digest::mix;

/// The odd constant that `SplitMix64` steps by: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// A sequence of numbers for one purpose of one match.
pub(crate) struct Dice {
    state: u64,
}

impl Dice {
    /// The same three give the same throws; any other three independent ones.
    pub(crate) fn new(seed: u64, purpose: u64, of: u64) -> Self {
        let state = mix(mix(seed.wrapping_add(STEP)) ^ mix(purpose.wrapping_mul(STEP)) ^ of);
        Self { state }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// 0 up to but not including `count`.
    pub(crate) fn below(&mut self, count: u32) -> u32 {
        let scaled = (self.next() >> 32) * u64::from(count);
        u32::try_from(scaled >> 32).expect("a product of two numbers below 2^32, shifted by 32")
    }

    /// Both ends included; the middle is the likeliest, as of the sum of three throws.
    pub(crate) fn around_middle(&mut self, min: u32, max: u32) -> u32 {
        let third = (max - min) / 3 + 1;
        let sum = self.below(third) + self.below(third) + self.below(third);
        (min + sum).min(max)
    }

    /// At least `min` and at most `max`, each as likely.
    pub(crate) fn between(&mut self, min: u32, max: u32) -> u32 {
        min + self.below(max - min + 1)
    }

    /// At least 0 and below 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
        let numerator = (self.next() >> 11) as f64;
        numerator * 2.0_f64.powi(-53)
    }

    /// True so many times in a thousand.
    pub(crate) fn per_mille(&mut self, chance: u32) -> bool {
        self.below(1_000) < chance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throws_follow_from_seed_purpose_and_match() {
        let throws = |seed, purpose, of| {
            let mut dice = Dice::new(seed, purpose, of);
            [dice.next(), dice.next()]
        };
        assert_eq!(throws(1, 2, 3), throws(1, 2, 3));
        for other in [throws(2, 2, 3), throws(1, 3, 3), throws(1, 2, 4)] {
            assert_ne!(throws(1, 2, 3), other);
        }
    }

    #[test]
    fn throws_stay_within_their_limits_and_reach_them() {
        let mut dice = Dice::new(1, 1, 1);
        let (mut even, mut bell) = ([0; 4], [0; 7]);
        for _ in 0..10_000 {
            even[dice.between(0, 3) as usize] += 1;
            bell[dice.around_middle(0, 6) as usize] += 1;
            assert!((0.0..1.0).contains(&dice.fraction()));
        }
        assert!(
            even.iter().all(|count| (2_300..2_700).contains(count)),
            "{even:?}"
        );
        assert!(bell.iter().all(|count| *count > 100), "{bell:?}");
        assert!(bell[3] > 2 * bell[0] && bell[3] > 2 * bell[6], "{bell:?}");
    }
}
