//! What is counted of the facts, built and replaced by the day.
//!
//! All rows of a day have the same `build`: the mark of the day that the builder saw.

use super::{
    codes::{Relation, SideCode},
    table_row,
};

table_row! {
    /// Games and wins of a hero.
    HeroDayRow in "hero_days" {
        /// The day on which the matches started.
        day: u16,
        /// The version of the game; empty before the first that is known.
        patch: String,
        /// How good the players were, 1 to 8, or 0 when unknown.
        bracket: u8,
        /// By which rules heroes were chosen.
        game_mode: u8,
        /// The hero's side.
        side: SideCode,
        /// Which hero.
        hero: u16,
        /// Matches with the hero.
        games: u32,
        /// Those that the hero's side won.
        wins: u32,
        /// The mark of the day when it was counted.
        build: u64,
    }
}

table_row! {
    /// Games and wins of a hero in a position; of matches only whose replay was read.
    PositionDayRow in "position_days" {
        /// The day on which the matches started.
        day: u16,
        /// The version of the game; empty before the first that is known.
        patch: String,
        /// How good the players were, 1 to 8, or 0 when unknown.
        bracket: u8,
        /// By which rules heroes were chosen.
        game_mode: u8,
        /// Which hero.
        hero: u16,
        /// The lane, as the upstream numbers it.
        lane: u8,
        /// What the hero did there, 1 to 5.
        position: u8,
        /// Matches with the hero there.
        games: u32,
        /// Those that the hero's side won.
        wins: u32,
        /// The mark of the day when it was counted.
        build: u64,
    }
}

table_row! {
    /// Games and wins of two heroes, each pair once: of opponents `hero` is Radiant's,
    /// of comrades it has the lower id.
    PairDayRow in "pair_days" {
        /// The day on which the matches started.
        day: u16,
        /// The version of the game; empty before the first that is known.
        patch: String,
        /// How good the players were, 1 to 8, or 0 when unknown.
        bracket: u8,
        /// By which rules heroes were chosen.
        game_mode: u8,
        /// How they met.
        relation: Relation,
        /// One of them.
        hero: u16,
        /// The other one.
        other: u16,
        /// Matches in which they met so.
        games: u32,
        /// Those that the side of `hero` won.
        wins: u32,
        /// The mark of the day when it was counted.
        build: u64,
    }
}

table_row! {
    /// A row of the view that shows each pair of `pair_days` from both sides.
    PairRow in "pairs" {
        /// The day on which the matches started.
        day: u16,
        /// The version of the game; empty before the first that is known.
        patch: String,
        /// How good the players were, 1 to 8, or 0 when unknown.
        bracket: u8,
        /// By which rules heroes were chosen.
        game_mode: u8,
        /// How they met.
        relation: Relation,
        /// Whose wins are counted.
        hero: u16,
        /// Whom that hero met.
        other: u16,
        /// Matches in which they met so.
        games: u32,
        /// Those that the side of `hero` won.
        wins: u32,
        /// The mark of the day when it was counted.
        build: u64,
    }
}
