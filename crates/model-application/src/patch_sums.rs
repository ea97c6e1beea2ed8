//! Putting the sums of a patch together, as a database hands them out.

use std::collections::{BTreeMap, HashMap};

use domain::{HeroId, Side, SkillBracket};

use crate::{
    counts::{Counts, NoPair},
    ports::{Cell, DayToRead, Part, PatchCounts},
    roster::{HeroNotListed, Roster},
    tally::Tally,
};

/// A match has so many heroes,
const HEROES: u64 = 10;
/// so many pairs of enemies,
const PAIRS_AGAINST: u64 = 25;
/// and so many of allies.
const PAIRS_WITH: u64 = 20;

/// Matches of days that were read and no slice has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Of modes of the patch that no slice has.
    Modes(Part, SkillBracket),
    /// Of other patches.
    Patches,
}

/// How two heroes met, and which ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// The first one fought the second one; games won by the first one.
    Against(HeroId, HeroId),
    /// They were on one side.
    With(HeroId, HeroId),
}

/// The sums of heroes, which come first: they tell which heroes there are.
#[derive(Debug, Clone, Default)]
pub struct HeroSums {
    of_cells: HashMap<(Cell, Side, HeroId), Tally>,
    other_modes: BTreeMap<(Part, SkillBracket), u64>,
    other_patches: u64,
    games: u64,
}

impl HeroSums {
    /// Adds games of a hero on a side.
    pub fn add(&mut self, cell: Cell, side: Side, hero: HeroId, tally: Tally) {
        self.games += tally.games;
        let sum = self.of_cells.entry((cell, side, hero)).or_default();
        sum.merge(tally);
    }

    /// Adds games of heroes that need not be told apart.
    pub fn add_others(&mut self, others: Others, games: u64) {
        self.games += games;
        match others {
            Others::Modes(part, bracket) => {
                *self.other_modes.entry((part, bracket)).or_default() += games;
            }
            Others::Patches => self.other_patches += games,
        }
    }

    /// That was all of them.
    #[must_use]
    pub fn finish(self) -> PairSums {
        let seen = self.of_cells.keys().map(|(_, _, hero)| *hero);
        let roster = Roster::new(HeroId::listed().chain(seen));
        let mut cells: BTreeMap<Cell, Counts> = BTreeMap::new();
        let mut radiant: BTreeMap<Cell, Tally> = BTreeMap::new();
        for ((cell, side, hero), tally) in self.of_cells {
            let counts = cells
                .entry(cell)
                .or_insert_with(|| Counts::new(roster.clone()));
            let added = counts.add_hero(hero, tally);
            added.expect("the roster has every hero that was seen");
            if side == Side::Radiant {
                radiant.entry(cell).or_default().merge(tally);
            }
        }
        for (cell, five) in radiant {
            let counts = cells.get_mut(&cell).expect("its heroes were added");
            counts.add_matches(of_one_in_five(five));
        }
        let mut other_modes = self.other_modes;
        for games in other_modes.values_mut() {
            *games /= HEROES;
        }
        PairSums {
            counts: PatchCounts {
                roster,
                cells,
                other_modes,
                other_patches: self.other_patches / HEROES,
            },
            heroes: self.games,
            against: 0,
            with: 0,
        }
    }
}

/// The sums of pairs, which come after those of heroes.
#[derive(Debug, Clone)]
pub struct PairSums {
    counts: PatchCounts,
    heroes: u64,
    against: u64,
    with: u64,
}

impl PairSums {
    /// Adds games of two heroes.
    ///
    /// # Errors
    /// [`NoPair`]: there were no sums of one of them.
    pub fn add(&mut self, cell: Cell, met: Met, tally: Tally) -> Result<(), NoPair> {
        match met {
            Met::Against(..) => self.against += tally.games,
            Met::With(..) => self.with += tally.games,
        }
        let counts = self.counts.cells.get_mut(&cell);
        match (counts, met) {
            (Some(counts), Met::Against(hero, other)) => counts.add_against(hero, other, tally),
            (Some(counts), Met::With(hero, ally)) => counts.add_with(hero, ally, tally),
            (None, Met::Against(hero, _) | Met::With(hero, _)) => Err(HeroNotListed(hero).into()),
        }
    }

    /// Adds games of pairs that need not be told apart: of enemies and of allies.
    pub const fn add_others(&mut self, against: u64, with: u64) {
        self.against += against;
        self.with += with;
    }

    /// That was all of them; nothing if they are not the sums of the matches that
    /// the builds of these days have counted.
    #[must_use]
    pub fn finish(self, days: &[DayToRead]) -> Option<PatchCounts> {
        let counted: u64 = days.iter().map(|day| day.counted).sum();
        let is_whole = DaySums {
            heroes: self.heroes,
            against: self.against,
            with: self.with,
        }
        .are_of(counted);
        is_whole.then_some(self.counts)
    }
}

/// How many games of heroes and of pairs were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DaySums {
    /// Of heroes.
    pub heroes: u64,
    /// Of pairs of enemies.
    pub against: u64,
    /// Of pairs of allies.
    pub with: u64,
}

impl DaySums {
    /// Whether they are those of so many matches.
    #[must_use]
    pub const fn are_of(self, matches: u64) -> bool {
        self.heroes == HEROES * matches
            && self.against == PAIRS_AGAINST * matches
            && self.with == PAIRS_WITH * matches
    }
}

/// Of the games of five heroes in each match, those of one.
const fn of_one_in_five(tally: Tally) -> Tally {
    Tally {
        games: tally.games / 5,
        wins: tally.wins / 5,
        weighted_games: tally.weighted_games / 5,
        weighted_wins: tally.weighted_wins / 5,
        squared_weights: tally.squared_weights / 5,
    }
}

#[cfg(test)]
mod tests {
    use domain::Day;

    use super::*;
    use crate::{
        slices::{Mode, Skill},
        tally::Weight,
    };

    fn hero(raw: u16) -> HeroId {
        HeroId::try_new(raw).expect("not zero")
    }

    const CELL: Cell = Cell {
        part: Part::Fit,
        mode: Mode::Default,
        bracket: SkillBracket::UNKNOWN,
    };

    fn day(counted: u64) -> DayToRead {
        DayToRead {
            day: Day::from_days_since_epoch(20_000),
            build: 1,
            counted,
            weight: Weight::FULL,
            part: Part::Fit,
        }
    }

    /// One match that Radiant has won, with heroes 1 to 9 and one that no list has.
    fn match_of_a_new_hero() -> (HeroSums, Vec<(Met, Tally)>) {
        let radiant = [1, 2, 3, 4, 5].map(hero);
        let dire = [6, 7, 8, 9, 999].map(hero);
        let mut heroes = HeroSums::default();
        let mut pairs = Vec::new();
        for (side, drafted) in [(Side::Radiant, radiant), (Side::Dire, dire)] {
            let won = Tally::of(1, u64::from(side == Side::Radiant));
            for (place, one) in drafted.into_iter().enumerate() {
                heroes.add(CELL, side, one, won);
                let allies = drafted[place + 1..].iter();
                pairs.extend(allies.map(|&ally| (Met::With(one, ally), won)));
            }
        }
        for one in radiant {
            pairs.extend(dire.map(|other| (Met::Against(one, other), Tally::of(1, 1))));
        }
        (heroes, pairs)
    }

    #[test]
    fn sums_become_counts_with_every_hero_that_was_seen() {
        let (mut heroes, pairs) = match_of_a_new_hero();
        heroes.add_others(Others::Modes(Part::Fit, SkillBracket::UNKNOWN), 20);
        heroes.add_others(Others::Patches, 30);
        let mut sums = heroes.finish();
        for (met, tally) in pairs {
            sums.add(CELL, met, tally).expect("its heroes are known");
        }
        sums.add_others(125, 100);
        assert!(sums.clone().finish(&[day(5)]).is_none());
        let counts = sums.finish(&[day(2), day(4)]).expect("six matches");
        assert_eq!(counts.matches_read(), 6);
        assert_eq!(counts.other_patches, 3);
        assert_eq!(counts.other_modes(&[Part::Fit], Skill::All), 2);
        assert_eq!(counts.other_modes(&[Part::HeldOut], Skill::All), 0);
        assert_eq!(counts.roster.len(), HeroId::listed().len() + 1);
        let slice = counts.slice(&[Part::Fit], Skill::All, Mode::Default);
        assert_eq!(slice.matches(), Tally::of(1, 1));
        slice.check().expect("it is of a whole match");
        let elsewhere = counts.slice(&[Part::Fit], Skill::All, Mode::Turbo);
        assert_eq!(elsewhere.matches(), Tally::default());
    }

    #[test]
    fn pairs_of_which_no_hero_is_known_are_no_pairs() {
        let mut sums = HeroSums::default().finish();
        let added = sums.add(CELL, Met::With(hero(1), hero(2)), Tally::of(1, 1));
        assert_eq!(added, Err(HeroNotListed(hero(1)).into()));
    }
}
