//! What the world says of its matches, counted as plainly as can be.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    num::NonZeroU32,
};

use domain::{CountingRules, Day, HeroId, MatchId, Side, SkillBracket};
use feed_simulator::{World, WorldMatch};
use serde_json::{Value, json};

/// The mode that has no segment in keys, and the other one.
const ALL_PICK: u8 = 22;
const TURBO: u8 = 23;
/// As the settings have it unless they are told otherwise.
const HELD_OUT: f64 = 0.1;

/// Games and wins.
pub(super) type Games = [u64; 2];

/// Of every match.
pub(super) struct Truth {
    slices: BTreeMap<&'static str, SliceTruth>,
    left_out: BTreeMap<&'static str, u64>,
    accounts: Vec<Account>,
}

/// Of the matches of all pick with players of a skill.
#[derive(Default)]
pub(super) struct SliceTruth {
    pub(super) matches: u64,
    /// Those of the days that are held out.
    pub(super) held_out: u64,
    heroes: BTreeMap<u16, Games>,
    /// From the side of the first.
    against: HashMap<(u16, u16), Games>,
    with: HashMap<(u16, u16), Games>,
}

/// An account, and what it has played in matches that count.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) id: u32,
    pub(super) games: u64,
    pub(super) wins: u64,
}

impl Truth {
    pub(super) fn of(world: &World, matches: NonZeroU32) -> Self {
        let first = world.first_id_at(world.begin()).get();
        let ids = first..first + i64::from(matches.get());
        let all = ids.filter_map(|id| MatchId::try_new(id).ok());
        let all: Vec<_> = all.map(|id| world.at(id)).collect();
        let held_out = held_out_days(&all);
        let mut truth = Self {
            slices: BTreeMap::new(),
            left_out: BTreeMap::new(),
            accounts: Vec::new(),
        };
        let mut accounts: BTreeMap<u32, Games> = BTreeMap::new();
        for found in &all {
            if let Some(reason) = left_out(found) {
                *truth.left_out.entry(reason).or_default() += 1;
                continue;
            }
            for line in world.players(found) {
                if let Some(account) = line.account_id {
                    let has_won = line.slot.side().has_won(found.played.radiant_win);
                    count(accounts.entry(account.get()).or_default(), has_won);
                }
            }
            if found.played.game_mode != ALL_PICK {
                continue;
            }
            let is_held_out = held_out.contains(&found.played.day());
            for skill in skills(found) {
                truth
                    .slices
                    .entry(skill)
                    .or_default()
                    .add(found, is_held_out);
            }
        }
        let accounts = accounts.into_iter();
        truth.accounts = accounts
            .map(|(id, [games, wins])| Account { id, games, wins })
            .collect();
        truth
    }

    pub(super) fn slice(&self, skill: &str) -> &SliceTruth {
        &self.slices[skill]
    }

    /// How many matches are left out, by reason.
    pub(super) fn left_out(&self) -> Value {
        json!(self.left_out)
    }

    /// Those with the most games.
    pub(super) fn most_active(&self, count: usize) -> Vec<Account> {
        let mut accounts = self.accounts.clone();
        accounts.sort_by_key(|account| std::cmp::Reverse(account.games));
        accounts.truncate(count);
        accounts
    }
}

impl SliceTruth {
    fn add(&mut self, found: &WorldMatch, is_held_out: bool) {
        self.matches += 1;
        self.held_out += u64::from(is_held_out);
        let sides = [Side::Radiant, Side::Dire].map(|side| {
            let heroes = match side {
                Side::Radiant => found.played.radiant,
                Side::Dire => found.played.dire,
            };
            let heroes: Vec<u16> = heroes.iter().flatten().map(|hero| hero.get()).collect();
            (heroes, side.has_won(found.played.radiant_win))
        });
        for (place, (heroes, has_won)) in sides.iter().enumerate() {
            let (enemies, _) = &sides[1 - place];
            for hero in heroes {
                count(self.heroes.entry(*hero).or_default(), *has_won);
                for enemy in enemies {
                    count(self.against.entry((*hero, *enemy)).or_default(), *has_won);
                }
                for friend in heroes.iter().filter(|friend| *friend != hero) {
                    count(self.with.entry((*hero, *friend)).or_default(), *has_won);
                }
            }
        }
    }

    pub(super) fn heroes(&self) -> impl Iterator<Item = u16> + '_ {
        self.heroes.keys().copied()
    }

    pub(super) fn games_of(&self, hero: u16) -> Games {
        self.heroes.get(&hero).copied().unwrap_or_default()
    }

    pub(super) fn games_against(&self, hero: u16, other: u16) -> Games {
        self.against
            .get(&(hero, other))
            .copied()
            .unwrap_or_default()
    }

    pub(super) fn games_with(&self, hero: u16, other: u16) -> Games {
        self.with.get(&(hero, other)).copied().unwrap_or_default()
    }

    /// The heroes that are picked most.
    pub(super) fn popular(&self, count: usize) -> Vec<u16> {
        let mut heroes: Vec<_> = self.heroes().collect();
        heroes.sort_by_key(|hero| std::cmp::Reverse(self.games_of(*hero)[0]));
        heroes.truncate(count);
        heroes
    }
}

pub(super) fn hero(id: u16) -> HeroId {
    HeroId::try_new(id).expect("a hero of the world")
}

/// The best that anybody can say of a draft.
pub(super) fn radiant_chance(world: &World, radiant: &[u16], dire: &[u16]) -> f64 {
    let heroes = |side: &[u16]| -> Vec<HeroId> { side.iter().map(|id| hero(*id)).collect() };
    world.radiant_chance(&heroes(radiant), &heroes(dire))
}

fn count(games: &mut Games, has_won: bool) {
    games[0] += 1;
    games[1] += u64::from(has_won);
}

/// Why a match does not count for models, if it does not.
fn left_out(found: &WorldMatch) -> Option<&'static str> {
    match CountingRules::default().judge(&found.played, found.has_leaver()) {
        Err(reason) => Some(reason.as_str()),
        Ok(()) if [ALL_PICK, TURBO].contains(&found.played.game_mode) => None,
        Ok(()) => Some("mode"),
    }
}

/// The slices that a match is in.
fn skills(found: &WorldMatch) -> Vec<&'static str> {
    let tier = found.avg_rank_tier.unwrap_or_default();
    let of_bracket = match SkillBracket::of_rank_tier(tier).get() {
        1..=3 => Some("low"),
        4..=5 => Some("medium"),
        6..=8 => Some("high"),
        _ => None,
    };
    ["all"].into_iter().chain(of_bracket).collect()
}

/// The last whole days that together have a tenth of all matches that count.
fn held_out_days(all: &[WorldMatch]) -> BTreeSet<Day> {
    let rules = CountingRules::default();
    let counted = all
        .iter()
        .filter(|found| rules.judge(&found.played, found.has_leaver()).is_ok());
    let mut days: BTreeMap<Day, u32> = BTreeMap::new();
    for found in counted {
        *days.entry(found.played.day()).or_default() += 1;
    }
    let wanted = HELD_OUT * f64::from(days.values().sum::<u32>());
    let (mut held_out, mut count) = (BTreeSet::new(), 0);
    for (day, matches) in days.into_iter().rev() {
        if f64::from(count) >= wanted {
            break;
        }
        held_out.insert(day);
        count += matches;
    }
    held_out
}
