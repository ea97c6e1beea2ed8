//! A match of which everything that counts is known.

use crate::{Day, HeroId, MatchId, Side, Team, Timestamp};

/// A match of which everything that counts is known.
///
/// Whether it is counted is another question; see [`CountingRules`](crate::CountingRules).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Which match.
    pub id: MatchId,
    /// When it started, to the second.
    pub start_time: Timestamp,
    /// How long it took.
    pub duration_seconds: u32,
    /// Who won: Radiant, or else Dire.
    pub radiant_win: bool,
    /// How it came about, as the game numbers it.
    pub lobby_type: u8,
    /// By which rules heroes were chosen, as the game numbers them.
    pub game_mode: u8,
    /// Radiant's heroes in the order of slots, `None` for an unfilled one.
    pub radiant: [Option<HeroId>; Team::SLOTS],
    /// Dire's heroes, in the same way.
    pub dire: [Option<HeroId>; Team::SLOTS],
}

impl Match {
    /// Every hero that played, with the side it played for: Radiant's first,
    /// each side in the order of slots. Unfilled slots give none.
    pub fn heroes(&self) -> impl Iterator<Item = (Side, HeroId)> {
        let of = |side: Side, heroes: [Option<HeroId>; Team::SLOTS]| {
            heroes.into_iter().flatten().map(move |hero| (side, hero))
        };
        of(Side::Radiant, self.radiant).chain(of(Side::Dire, self.dire))
    }

    /// The day it counts for: that on which it started.
    #[must_use]
    pub fn day(&self) -> Day {
        Day::of(self.start_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heroes_come_with_their_side_in_the_order_of_slots() {
        let hero = |raw| HeroId::try_new(raw).ok();
        let played = Match {
            id: MatchId::try_new(1).expect("positive"),
            start_time: Timestamp::from_unix_seconds(1_742_744_300),
            duration_seconds: 1_551,
            radiant_win: true,
            lobby_type: 7,
            game_mode: 22,
            radiant: [hero(10), None, hero(29), hero(86), hero(51)],
            dire: [hero(112), hero(22), hero(13), None, hero(129)],
        };
        let heroes: Vec<_> = played
            .heroes()
            .map(|(side, hero)| (side, hero.get()))
            .collect();
        let radiant = [10, 29, 86, 51].map(|hero| (Side::Radiant, hero));
        let dire = [112, 22, 13, 129].map(|hero| (Side::Dire, hero));
        assert_eq!(heroes, [radiant, dire].concat());
        assert_eq!(played.day().to_string(), "2025-03-23");
    }
}
