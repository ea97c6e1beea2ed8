//! The ten heroes of a match.

use domain::HeroId;
use thiserror::Error;

/// A hero that is drafted twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("hero {0} is drafted twice")]
pub struct HeroTwice(pub HeroId);

/// Ten different heroes, five a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Draft {
    radiant: [HeroId; 5],
    dire: [HeroId; 5],
}

impl Draft {
    /// Takes both sides; the order within a side means nothing.
    ///
    /// # Errors
    /// [`HeroTwice`] with the first hero that was there before.
    pub fn try_new(radiant: [HeroId; 5], dire: [HeroId; 5]) -> Result<Self, HeroTwice> {
        let all = || radiant.iter().chain(&dire);
        for (place, hero) in all().enumerate() {
            if all().take(place).any(|before| before == hero) {
                return Err(HeroTwice(*hero));
            }
        }
        Ok(Self { radiant, dire })
    }

    /// The Radiant's heroes.
    #[must_use]
    pub fn radiant(&self) -> &[HeroId; 5] {
        &self.radiant
    }

    /// The Dire's heroes.
    #[must_use]
    pub fn dire(&self) -> &[HeroId; 5] {
        &self.dire
    }

    /// The same heroes with the sides exchanged.
    #[must_use]
    pub fn swapped(&self) -> Self {
        Self {
            radiant: self.dire,
            dire: self.radiant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hero_is_drafted_once() {
        let hero = |raw| HeroId::try_new(raw).expect("not zero");
        let radiant = [1, 2, 3, 4, 5].map(hero);
        assert!(Draft::try_new(radiant, [6, 7, 8, 9, 10].map(hero)).is_ok());
        let twice = Draft::try_new(radiant, [6, 7, 3, 9, 10].map(hero));
        assert_eq!(twice, Err(HeroTwice(hero(3))));
    }
}
