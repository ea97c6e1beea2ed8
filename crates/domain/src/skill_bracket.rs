//! How good the players of a match were, roughly.

use std::fmt;

use crate::InvalidData;

/// The medal of a match's average player: 1 … 8, from Herald to Immortal, or unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SkillBracket(u8);

impl SkillBracket {
    /// Nobody said, or said nonsense.
    pub const UNKNOWN: Self = Self(0);

    /// Takes a bracket by its number, 0 for unknown.
    ///
    /// # Errors
    /// [`InvalidData::SkillBracketOutOfRange`] above 8.
    pub const fn try_new(raw: u8) -> Result<Self, InvalidData> {
        if raw <= 8 {
            Ok(Self(raw))
        } else {
            Err(InvalidData::SkillBracketOutOfRange(raw))
        }
    }

    /// The bracket of a rank tier, whose tens are the medal and whose ones are
    /// its stars; unknown when there is no such medal.
    #[must_use]
    pub const fn of_rank_tier(rank_tier: u8) -> Self {
        match rank_tier / 10 {
            medal @ 1..=8 => Self(medal),
            _ => Self::UNKNOWN,
        }
    }

    /// Its number, 0 for unknown.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for SkillBracket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tens_of_a_rank_tier_decide() {
        for (rank_tier, bracket) in [
            (0, 0),
            (9, 0),
            (10, 1),
            (19, 1),
            (20, 2),
            (81, 8),
            (89, 8),
            (90, 0),
            (u8::MAX, 0),
        ] {
            let found = SkillBracket::of_rank_tier(rank_tier);
            assert_eq!(found.get(), bracket, "{rank_tier}");
            assert_eq!(SkillBracket::try_new(bracket), Ok(found));
        }
    }

    #[test]
    fn there_are_eight() {
        assert_eq!(SkillBracket::try_new(0), Ok(SkillBracket::UNKNOWN));
        assert!(SkillBracket::try_new(9).is_err());
    }
}
