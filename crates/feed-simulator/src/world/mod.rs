//! A world of whole matches: behind every match id there is one, by its seed.
//!
//! Nothing is stored. A match follows from the seed, the world's beginning and its id, so the
//! feed, the topic of summaries and the answers of the upstream tell the same of it, in any
//! order and in any process. Heroes are picked as often as people pick them, and who wins
//! depends a little on which heroes meet: [`World::advantage`] and [`World::synergy`] are what a
//! model can be measured by.
//!
//! It is no model of the game. Figures of players look plausible and mean nothing.

mod advantages;
mod dice;
mod heroes;
mod players;
mod world_match;

use std::{fmt, num::NonZeroU32, sync::Arc};

use domain::{HeroId, Match, MatchId, Slot, Team, Timestamp};

pub use self::world_match::WorldMatch;
use self::{
    advantages::Advantages,
    dice::Dice,
    heroes::{HeroIndex, Heroes},
};
use crate::ids::FIRST_MATCH_ID;

/// Matches that start in a day, unless told otherwise: 14 a second.
const MATCHES_A_DAY: NonZeroU32 = NonZeroU32::new(14 * 24 * 60 * 60).expect("there are some");

const SECONDS_A_DAY: i64 = 24 * 60 * 60;

/// When the world begins unless told otherwise: 2026-04-12T13:20:00Z.
const BEGIN_DEFAULT_UNIX_SECONDS: i64 = 1_776_000_000;

/// What tables can hold: from 2010 on, in 32 bits, with room for the length of a match.
const START_UNIX_SECONDS: std::ops::RangeInclusive<i64> = 1_262_304_000..=4_294_900_000;

/// In log-odds: Radiant wins 52 of 100 matches between equals.
const RADIANT_EDGE: f64 = 0.08;

const PURPOSE_CORE: u64 = 1;

/// Accounts of those who play: each comes back after some hundred thousand matches.
const ACCOUNTS: NonZeroU32 = NonZeroU32::new(3_000_000).expect("there are some");

/// Turbo's share of the hero picks that `/api/heroStats` counted in April 2026, in thousandths.
const TURBO_PER_MILLE: u32 = 318;

/// Matches of other modes than these two, in thousandths.
const OTHER_MODES_PER_MILLE: u32 = 20;

/// Picks by bracket, 1 to 7, in the same statistics, in thousandths; the rest is bracket 8,
/// of which they say nothing.
const BRACKETS_PER_MILLE: [u32; 7] = [99, 179, 196, 179, 136, 90, 93];

/// A world of matches. Clones are the same world.
#[derive(Clone)]
pub struct World {
    shared: Arc<Shared>,
}

#[derive(Clone)]
struct Shared {
    seed: u64,
    begin_unix_seconds: i64,
    matches_a_day: NonZeroU32,
    accounts: NonZeroU32,
    heroes: Heroes,
    advantages: Advantages,
}

impl World {
    /// The world of a seed, beginning in April 2026.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::beginning(
            seed,
            Timestamp::from_unix_seconds(BEGIN_DEFAULT_UNIX_SECONDS),
        )
    }

    /// The world of a seed in which the first match of a simulated feed starts at `begin`.
    #[must_use]
    pub fn beginning(seed: u64, begin: Timestamp) -> Self {
        Self::thinned(seed, begin, MATCHES_A_DAY)
    }

    /// The same with as many matches a day as this, evenly spread: what a day is made of in a
    /// part of the time. Which match is behind an id is the same whatever their number.
    #[must_use]
    pub fn thinned(seed: u64, begin: Timestamp, matches_a_day: NonZeroU32) -> Self {
        Self {
            shared: Arc::new(Shared {
                seed,
                begin_unix_seconds: begin.unix_seconds(),
                matches_a_day,
                accounts: ACCOUNTS,
                heroes: Heroes::new(),
                advantages: Advantages::new(seed),
            }),
        }
    }

    /// The same heroes and drafts, with effects of pairs that are so many times as large: the
    /// real game's, as far as known, are 0.55 times those of a world that is not told otherwise.
    #[must_use]
    pub fn with_pair_effects(&self, times: f64) -> Self {
        let mut shared = (*self.shared).clone();
        shared.advantages = Advantages::new(shared.seed).times(times);
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The same with so many accounts in all, so that each comes back as often as is needed.
    #[must_use]
    pub fn with_accounts(&self, accounts: NonZeroU32) -> Self {
        let mut shared = (*self.shared).clone();
        shared.accounts = accounts;
        Self {
            shared: Arc::new(shared),
        }
    }

    /// When the first match of a simulated feed starts.
    #[must_use]
    pub fn begin(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.shared.begin_unix_seconds)
    }

    /// The match with this id; every id has one.
    #[must_use]
    pub fn at(&self, id: MatchId) -> WorldMatch {
        let mut throws = self.dice(PURPOSE_CORE, id);
        let (lobby_type, game_mode) = mode(&mut throws);
        let duration_seconds = duration(&mut throws, game_mode);
        let picked = self.pick(&mut throws);
        let (radiant, dire) = picked.split_at(Team::SLOTS);
        let radiant_win = throws.fraction() < chance(self.log_odds(radiant, dire));
        let heroes = |side: &[HeroIndex]| -> [Option<HeroId>; Team::SLOTS] {
            std::array::from_fn(|slot| Some(self.shared.heroes.id(side[slot])))
        };
        let mut played = Match {
            id,
            start_time: self.start_time(id),
            duration_seconds,
            radiant_win,
            lobby_type,
            game_mode,
            radiant: heroes(radiant),
            dire: heroes(dire),
        };
        if duration_seconds == 0 {
            // Over before everybody had chosen.
            played.dire[Team::SLOTS - 1] = None;
            played.radiant_win = false;
        }
        let avg_rank_tier = rank_tier(&mut throws);
        WorldMatch {
            played,
            cluster: u16::try_from(111 + throws.below(160)).expect("a small number"),
            avg_rank_tier,
            num_rank_tier: avg_rank_tier.map(|_| tenth(&mut throws) + 1),
            leaver: leaver(&mut throws),
            is_parsed: throws.per_mille(200),
        }
    }

    /// When a match starts.
    #[must_use]
    pub fn start_time(&self, id: MatchId) -> Timestamp {
        let nth = i128::from(id.get() - FIRST_MATCH_ID);
        let offset = (nth * i128::from(SECONDS_A_DAY)).div_euclid(self.matches_a_day());
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        let seconds = self.shared.begin_unix_seconds.saturating_add(offset);
        let (min, max) = (*START_UNIX_SECONDS.start(), *START_UNIX_SECONDS.end());
        Timestamp::from_unix_seconds(seconds.clamp(min, max))
    }

    /// The first match that starts at this time, or the first of all.
    #[must_use]
    pub fn first_id_at(&self, start: Timestamp) -> MatchId {
        let seconds = start
            .unix_seconds()
            .saturating_sub(self.shared.begin_unix_seconds);
        // The first one that does not start before.
        let nth = -(-i128::from(seconds) * self.matches_a_day()).div_euclid(SECONDS_A_DAY.into());
        let id = i64::try_from(nth).unwrap_or(i64::MAX);
        let id = id.saturating_add(FIRST_MATCH_ID);
        MatchId::try_new(id.max(1)).expect("at least 1")
    }

    /// The heroes that are picked here, by id.
    pub fn heroes(&self) -> impl Iterator<Item = HeroId> + '_ {
        self.shared.heroes.ids()
    }

    /// What a hero is worth by itself, in log-odds of a win; 0 for one that is not picked here.
    ///
    /// Against and beside whom it is picked adds to that: a model that calls what is common to
    /// all pairs of a hero the hero's own finds the sum.
    #[must_use]
    pub fn strength(&self, hero: HeroId) -> f64 {
        let heroes = &self.shared.heroes;
        heroes
            .index(hero)
            .map_or(0.0, |index| heroes.strength(index))
    }

    /// What `hero` has over `other` on the other side, in log-odds of a win; 0 for heroes that
    /// are not picked here.
    #[must_use]
    pub fn advantage(&self, hero: HeroId, other: HeroId) -> f64 {
        self.of_pair(hero, other, Advantages::against)
    }

    /// What two heroes of one side give each other, in log-odds of a win.
    #[must_use]
    pub fn synergy(&self, hero: HeroId, other: HeroId) -> f64 {
        self.of_pair(hero, other, Advantages::with)
    }

    /// How likely Radiant wins with these heroes: the best that any model can say.
    #[must_use]
    pub fn radiant_chance(&self, radiant: &[HeroId], dire: &[HeroId]) -> f64 {
        let indexes = |side: &[HeroId]| -> Vec<HeroIndex> {
            side.iter()
                .filter_map(|hero| self.shared.heroes.index(*hero))
                .collect()
        };
        chance(self.log_odds(&indexes(radiant), &indexes(dire)))
    }

    pub(crate) fn dice(&self, purpose: u64, id: MatchId) -> Dice {
        Dice::new(self.shared.seed, purpose, id.get().unsigned_abs())
    }

    fn matches_a_day(&self) -> i128 {
        self.shared.matches_a_day.get().into()
    }

    /// Ten different heroes: Radiant's five, then Dire's.
    fn pick(&self, dice: &mut Dice) -> [HeroIndex; 2 * Team::SLOTS] {
        let mut picked = [0; 2 * Team::SLOTS];
        let mut taken = 0_u128;
        let mut count = 0;
        while count < picked.len() {
            // Four draws a throw.
            let mut bits = dice.next();
            for _ in 0..4 {
                let hero = self.shared.heroes.draw(bits);
                bits >>= 16;
                if count < picked.len() && taken & (1 << hero) == 0 {
                    taken |= 1 << hero;
                    picked[count] = hero;
                    count += 1;
                }
            }
        }
        picked
    }

    /// For Radiant.
    fn log_odds(&self, radiant: &[HeroIndex], dire: &[HeroIndex]) -> f64 {
        let Shared {
            heroes, advantages, ..
        } = &*self.shared;
        let of_side = |side: &[HeroIndex]| -> f64 {
            let alone = side.iter().map(|hero| heroes.strength(*hero));
            let together = side.iter().enumerate().flat_map(|(place, hero)| {
                side[place + 1..]
                    .iter()
                    .map(|other| advantages.with(*hero, *other))
            });
            alone.sum::<f64>() + together.sum::<f64>()
        };
        let against = radiant
            .iter()
            .flat_map(|hero| dire.iter().map(|other| advantages.against(*hero, *other)));
        RADIANT_EDGE + of_side(radiant) - of_side(dire) + against.sum::<f64>()
    }

    fn of_pair(
        &self,
        hero: HeroId,
        other: HeroId,
        of: fn(&Advantages, HeroIndex, HeroIndex) -> f64,
    ) -> f64 {
        let heroes = &self.shared.heroes;
        let pair = heroes.index(hero).zip(heroes.index(other));
        pair.map_or(0.0, |(hero, other)| {
            of(&self.shared.advantages, hero, other)
        })
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("seed", &self.shared.seed)
            .field("begin_unix_seconds", &self.shared.begin_unix_seconds)
            .field("matches_a_day", &self.shared.matches_a_day)
            .finish_non_exhaustive()
    }
}

fn chance(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// Lobby type and game mode, as the game numbers them.
fn mode(dice: &mut Dice) -> (u8, u8) {
    let kind = dice.below(1_000);
    if kind < TURBO_PER_MILLE {
        (0, 23)
    } else if kind < TURBO_PER_MILLE + OTHER_MODES_PER_MILLE {
        // Random draft, single draft, ability draft; all pick in a practice lobby and against bots.
        [(0, 3), (0, 4), (0, 18), (1, 1), (4, 1)][dice.below(5) as usize]
    } else {
        // Two of three choose the lobby that counts for their rank.
        (if dice.per_mille(667) { 7 } else { 0 }, 22)
    }
}

/// Turbo is the faster game; a few matches are over before they began.
fn duration(dice: &mut Dice, game_mode: u8) -> u32 {
    if dice.per_mille(10) {
        if dice.per_mille(200) {
            0
        } else {
            dice.between(60, 599)
        }
    } else if game_mode == 23 {
        dice.around_middle(780, 2_280)
    } else {
        dice.around_middle(1_200, 3_600)
    }
}

/// Nothing for one match in twenty, whose players do not show their rank.
fn rank_tier(dice: &mut Dice) -> Option<u8> {
    if dice.per_mille(50) {
        return None;
    }
    let mut left = dice.below(1_000);
    let mut bracket = 1;
    for share in BRACKETS_PER_MILLE {
        if left < share {
            break;
        }
        left -= share;
        bracket += 1;
    }
    Some(10 * bracket + 1 + tenth(dice) / 2)
}

/// Who left, and how: 1 was safe to leave, from 2 on it was not.
fn leaver(dice: &mut Dice) -> Option<(Slot, u8)> {
    let status = match dice.below(1_000) {
        0..20 => 1,
        20..40 => 2,
        40..45 => 3,
        45..50 => 4,
        _ => return None,
    };
    let slot = Slot::try_new(tenth(dice)).expect("ten places");
    Some((slot, status))
}

/// 0 to 9.
fn tenth(dice: &mut Dice) -> u8 {
    u8::try_from(dice.below(10)).expect("below ten")
}

#[cfg(test)]
mod tests;
