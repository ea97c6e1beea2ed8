//! The heroes of a slice.

use domain::HeroId;
use thiserror::Error;

/// A hero that a draft has and the slice does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("hero {0} is not among the heroes of the slice")]
pub struct HeroNotListed(pub HeroId);

/// The heroes of a slice in the order of their ids; a hero's place is its index
/// in every list of the slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    heroes: Vec<HeroId>,
    /// By id; [`Self::NONE`] for one that is not there.
    places: Vec<u16>,
}

impl Roster {
    const NONE: u16 = u16::MAX;

    /// Sorts the heroes; whoever is named twice is one hero.
    #[must_use]
    pub fn new(heroes: impl IntoIterator<Item = HeroId>) -> Self {
        let mut heroes: Vec<_> = heroes.into_iter().collect();
        heroes.sort_unstable();
        heroes.dedup();
        let places = heroes.last().map_or(0, |last| usize::from(last.get()) + 1);
        let mut places = vec![Self::NONE; places];
        for (place, hero) in (0..).zip(&heroes) {
            places[usize::from(hero.get())] = place;
        }
        Self { heroes, places }
    }

    /// All heroes, by id.
    #[must_use]
    pub fn heroes(&self) -> &[HeroId] {
        &self.heroes
    }

    /// How many heroes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heroes.len()
    }

    /// Whether there is no hero.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heroes.is_empty()
    }

    /// The index of `hero`.
    ///
    /// # Errors
    /// [`HeroNotListed`].
    pub fn place(&self, hero: HeroId) -> Result<usize, HeroNotListed> {
        match self.places.get(usize::from(hero.get())) {
            Some(&place) if place != Self::NONE => Ok(usize::from(place)),
            _ => Err(HeroNotListed(hero)),
        }
    }

    /// The indexes of a side.
    pub(crate) fn places(&self, side: &[HeroId; 5]) -> Result<[usize; 5], HeroNotListed> {
        let mut places = [0; 5];
        for (place, &hero) in places.iter_mut().zip(side) {
            *place = self.place(hero)?;
        }
        Ok(places)
    }
}
