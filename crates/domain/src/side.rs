//! The two sides of a match and their places.

use crate::InvalidData;

/// One of the two sides of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The side that starts at the bottom left.
    Radiant,
    /// The side that starts at the top right.
    Dire,
}

impl Side {
    /// Who plays against this side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Radiant => Self::Dire,
            Self::Dire => Self::Radiant,
        }
    }

    /// Whether this side won.
    #[must_use]
    pub const fn has_won(self, radiant_win: bool) -> bool {
        matches!(self, Self::Radiant) == radiant_win
    }
}

/// A player's place in a match: 0 … 4 are Radiant's, 5 … 9 Dire's.
///
/// Upstreams number Dire's from 128, see [`of_upstream`](Self::of_upstream).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u8);

impl Slot {
    /// Takes a raw place.
    ///
    /// # Errors
    /// [`InvalidData::SlotOutOfRange`] above 9.
    pub const fn try_new(raw: u8) -> Result<Self, InvalidData> {
        if raw <= 9 {
            Ok(Self(raw))
        } else {
            Err(InvalidData::SlotOutOfRange(raw))
        }
    }

    /// Takes a place as upstreams number it: Radiant's 0 to 4, Dire's 128 to 132.
    ///
    /// # Errors
    /// [`InvalidData::NoPlayerSlot`] for any other number.
    pub const fn of_upstream(player_slot: u8) -> Result<Self, InvalidData> {
        match player_slot {
            0..=4 => Ok(Self(player_slot)),
            128..=132 => Ok(Self(player_slot - 128 + 5)),
            _ => Err(InvalidData::NoPlayerSlot(player_slot)),
        }
    }

    /// The raw place, at most 9.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Whose place it is.
    #[must_use]
    pub const fn side(self) -> Side {
        if self.0 < 5 {
            Side::Radiant
        } else {
            Side::Dire
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_places_a_side_and_no_more() {
        for raw in 0..=u8::MAX {
            let expected = match raw {
                0..=4 => Ok(Side::Radiant),
                5..=9 => Ok(Side::Dire),
                _ => Err(InvalidData::SlotOutOfRange(raw)),
            };
            assert_eq!(Slot::try_new(raw).map(Slot::side), expected);
        }
    }

    #[test]
    fn one_side_wins() {
        for radiant_win in [true, false] {
            assert_eq!(Side::Radiant.has_won(radiant_win), radiant_win);
            assert_eq!(Side::Dire.has_won(radiant_win), !radiant_win);
        }
        assert_eq!(Side::Radiant.other(), Side::Dire);
        assert_eq!(Side::Dire.other(), Side::Radiant);
    }
}
