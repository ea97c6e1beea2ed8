//! What is counted of the matches of a day, in the words of the contract and as plainly as can
//! be: it shares nothing with whoever counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use contracts::warehouse::{HeroDayRow, PairDayRow, Relation, SideCode};
use domain::{Day, HeroId, LeftOut, Patches};
use feed_simulator::{WorldMatch, summaries::DayCounts};

use crate::rows::day_number;

/// Lobbies that are counted, and how long a match has to be.
const LOBBIES: [u8; 2] = [0, 7];
const DURATION_MIN_SECONDS: u32 = 600;
/// From this one on whoever left was not safe to leave.
const LEAVER_STATUS_MIN: u8 = 2;

/// Day, patch, bracket and mode.
type Cell = (u16, usize, u8, u8);
/// Games and wins.
type Games = (u32, u32);

pub(super) struct Counted {
    patches: Patches,
    names: Vec<String>,
    days: BTreeMap<Day, DayCounts>,
    heroes: HashMap<(Cell, SideCode, u16), Games>,
    pairs: HashMap<(Cell, Relation, u16, u16), Games>,
}

impl Counted {
    pub(super) fn new() -> Self {
        let patches = Patches::built_in();
        Self {
            names: patches.iter().map(|patch| patch.name.clone()).collect(),
            patches,
            days: BTreeMap::new(),
            heroes: HashMap::new(),
            pairs: HashMap::new(),
        }
    }

    /// One more match, of which the rank and who left are known or not.
    pub(super) fn add(&mut self, found: &WorldMatch, knows_rank: bool, knows_leaver: bool) {
        let played = &found.played;
        let day = played.day();
        let of_day = self.days.entry(day).or_default();
        let leaver = found.leaver.map(|(_, status)| status);
        if let Some(reason) = left_out(found, leaver.filter(|_| knows_leaver)) {
            *of_day.left_out.entry(reason).or_default() += 1;
            return;
        }
        of_day.counted += 1;
        let bracket = found
            .avg_rank_tier
            .filter(|_| knows_rank)
            .map(|tier| tier / 10);
        let bracket = bracket.filter(|bracket| (1..=8).contains(bracket));
        let begun = self.patches.iter();
        let begun = begun.filter(|patch| patch.since <= played.start_time);
        let patch = begun.count();
        let cell = (
            day_number(day),
            patch,
            bracket.unwrap_or(0),
            played.game_mode,
        );
        let radiant: Vec<u16> = played
            .radiant
            .iter()
            .flatten()
            .map(|hero| hero.get())
            .collect();
        let dire: Vec<u16> = played
            .dire
            .iter()
            .flatten()
            .map(|hero| hero.get())
            .collect();
        let radiant_won = u32::from(played.radiant_win);
        for (side, heroes, won) in [
            (SideCode::Radiant, &radiant, radiant_won),
            (SideCode::Dire, &dire, 1 - radiant_won),
        ] {
            for (place, hero) in heroes.iter().enumerate() {
                count(self.heroes.entry((cell, side, *hero)).or_default(), won);
                for other in &heroes[place + 1..] {
                    let (low, high) = (*hero.min(other), *hero.max(other));
                    let pair = (cell, Relation::With, low, high);
                    count(self.pairs.entry(pair).or_default(), won);
                }
            }
        }
        for hero in &radiant {
            for other in &dire {
                let pair = (cell, Relation::Against, *hero, *other);
                count(self.pairs.entry(pair).or_default(), radiant_won);
            }
        }
    }

    pub(super) fn into_days(self) -> BTreeMap<Day, DayCounts> {
        self.days
    }

    pub(super) fn heroes(&self) -> Vec<HeroDayRow> {
        let heroes = self.heroes.iter();
        heroes
            .map(|((cell, side, hero), (games, wins))| HeroDayRow {
                day: cell.0,
                patch: self.patch(*cell),
                bracket: cell.2,
                game_mode: cell.3,
                side: *side,
                hero: *hero,
                games: *games,
                wins: *wins,
                build: 0,
            })
            .collect()
    }

    pub(super) fn pairs(&self) -> Vec<PairDayRow> {
        let pairs = self.pairs.iter();
        pairs
            .map(
                |((cell, relation, hero, other), (games, wins))| PairDayRow {
                    day: cell.0,
                    patch: self.patch(*cell),
                    bracket: cell.2,
                    game_mode: cell.3,
                    relation: *relation,
                    hero: *hero,
                    other: *other,
                    games: *games,
                    wins: *wins,
                    build: 0,
                },
            )
            .collect()
    }

    /// The last one that had begun, if any had.
    fn patch(&self, cell: Cell) -> String {
        let last = cell.1.checked_sub(1);
        last.map_or_else(String::new, |last| self.names[last].clone())
    }
}

fn count(games: &mut Games, won: u32) {
    games.0 += 1;
    games.1 += won;
}

/// The first reason that applies, if any does.
fn left_out(found: &WorldMatch, leaver: Option<u8>) -> Option<LeftOut> {
    let played = &found.played;
    let slots = || played.radiant.iter().chain(&played.dire);
    let different: BTreeSet<HeroId> = slots().flatten().copied().collect();
    if slots().any(Option::is_none) {
        Some(LeftOut::HeroUnknown)
    } else if different.len() < 10 {
        Some(LeftOut::HeroRepeated)
    } else if !LOBBIES.contains(&played.lobby_type) {
        Some(LeftOut::Lobby)
    } else if leaver.is_some_and(|status| status >= LEAVER_STATUS_MIN) {
        Some(LeftOut::Leaver)
    } else if played.duration_seconds < DURATION_MIN_SECONDS {
        Some(LeftOut::TooShort)
    } else {
        None
    }
}
