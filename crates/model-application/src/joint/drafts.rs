//! Drafts, packed: a joint fit goes over all of them again and again.

use thiserror::Error;

use crate::{
    draft::Draft,
    roster::{HeroNotListed, Roster},
    tally::Weight,
};

/// A roster that is too large for drafts to be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("there are {0} heroes, more than the {max} that packed drafts have room for", max = Drafts::HEROES_MAX)]
pub struct TooManyHeroes(pub usize);

/// Drafts with who won and how much each counts, in [`Drafts::BYTES_EACH`] bytes each.
#[derive(Debug, Clone)]
pub struct Drafts {
    roster: Roster,
    packed: Vec<PackedDraft>,
}

/// In order of its content, so that drafts have an order of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PackedDraft {
    /// Places in the roster: the Radiant's, then the Dire's, each side ascending.
    heroes: [u8; 10],
    /// The weight in parts, and the highest bit if the Radiant won.
    outcome: u16,
}

const RADIANT_WON: u16 = 1 << 15;

const _: () = assert!(size_of::<PackedDraft>() == Drafts::BYTES_EACH);
const _: () = assert!(Weight::PARTS < RADIANT_WON as u64);

impl Drafts {
    /// So much is held of each: ten places, and two bytes for the winner and the weight.
    pub const BYTES_EACH: usize = 12;
    /// A place has one byte.
    pub const HEROES_MAX: usize = 1 << 8;

    /// None yet.
    ///
    /// # Errors
    /// [`TooManyHeroes`].
    pub fn try_new(roster: Roster) -> Result<Self, TooManyHeroes> {
        if roster.len() > Self::HEROES_MAX {
            return Err(TooManyHeroes(roster.len()));
        }
        Ok(Self {
            roster,
            packed: Vec::new(),
        })
    }

    /// Adds a match.
    ///
    /// # Errors
    /// [`HeroNotListed`]; then the match is not added.
    pub fn add(
        &mut self,
        draft: &Draft,
        radiant_won: bool,
        weight: Weight,
    ) -> Result<(), HeroNotListed> {
        let mut heroes = [0; 10];
        for (side, drafted) in heroes
            .chunks_exact_mut(5)
            .zip([draft.radiant(), draft.dire()])
        {
            for (place, found) in side.iter_mut().zip(self.roster.places(drafted)?) {
                *place = u8::try_from(found).expect("a roster that was taken has no larger place");
            }
            side.sort_unstable();
        }
        let parts = u16::try_from(weight.parts()).expect("a weight has at most 2¹⁴ parts");
        self.packed.push(PackedDraft {
            heroes,
            outcome: parts | if radiant_won { RADIANT_WON } else { 0 },
        });
        Ok(())
    }

    /// Makes room for so many more at once.
    pub fn reserve(&mut self, more: usize) {
        self.packed.reserve_exact(more);
    }

    /// Takes over what the other has; both are of the same heroes.
    ///
    /// # Panics
    /// When they are not.
    pub fn append(&mut self, mut other: Self) {
        assert_eq!(self.roster, other.roster, "drafts are of the same heroes");
        self.packed.append(&mut other.packed);
    }

    /// Whose places they have.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packed.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &PackedDraft> {
        self.packed.iter()
    }

    /// In the order of their contents, whatever order they came in.
    pub(crate) fn sorted(&mut self) -> &[PackedDraft] {
        self.packed.sort_unstable();
        &self.packed
    }
}

impl PackedDraft {
    /// The places of the Radiant's and of the Dire's heroes.
    pub(crate) fn sides(&self) -> ([usize; 5], [usize; 5]) {
        let side = |from: usize| std::array::from_fn(|slot| usize::from(self.heroes[from + slot]));
        (side(0), side(5))
    }

    pub(crate) fn radiant_won(&self) -> bool {
        self.outcome & RADIANT_WON != 0
    }

    /// In parts of a fresh match, as [`Weight::parts`].
    pub(crate) fn weight(&self) -> u64 {
        u64::from(self.outcome & !RADIANT_WON)
    }
}
