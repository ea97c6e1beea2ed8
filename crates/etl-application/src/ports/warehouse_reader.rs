//! What the warehouse is asked for people and other programs.

use async_trait::async_trait;
use domain::{Day, HeroId, MatchId, MatchSummary, SkillBracket};

use super::{WarehouseError, Wish};

/// Raw counts and raw facts; no model.
#[async_trait]
pub trait WarehouseReader: Send + Sync {
    /// Games and wins of each hero, summed over what the filter leaves; ordered by hero.
    ///
    /// # Errors
    /// [`WarehouseError`] when it could not be looked up.
    async fn heroes(&self, filter: &CounterFilter) -> Result<Vec<HeroGames>, WarehouseError>;

    /// Games and wins of one hero against and with each other one; ordered by
    /// relation and the other hero.
    ///
    /// # Errors
    /// [`WarehouseError`] when it could not be looked up.
    async fn pairs(
        &self,
        hero: HeroId,
        filter: &CounterFilter,
    ) -> Result<Vec<PairGames>, WarehouseError>;

    /// What is known of a match, ordered by table and source; empty if nothing is.
    ///
    /// # Errors
    /// [`WarehouseError`] when it could not be looked up.
    async fn match_facts(&self, id: MatchId) -> Result<Vec<KnownMatch>, WarehouseError>;

    /// The wish for details of a match, if there ever was one.
    ///
    /// # Errors
    /// [`WarehouseError`] when it could not be looked up.
    async fn wish_of(&self, id: MatchId) -> Result<Option<Wish>, WarehouseError>;
}

/// Which counters are summed: all that fit what is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CounterFilter {
    /// From this day on.
    pub from: Option<Day>,
    /// Up to this day, included.
    pub to: Option<Day>,
    /// Of this patch.
    pub patch: Option<String>,
    /// Of this bracket.
    pub bracket: Option<SkillBracket>,
    /// Of this game mode.
    pub game_mode: Option<u8>,
}

/// How often a hero was played, and won.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeroGames {
    /// Which hero.
    pub hero: HeroId,
    /// In how many counted matches it was.
    pub games: u64,
    /// How many of them its side won.
    pub wins: u64,
}

/// How two heroes stand to each other in a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// On different sides.
    Against,
    /// On one side.
    With,
}

impl Relation {
    /// The word in tables and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Against => "against",
            Self::With => "with",
        }
    }
}

/// How often a hero met another, and won.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairGames {
    /// Against it or with it.
    pub relation: Relation,
    /// The other hero.
    pub other: HeroId,
    /// In how many counted matches both were.
    pub games: u64,
    /// How many of them the side of the hero asked for won.
    pub wins: u64,
}

/// What the tables of facts say of a match, as one of their kinds and sources does.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownMatch {
    /// The table of facts.
    pub table: &'static str,
    /// Who said so; empty where the table does not tell.
    pub source: String,
    /// Its version.
    pub version: u64,
    /// What it says; what the table does not hold is unknown here.
    pub summary: MatchSummary,
}
