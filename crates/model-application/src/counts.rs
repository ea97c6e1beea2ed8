//! Games and wins: all that the estimates are made of.

use domain::HeroId;
use thiserror::Error;

use crate::{
    roster::{HeroNotListed, Roster},
    tally::{Tally, Weight},
    triangle::Triangle,
};

/// The games and wins of a slice: of each hero, and of each pair of heroes against
/// and with each other. Which side a hero was on is not told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    roster: Roster,
    pub(crate) matches: Tally,
    pub(crate) heroes: Vec<Tally>,
    pub(crate) against: Triangle<Tally>,
    pub(crate) with: Triangle<Tally>,
}

/// Counts that cannot be of whole matches.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{of} must have {expected} {what}, but {found} are counted")]
pub struct CountsDoNotAddUp {
    /// What does not add up.
    pub what: &'static str,
    /// Whose games they are: those of a hero, or all of them.
    pub of: String,
    /// How many there must be.
    pub expected: u64,
    /// How many there are.
    pub found: u64,
}

/// A pair that cannot be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoPair {
    /// One of the two is unknown.
    #[error(transparent)]
    NotListed(#[from] HeroNotListed),
    /// The two are one.
    #[error("hero {0} cannot meet itself")]
    Itself(HeroId),
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

    /// Adds matches, of which the Radiant won some.
    pub fn add_matches(&mut self, tally: Tally) {
        self.matches.merge(tally);
    }

    /// Adds the games of a hero.
    ///
    /// # Errors
    /// [`HeroNotListed`].
    pub fn add_hero(&mut self, hero: HeroId, tally: Tally) -> Result<(), HeroNotListed> {
        let place = self.roster.place(hero)?;
        self.heroes[place].merge(tally);
        Ok(())
    }

    /// Adds games of two enemies, won by `hero`.
    ///
    /// # Errors
    /// [`NoPair`].
    pub fn add_against(&mut self, hero: HeroId, other: HeroId, tally: Tally) -> Result<(), NoPair> {
        let (ours, theirs) = self.pair(hero, other)?;
        let of_first = if ours < theirs {
            tally
        } else {
            tally.of_opponent()
        };
        self.against.get_mut(ours, theirs).merge(of_first);
        Ok(())
    }

    /// Adds games of two allies, won by both.
    ///
    /// # Errors
    /// [`NoPair`].
    pub fn add_with(&mut self, hero: HeroId, ally: HeroId, tally: Tally) -> Result<(), NoPair> {
        let (one, other) = self.pair(hero, ally)?;
        self.with.get_mut(one, other).merge(tally);
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

    /// Adds what was counted of the same heroes on a day whose matches all have that weight.
    ///
    /// # Panics
    /// When the heroes are others.
    pub fn merge_weighted(&mut self, day: &Self, weight: Weight) {
        let mut weighted = day.clone();
        let pairs = weighted.against.iter_mut().chain(weighted.with.iter_mut());
        let tallies = pairs.map(|(_, tally)| tally).chain(&mut weighted.heroes);
        for tally in tallies.chain([&mut weighted.matches]) {
            *tally = tally.reweighted(weight);
        }
        self.merge(&weighted);
    }

    /// Checks that the counts can be of whole matches: ten heroes each, half of which
    /// won; and that each hero has met five enemies and four allies in each of its
    /// games, and won as often with them.
    ///
    /// # Errors
    /// [`CountsDoNotAddUp`] with the first sum that is wrong.
    pub fn check(&self) -> Result<(), CountsDoNotAddUp> {
        let mut all = Tally::default();
        let mut met = vec![(Tally::default(), Tally::default()); self.heroes.len()];
        for hero in &self.heroes {
            all.merge(*hero);
        }
        for ((i, j), pair) in self.against.iter() {
            met[i].0.merge(*pair);
            met[j].0.merge(pair.of_opponent());
        }
        for ((i, j), pair) in self.with.iter() {
            met[i].1.merge(*pair);
            met[j].1.merge(*pair);
        }
        let matches = || format!("{} matches", self.matches.games);
        all_are(10, self.matches.games, all.games, matches, "heroes")?;
        all_are(5, self.matches.games, all.wins, matches, "heroes that won")?;
        let heroes = self.heroes.iter().zip(self.roster.heroes()).zip(&met);
        for ((tally, hero), (enemies, allies)) in heroes {
            let of = || format!("{} games of hero {hero}", tally.games);
            all_are(5, tally.games, enemies.games, of, "enemies")?;
            all_are(5, tally.wins, enemies.wins, of, "enemies that lost")?;
            all_are(4, tally.games, allies.games, of, "allies")?;
            all_are(4, tally.wins, allies.wins, of, "allies that won")?;
        }
        Ok(())
    }

    /// The same games, of these heroes alone. Without the others, sums are those of
    /// whole matches no more.
    ///
    /// # Panics
    /// When one of them is not among the heroes that were counted.
    #[must_use]
    pub fn into_only(self, roster: &Roster) -> Self {
        if *roster == self.roster {
            return self;
        }
        let known = |hero| self.roster.place(hero).expect("it was counted");
        let places: Vec<_> = roster.heroes().iter().map(|&hero| known(hero)).collect();
        // Both lists are in the order of ids, so who comes first in a pair still does.
        let pairs = |of: &Triangle<Tally>| {
            Triangle::from_fn(places.len(), |i, j| *of.get(places[i], places[j]))
        };
        Self {
            matches: self.matches,
            heroes: places.iter().map(|&place| self.heroes[place]).collect(),
            against: pairs(&self.against),
            with: pairs(&self.with),
            roster: roster.clone(),
        }
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

    fn pair(&self, hero: HeroId, other: HeroId) -> Result<(usize, usize), NoPair> {
        if hero == other {
            return Err(NoPair::Itself(hero));
        }
        Ok((self.roster.place(hero)?, self.roster.place(other)?))
    }
}

/// Whether so many are there for each.
fn all_are(
    for_each: u64,
    count: u64,
    found: u64,
    of: impl Fn() -> String,
    what: &'static str,
) -> Result<(), CountsDoNotAddUp> {
    let expected = for_each * count;
    if expected == found {
        return Ok(());
    }
    Err(CountsDoNotAddUp {
        what,
        of: of(),
        expected,
        found,
    })
}
