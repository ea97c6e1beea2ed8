//! Strength, advantages and synergies of a hero.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AsOf, Decimal};

macro_rules! hero_document {
    ($(#[$docs:meta])* $name:ident { $(#[$pair_docs:meta])* $pairs:ident }) => {
        $(#[$docs])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name {
            /// The version, 1.
            pub v: u32,
            /// Which run computed it.
            pub run: String,
            /// When that run began.
            pub as_of: AsOf,
            /// The patch.
            pub patch: String,
            /// The skill.
            pub skill: String,
            /// The mode.
            pub mode: String,
            /// The hero's id.
            pub hero: u16,
            /// Whose values these are: the slice's own or its parent's, which has more matches.
            pub from: String,
            /// Matches of the slice.
            pub matches: u64,
            /// How much of the possible is between `lo` and `hi`, in 0 … 1.
            pub level: Decimal<4>,
            /// What the hero is worth alone.
            pub strength: StrengthPoints,
            $(#[$pair_docs])*
            pub $pairs: BTreeMap<u16, PairPoints>,
        }
    };
}

hero_document! {
    /// Strength and advantages of a hero, under [`SliceKeys::counters`](super::SliceKeys::counters).
    CountersDocument {
        /// Every other hero, by id; `pp` is the advantage of this hero over that one.
        vs
    }
}

hero_document! {
    /// Strength and synergies of a hero, under [`SliceKeys::synergy`](super::SliceKeys::synergy).
    SynergyDocument {
        /// Every other hero, by id; `pp` is what both gain by being together.
        with
    }
}

/// What a hero is worth alone, in points of win rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrengthPoints {
    /// Above an even game.
    pub pp: Decimal<2>,
    /// The interval's lower end.
    pub lo: Decimal<2>,
    /// The interval's upper end.
    pub hi: Decimal<2>,
    /// Of all games, raw, in per cent.
    pub win_rate: Decimal<2>,
    /// Games, unweighted.
    pub games: u64,
    /// Those that were won.
    pub wins: u64,
    /// Whether chance is most of what was seen.
    #[serde(default, skip_serializing_if = "is_false")]
    pub low_sample: bool,
}

/// What two heroes do to each other, in points of win rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairPoints {
    /// Beyond what their strengths explain.
    pub pp: Decimal<2>,
    /// The interval's lower end.
    pub lo: Decimal<2>,
    /// The interval's upper end.
    pub hi: Decimal<2>,
    /// Of all games of the two, raw, in per cent.
    pub win_rate: Decimal<2>,
    /// What the strengths alone explain, in per cent.
    pub expected: Decimal<2>,
    /// Games, unweighted.
    pub games: u64,
    /// Those that this hero won.
    pub wins: u64,
    /// Whether chance is most of what was seen.
    #[serde(default, skip_serializing_if = "is_false")]
    pub low_sample: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}
