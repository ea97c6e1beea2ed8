//! Counting a day: the same rule wherever counters are not made by an engine,
//! and the reference against which those of an engine are held.

mod stored_day;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::{CountingRules, Day, HeroId, LeftOut, Match, Patches, Position, Side, SkillBracket};

use crate::Positions;
use crate::ports::{DayBuild, Difference, Relation};

pub use stored_day::{DIFFERENCES_MAX, StoredDay};

/// How many lines each counted match adds to the counters of heroes.
pub const HEROES_PER_MATCH: u64 = 10;
/// How many pairs of opponents a match has.
pub const PAIRS_AGAINST_PER_MATCH: u64 = 25;
/// How many pairs of allies a match has.
pub const PAIRS_WITH_PER_MATCH: u64 = 20;

/// What counters are kept apart by, beside the heroes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// The patch of the match's start; empty before the first patch known.
    pub patch: Arc<str>,
    /// The average rank.
    pub bracket: SkillBracket,
    /// The mode.
    pub game_mode: u8,
}

/// Games, and how many of them were won.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Games {
    /// Counted matches.
    pub games: u32,
    /// Those that were won.
    pub wins: u32,
}

/// Which counter of a hero.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeroKey {
    /// Which hero.
    pub hero: HeroId,
    /// On which side.
    pub side: Side,
    /// Apart by these.
    pub cell: Cell,
}

/// Which counter of a hero in a position.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PositionKey {
    /// Which hero.
    pub hero: HeroId,
    /// What it did.
    pub position: Position,
    /// In which lane it began, as upstreams number it.
    pub lane: u8,
    /// Apart by these.
    pub cell: Cell,
}

/// Which counter of a pair.
///
/// Against: `hero` is Radiant's and `other` Dire's, the wins are those of
/// `hero`. With: `hero` is the lower one of the two.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairKey {
    /// How the two stand to each other.
    pub relation: Relation,
    /// The first hero.
    pub hero: HeroId,
    /// The second one.
    pub other: HeroId,
    /// Apart by these.
    pub cell: Cell,
}

/// The counters of one day.
#[derive(Debug, Default)]
pub struct DayCounters {
    cells: HashMap<Cell, CellCounters>,
    counted: u64,
    left_out: BTreeMap<LeftOut, u64>,
}

#[derive(Debug, Default)]
struct CellCounters {
    heroes: HashMap<(HeroId, Side), Games>,
    positions: HashMap<(HeroId, Position, u8), Games>,
    pairs: HashMap<(Relation, HeroId, HeroId), Games>,
}

impl DayCounters {
    /// Judges a match, and counts it or notes why not. Positions are counted
    /// where they are known.
    pub fn add(
        &mut self,
        found: &Match,
        bracket: SkillBracket,
        has_leaver: bool,
        positions: Option<&Positions>,
        rules: &CountingRules,
        patches: &Patches,
    ) {
        if let Err(reason) = rules.judge(found, has_leaver) {
            self.leave_out(reason);
            return;
        }
        let patch = patches.at(found.start_time);
        let cell = Cell {
            patch: patch.map_or_else(|| "".into(), |patch| patch.name.as_str().into()),
            bracket,
            game_mode: found.game_mode,
        };
        self.counted += 1;
        let cell = self.cells.entry(cell).or_default();
        cell.add(found);
        if let Some(positions) = positions {
            cell.add_positions(found, positions);
        }
    }

    /// A match is not counted.
    pub fn leave_out(&mut self, reason: LeftOut) {
        *self.left_out.entry(reason).or_default() += 1;
    }

    /// How many matches are counted.
    #[must_use]
    pub fn counted(&self) -> u64 {
        self.counted
    }

    /// The counters of heroes, in order.
    #[must_use]
    pub fn heroes(&self) -> BTreeMap<HeroKey, Games> {
        let cells = self.cells.iter().flat_map(|(cell, counters)| {
            counters.heroes.iter().map(|((hero, side), games)| {
                let key = HeroKey {
                    hero: *hero,
                    side: *side,
                    cell: cell.clone(),
                };
                (key, *games)
            })
        });
        cells.collect()
    }

    /// The counters of positions, in order.
    #[must_use]
    pub fn positions(&self) -> BTreeMap<PositionKey, Games> {
        let cells = self.cells.iter().flat_map(|(cell, counters)| {
            let positions = counters.positions.iter();
            positions.map(|((hero, position, lane), games)| {
                let key = PositionKey {
                    hero: *hero,
                    position: *position,
                    lane: *lane,
                    cell: cell.clone(),
                };
                (key, *games)
            })
        });
        cells.collect()
    }

    /// The counters of pairs, in order.
    #[must_use]
    pub fn pairs(&self) -> BTreeMap<PairKey, Games> {
        let cells = self.cells.iter().flat_map(|(cell, counters)| {
            counters
                .pairs
                .iter()
                .map(|((relation, hero, other), games)| {
                    let key = PairKey {
                        relation: *relation,
                        hero: *hero,
                        other: *other,
                        cell: cell.clone(),
                    };
                    (key, *games)
                })
        });
        cells.collect()
    }

    /// What is to be noted of the day, built from what was marked at `mark`.
    #[must_use]
    pub fn build(&self, day: Day, mark: u64) -> DayBuild {
        DayBuild {
            day,
            mark,
            matches: self.counted + self.left_out.values().sum::<u64>(),
            counted: self.counted,
            left_out: self.left_out.clone(),
        }
    }
}

impl CellCounters {
    fn add(&mut self, found: &Match) {
        let side_of = |of| found.heroes().filter(move |(side, _)| *side == of);
        for (side, hero) in found.heroes() {
            let has_won = side.has_won(found.radiant_win);
            count(self.heroes.entry((hero, side)).or_default(), has_won);
            for (_, ally) in side_of(side).filter(|(_, ally)| hero < *ally) {
                let with = self.pairs.entry((Relation::With, hero, ally));
                count(with.or_default(), has_won);
            }
        }
        for (_, hero) in side_of(Side::Radiant) {
            for (_, other) in side_of(Side::Dire) {
                let against = self.pairs.entry((Relation::Against, hero, other));
                count(against.or_default(), found.radiant_win);
            }
        }
    }

    /// Of a match that counts, whose slots are all filled.
    fn add_positions(&mut self, found: &Match, positions: &Positions) {
        for ((side, hero), fact) in found.heroes().zip(positions) {
            let key = (hero, fact.position, fact.lane);
            let has_won = side.has_won(found.radiant_win);
            count(self.positions.entry(key).or_default(), has_won);
        }
    }
}

fn count(games: &mut Games, has_won: bool) {
    games.games += 1;
    games.wins += u32::from(has_won);
}

/// The sums of a day's counter tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaySums {
    /// Games of all heroes.
    pub heroes: u64,
    /// Games of all pairs of opponents.
    pub against: u64,
    /// Games of all pairs of allies.
    pub with: u64,
}

impl DaySums {
    /// What does not add up: the fourth promise, sum by sum.
    #[must_use]
    pub fn differences(&self, build: &DayBuild) -> Vec<Difference> {
        let left_out: u64 = build.left_out.values().sum();
        let sums = [
            (
                "sum(games) of hero_days",
                HEROES_PER_MATCH * build.counted,
                self.heroes,
            ),
            (
                "sum(games) of pair_days, against",
                PAIRS_AGAINST_PER_MATCH * build.counted,
                self.against,
            ),
            (
                "sum(games) of pair_days, with",
                PAIRS_WITH_PER_MATCH * build.counted,
                self.with,
            ),
            (
                "matches = counted + left out",
                build.counted + left_out,
                build.matches,
            ),
        ];
        let differ = sums
            .into_iter()
            .filter(|(_, expected, found)| expected != found);
        differ
            .map(|(what, expected, found)| Difference {
                day: build.day,
                what: what.to_owned(),
                expected,
                found,
            })
            .collect()
    }
}
