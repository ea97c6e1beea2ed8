//! Numbers with so many digits after the point.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A number with at most `DIGITS` digits after the point, held as a whole number of
/// the last of them: −0.93 is `Decimal::<2>(-93)`.
///
/// Written as the shortest decimal, `51.9` or `3`, and the same on every machine;
/// what has more digits is rounded when it is read. What is negated or compared
/// here is so in what others read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal<const DIGITS: u32>(pub i64);

impl<const DIGITS: u32> Decimal<DIGITS> {
    const ONE: i64 = 10_i64.pow(DIGITS);
    /// Up to here every whole number is a floating-point number.
    const LARGEST: i64 = 1 << 53;

    /// The nearest one; `None` of what is no number or has more than 15 digits.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "what is too large is refused before"
    )]
    pub fn nearest(value: f64) -> Option<Self> {
        let scaled = (value * Self::ONE as f64).round();
        (scaled.abs() <= Self::LARGEST as f64).then_some(Self(scaled as i64))
    }

    /// Its value, the nearest there is.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "fewer than 16 digits")]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / Self::ONE as f64
    }
}

impl<const DIGITS: u32> Serialize for Decimal<DIGITS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % Self::ONE == 0 {
            serializer.serialize_i64(self.0 / Self::ONE)
        } else {
            serializer.serialize_f64(self.to_f64())
        }
    }
}

impl<'de, const DIGITS: u32> Deserialize<'de> for Decimal<DIGITS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(deserializer)?;
        Self::nearest(value)
            .ok_or_else(|| D::Error::custom("a number of at most 15 digits is expected"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_shortest_decimal_is_written() {
        for (hundredths, text) in [
            (-93, "-0.93"),
            (5190, "51.9"),
            (300, "3"),
            (0, "0"),
            (-5, "-0.05"),
            (1, "0.01"),
        ] {
            let decimal = Decimal::<2>(hundredths);
            assert_eq!(serde_json::to_string(&decimal).expect("a number"), text);
        }
        let read: Decimal<2> = serde_json::from_str("51.90").expect("a number");
        assert_eq!(read, Decimal(5190));
        assert!(serde_json::from_str::<Decimal<2>>("1e300").is_err());
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_and_no_longer_than_needed(raw in -10_000_000_i64..10_000_000) {
            let decimal = Decimal::<4>(raw);
            let text = serde_json::to_string(&decimal).expect("a number");
            prop_assert_eq!(serde_json::from_str::<Decimal<4>>(&text).expect("a number"), decimal);
            let digits = text.split_once('.').map_or(0, |(_, digits)| digits.len());
            prop_assert!(digits <= 4 && !text.contains('e'), "{}", text);
            prop_assert_eq!(Decimal::<4>::nearest(decimal.to_f64()), Some(decimal));
        }
    }
}
