//! Whether the counters that tables hold are those that the facts give.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Day, LeftOut, Side};

use super::{Cell, DayCounters, Games, HeroKey, PairKey, PositionKey};
use crate::ports::{DayBuild, Difference};

/// Differences of a day that are named; more say nothing new.
pub const DIFFERENCES_MAX: usize = 100;

/// The counters of a day as they are stored. Rows with the same key are summed,
/// as whoever reads the tables does.
#[derive(Debug, Clone, Default)]
pub struct StoredDay {
    /// Of `hero_days`.
    pub heroes: BTreeMap<HeroKey, Games>,
    /// Of `position_days`.
    pub positions: BTreeMap<PositionKey, Games>,
    /// Of `pair_days`.
    pub pairs: BTreeMap<PairKey, Games>,
    /// Every `build` in the rows, with the name of the table.
    pub builds: BTreeSet<(&'static str, u64)>,
    /// What is noted of the build; none if the day was never built.
    pub noted: Option<DayBuild>,
}

impl StoredDay {
    /// Every difference by itself, at most [`DIFFERENCES_MAX`] of them.
    #[must_use]
    pub fn differences(&self, day: Day, expected: &DayCounters) -> Vec<Difference> {
        let mut found = Differences {
            day,
            all: Vec::new(),
        };
        let mark = self.noted.as_ref().map_or(0, |noted| noted.mark);
        found.compare_notes(&expected.build(day, mark), self.noted.as_ref());
        for (table, build) in &self.builds {
            found.compare(|| format!("{table}.build"), mark, *build);
        }
        found.compare_games(&expected.heroes(), &self.heroes, hero_in_words);
        found.compare_games(&expected.positions(), &self.positions, position_in_words);
        found.compare_games(&expected.pairs(), &self.pairs, pair_in_words);
        found.all
    }
}

struct Differences {
    day: Day,
    all: Vec<Difference>,
}

impl Differences {
    fn compare(&mut self, what: impl FnOnce() -> String, expected: u64, found: u64) {
        if expected != found && self.all.len() < DIFFERENCES_MAX {
            self.all.push(Difference {
                day: self.day,
                what: what(),
                expected,
                found,
            });
        }
    }

    fn compare_notes(&mut self, expected: &DayBuild, found: Option<&DayBuild>) {
        let figure = |of: fn(&DayBuild) -> u64| (of(expected), found.map_or(0, of));
        let (matches, found_matches) = figure(|build| build.matches);
        self.compare(|| "day_builds.matches".to_owned(), matches, found_matches);
        let (counted, found_counted) = figure(|build| build.counted);
        self.compare(|| "day_builds.counted".to_owned(), counted, found_counted);
        for reason in LeftOut::ALL {
            let of = |build: &DayBuild| build.left_out.get(&reason).copied().unwrap_or(0);
            self.compare(
                || format!("day_builds.left_out, {reason}"),
                of(expected),
                found.map_or(0, of),
            );
        }
    }

    fn compare_games<K: Ord>(
        &mut self,
        expected: &BTreeMap<K, Games>,
        found: &BTreeMap<K, Games>,
        in_words: fn(&K) -> String,
    ) {
        let only_found = found.keys().filter(|key| !expected.contains_key(key));
        for key in expected.keys().chain(only_found) {
            let of = |games: &BTreeMap<K, Games>| games.get(key).copied().unwrap_or_default();
            let (expected, found) = (of(expected), of(found));
            let numbers = [
                ("games", expected.games, found.games),
                ("wins", expected.wins, found.wins),
            ];
            for (which, expected, found) in numbers {
                let what = || format!("{}: {which}", in_words(key));
                self.compare(what, expected.into(), found.into());
            }
        }
    }
}

fn hero_in_words(key: &HeroKey) -> String {
    let side = match key.side {
        Side::Radiant => "radiant",
        Side::Dire => "dire",
    };
    format!(
        "hero_days, hero {} on {side}, {}",
        key.hero,
        cell_in_words(&key.cell)
    )
}

fn position_in_words(key: &PositionKey) -> String {
    let PositionKey {
        hero,
        position,
        lane,
        cell,
    } = key;
    format!(
        "position_days, hero {hero} as {} in lane {lane}, {}",
        position.get(),
        cell_in_words(cell)
    )
}

fn pair_in_words(key: &PairKey) -> String {
    let PairKey {
        relation,
        hero,
        other,
        cell,
    } = key;
    let relation = relation.as_str();
    format!(
        "pair_days, hero {hero} {relation} {other}, {}",
        cell_in_words(cell)
    )
}

fn cell_in_words(cell: &Cell) -> String {
    let Cell {
        patch,
        bracket,
        game_mode,
    } = cell;
    format!("patch {patch:?}, bracket {bracket}, mode {game_mode}")
}
