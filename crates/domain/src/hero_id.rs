//! The identity of a hero.

use std::{fmt, num::NonZeroU16};

use crate::{InvalidData, heroes};

/// Identifies one hero, in 1 … 65535.
///
/// Numbers have holes, and the game adds heroes: an id without a name here is
/// as good as any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeroId(NonZeroU16);

impl HeroId {
    /// Takes a raw id.
    ///
    /// # Errors
    /// [`InvalidData::HeroIdZero`] for zero, which upstreams write for a slot without a hero.
    pub const fn try_new(raw: u16) -> Result<Self, InvalidData> {
        match NonZeroU16::new(raw) {
            Some(raw) => Ok(Self(raw)),
            None => Err(InvalidData::HeroIdZero),
        }
    }

    /// The raw id, at least 1.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// What the game calls the hero in English, if the built-in list knows.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        heroes::name(self.get())
    }

    /// Every hero of the built-in list, by id.
    #[must_use]
    pub fn listed() -> impl ExactSizeIterator<Item = Self> {
        heroes::ids()
    }

    /// Whether the built-in list has the hero.
    #[must_use]
    pub fn is_listed(self) -> bool {
        self.name().is_some()
    }
}

impl fmt::Display for HeroId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zero_is_no_hero() {
        assert_eq!(HeroId::try_new(0), Err(InvalidData::HeroIdZero));
        for raw in [1, 155, u16::MAX] {
            let hero = HeroId::try_new(raw).expect("not zero");
            assert_eq!(hero.get(), raw);
            assert_eq!(hero.to_string(), raw.to_string());
        }
    }

    #[test]
    fn names_are_those_of_the_game() {
        for (raw, name) in [
            (1, Some("Anti-Mage")),
            (53, Some("Nature's Prophet")),
            (155, Some("Largo")),
            (24, None),
            (u16::MAX, None),
        ] {
            let hero = HeroId::try_new(raw).expect("not zero");
            assert_eq!(hero.name(), name, "{raw}");
            assert_eq!(hero.is_listed(), name.is_some(), "{raw}");
            let is_there = HeroId::listed().any(|listed| listed == hero);
            assert_eq!(is_there, name.is_some(), "{raw}");
        }
        assert!(HeroId::listed().is_sorted());
    }
}
