//! The identity of a match.

use std::fmt;

use crate::InvalidData;

/// Identifies one match, in 1 … 9223372036854775807.
///
/// Given by the game at the *start* of a match, so ids do not arrive in order
/// and a hole between two ids says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MatchId(i64);

impl MatchId {
    /// Takes a raw id.
    ///
    /// # Errors
    /// [`InvalidData::MatchIdOutOfRange`] for zero and below.
    pub fn try_new(raw: i64) -> Result<Self, InvalidData> {
        if raw >= 1 {
            Ok(Self(raw))
        } else {
            Err(InvalidData::MatchIdOutOfRange(raw))
        }
    }

    /// The raw id, at least 1.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for MatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_borders_are_one_and_the_largest_i64() {
        for (raw, valid) in [
            (i64::MIN, false),
            (-1, false),
            (0, false),
            (1, true),
            (8_943_267_925, true),
            (i64::MAX, true),
        ] {
            assert_eq!(MatchId::try_new(raw).is_ok(), valid, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn a_valid_id_is_written_as_it_was_given(raw in 1..=i64::MAX) {
            let id = MatchId::try_new(raw).expect("in range by construction");
            prop_assert_eq!(id.get(), raw);
            prop_assert_eq!(id.to_string(), raw.to_string());
        }
    }
}
