//! A fingerprint of many ids that does not grow with them.

use serde::Serialize;

/// Tells whether two collections hold the same ids equally often, in any order.
///
/// Collections that differ have different digests, but for a chance of about
/// one in 2^64: a lost id is not made up for by a repeated one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IdDigest {
    count: u64,
    sum: u64,
}

impl IdDigest {
    /// Adds one id.
    pub fn add(&mut self, id: i64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(mix(id.cast_unsigned()));
    }

    /// How many ids were added, repeated ones each time.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// Spreads neighbours over all 64 bits: the finalizer of `SplitMix64`
/// (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
pub(crate) fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(ids: &[i64]) -> IdDigest {
        let mut digest = IdDigest::default();
        for id in ids {
            digest.add(*id);
        }
        digest
    }

    #[test]
    fn order_does_not_matter_and_everything_else_does() {
        let original = digest(&[1, 2, 3, 4]);
        assert_eq!(original, digest(&[4, 2, 1, 3]));
        for other in [
            &[1, 2, 3][..],
            &[1, 2, 3, 3],
            &[1, 2, 2, 5],
            &[1, 2, 3, 4, 4],
        ] {
            assert_ne!(original, digest(other), "{other:?}");
        }
    }
}
