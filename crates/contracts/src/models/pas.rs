//! What is to be expected of an account.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AsOf, Decimal};

/// Scores of an account, under [`pas_key`](super::pas_key).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasDocument {
    /// The version, 1.
    pub v: u32,
    /// Which run computed it.
    pub run: String,
    /// When that run began.
    pub as_of: AsOf,
    /// The account.
    pub account: u32,
    /// The skill whose strengths are used.
    pub skill: String,
    /// How much of the possible is between `lo` and `hi`, in 0 … 1.
    pub level: Decimal<4>,
    /// Games that were looked at.
    pub games: u64,
    /// How far skills spread: standard deviations, in log-odds.
    pub prior_sd: PasPriors,
    /// Each hero that was played, by id.
    pub heroes: BTreeMap<u16, HeroScore>,
}

/// How far skills spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasPriors {
    /// Of accounts.
    pub account: Decimal<2>,
    /// Of an account's heroes.
    pub hero: Decimal<2>,
}

/// What is to be expected of an account on a hero, in points of win rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeroScore {
    /// Above an even game.
    pub pp: Decimal<2>,
    /// The interval's lower end.
    pub lo: Decimal<2>,
    /// The interval's upper end.
    pub hi: Decimal<2>,
    /// What it is made of.
    pub parts: ScoreParts,
    /// Games of the account on the hero.
    pub games: u64,
    /// Those that were won.
    pub wins: u64,
    /// How many the drafts let expect.
    pub expected_wins: Decimal<1>,
}

/// What a score is made of, in points of win rate; the parts sum up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoreParts {
    /// The hero's strength.
    pub hero: Decimal<2>,
    /// The account's skill on whatever it plays.
    pub account: Decimal<2>,
    /// Its skill on this hero beyond that.
    pub personal: Decimal<2>,
}
