//! Games and wins: all that the estimates are made of.

use thiserror::Error;

use crate::{
    Draft,
    roster::{HeroNotListed, Roster},
    triangle::Triangle,
};

/// Games and how many of them were won.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many were played.
    pub games: u64,
    /// How many of them were won; at most `games`.
    pub wins: u64,
}

impl Tally {
    fn add(&mut self, won: bool) {
        self.games += 1;
        self.wins += u64::from(won);
    }

    fn merge(&mut self, other: Self) {
        self.games += other.games;
        self.wins += other.wins;
    }
}

/// The games and wins of a slice: of each hero, and of each pair of heroes against
/// and with each other. Which side a hero was on is not told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    roster: Roster,
    matches: Tally,
    heroes: Vec<Tally>,
    against: Triangle<Tally>,
    with: Triangle<Tally>,
}

/// Counts that cannot be of whole matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{matches} matches have {expected} {what}, but {found} are counted")]
pub struct CountsDoNotAddUp {
    /// What does not add up.
    pub what: &'static str,
    /// Of how many matches.
    pub matches: u64,
    /// How many there must be.
    pub expected: u64,
    /// How many there are.
    pub found: u64,
}

impl Counts {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(roster: Roster) -> Self {
        let len = roster.len();
        let none = || Triangle::from_fn(len, |_, _| Tally::default());
        Self {
            matches: Tally::default(),
            heroes: vec![Tally::default(); len],
            against: none(),
            with: none(),
            roster,
        }
    }

    /// Counts a match.
    ///
    /// # Errors
    /// [`HeroNotListed`]; then nothing of the match is counted.
    pub fn add(&mut self, draft: &Draft, radiant_won: bool) -> Result<(), HeroNotListed> {
        let radiant = self.places(draft.radiant())?;
        let dire = self.places(draft.dire())?;
        self.matches.add(radiant_won);
        for (side, won) in [(radiant, radiant_won), (dire, !radiant_won)] {
            for (place, &hero) in side.iter().enumerate() {
                self.heroes[hero].add(won);
                for &ally in &side[place + 1..] {
                    self.with.get_mut(hero, ally).add(won);
                }
            }
        }
        for ours in radiant {
            for theirs in dire {
                // Told as the wins of the hero that comes first.
                let first_won = radiant_won == (ours < theirs);
                self.against.get_mut(ours, theirs).add(first_won);
            }
        }
        Ok(())
    }

    /// Adds what somebody else has counted of the same heroes.
    ///
    /// # Panics
    /// When the heroes are others.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(
            self.roster, other.roster,
            "counts of the same heroes add up"
        );
        self.matches.merge(other.matches);
        let pairs = [
            (&mut self.against, &other.against),
            (&mut self.with, &other.with),
        ];
        for (mine, others) in pairs {
            for ((_, mine), theirs) in mine.iter_mut().zip(others.values()) {
                mine.merge(*theirs);
            }
        }
        for (mine, theirs) in self.heroes.iter_mut().zip(&other.heroes) {
            mine.merge(*theirs);
        }
    }

    /// Checks that the counts can be of whole matches: ten heroes, 25 pairs of
    /// enemies and 20 pairs of allies each, half of the heroes having won.
    ///
    /// # Errors
    /// [`CountsDoNotAddUp`] with the first sum that is wrong.
    pub fn check(&self) -> Result<(), CountsDoNotAddUp> {
        let matches = self.matches.games;
        let sum = |tallies: &[Tally], count: fn(&Tally) -> u64| tallies.iter().map(count).sum();
        for (what, each, found) in [
            ("heroes", 10, sum(&self.heroes, |tally| tally.games)),
            ("heroes that won", 5, sum(&self.heroes, |tally| tally.wins)),
            (
                "pairs of enemies",
                25,
                sum(self.against.values(), |tally| tally.games),
            ),
            (
                "pairs of allies",
                20,
                sum(self.with.values(), |tally| tally.games),
            ),
            (
                "pairs of allies that won",
                10,
                sum(self.with.values(), |tally| tally.wins),
            ),
        ] {
            let expected = each * matches;
            if expected != found {
                return Err(CountsDoNotAddUp {
                    what,
                    matches,
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }

    /// Whose games these are.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// All matches, and how many of them the Radiant won.
    #[must_use]
    pub fn matches(&self) -> Tally {
        self.matches
    }

    /// The games of each hero.
    #[must_use]
    pub fn heroes(&self) -> &[Tally] {
        &self.heroes
    }

    /// The games of each pair of enemies, won by the hero that comes first.
    #[must_use]
    pub fn against(&self) -> &Triangle<Tally> {
        &self.against
    }

    /// The games of each pair of allies.
    #[must_use]
    pub fn with(&self) -> &Triangle<Tally> {
        &self.with
    }

    fn places(&self, side: &[domain::HeroId; 5]) -> Result<[usize; 5], HeroNotListed> {
        let mut places = [0; 5];
        for (place, &hero) in places.iter_mut().zip(side) {
            *place = self.roster.place(hero)?;
        }
        Ok(places)
    }
}
