//! Where counts come from, and the drafts that no count has seen.

use std::{collections::BTreeMap, ops::Range};

use async_trait::async_trait;
use domain::{CountingRules, Day, HeroId, LeftOut, Match, MatchId, SkillBracket, Team, Timestamp};

use super::ReadError;
use crate::{
    counts::Counts,
    draft::Draft,
    roster::Roster,
    slices::{MatchSums, Mode, Skill},
    tally::Weight,
};

/// The counters of the warehouse, which somebody else builds day by day, and the
/// facts of days for which counters do not do. Nothing is ever changed.
///
/// Each call has an end: an answer, or an error after a time that is the
/// reader's own. Dropping a call stops what was asked.
#[async_trait]
pub trait CounterReader: Send + Sync {
    /// How the days from `from` to `to`, both included, were built last, the oldest
    /// first. Days that were never built are absent.
    ///
    /// # Errors
    /// [`ReadError`]; never [`ReadError::DayChanged`].
    async fn day_builds(&self, from: Day, to: Day) -> Result<Vec<DayBuild>, ReadError>;

    /// The newest day with a match that is counted; none if no day has one.
    ///
    /// # Errors
    /// [`ReadError`]; never [`ReadError::DayChanged`].
    async fn newest_day(&self) -> Result<Option<Day>, ReadError>;

    /// Games and wins of a patch, summed over days, each with its weight. No day
    /// is to be named twice.
    ///
    /// MUST be of the very builds that were asked for: of each day all that its
    /// build has counted, or an error. A day without rows is as its note says.
    ///
    /// # Errors
    /// [`ReadError::DayChanged`] names a day whose counters are not those of its
    /// build: look how it [was built](Self::day_builds), and read again.
    async fn counts(&self, patch: &str, days: &[DayToRead]) -> Result<PatchCounts, ReadError>;

    /// Hands over each match that started on one of the days and within `during`,
    /// a patch's time, and counts by the rules; one after another, in an order that
    /// is the same each time. What became of all of them, by the word for the reason;
    /// matches of modes that no slice has are left out as [`OTHER_MODE`].
    ///
    /// These are the facts as they are now: there may be more of them than the
    /// day's build has seen. MUST hold a few of them at a time, however many there are.
    ///
    /// # Errors
    /// [`ReadError`]; what was handed over is to be forgotten. Never
    /// [`ReadError::DayChanged`].
    async fn drafts(
        &self,
        days: &[Day],
        during: Range<Timestamp>,
        rules: &CountingRules,
        each: &mut (dyn FnMut(DraftSeen) + Send),
    ) -> Result<MatchSums, ReadError>;

    /// Tries everything that this reader needs: that it may enter, and that each
    /// table and column is there.
    ///
    /// # Errors
    /// [`ReadError::Unfit`] names what is missing.
    async fn check(&self) -> Result<Trial, ReadError>;
}

/// The reason for which matches of modes that no slice has are left out.
pub const OTHER_MODE: &str = "mode";

/// A day, as its counters were built last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayBuild {
    /// Which day.
    pub day: Day,
    /// Which build: all counters of the day carry it.
    pub build: u64,
    /// When it was built.
    pub built_at: Timestamp,
    /// What became of its matches, of all patches; reasons have the builder's names.
    pub sums: MatchSums,
}

impl DayBuild {
    /// What is to be read of it.
    #[must_use]
    pub fn to_read(&self, weight: Weight, part: Part) -> DayToRead {
        DayToRead {
            day: self.day,
            build: self.build,
            counted: self.sums.used,
            weight,
            part,
        }
    }
}

/// What a day is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// What is judged is estimated from it.
    Fit,
    /// What is judged is judged by it.
    HeldOut,
}

/// A day whose counters are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayToRead {
    /// Which day.
    pub day: Day,
    /// The build that is wanted, and no other.
    pub build: u64,
    /// How many matches that build has counted, of all patches.
    pub counted: u64,
    /// How much each of its matches counts.
    pub weight: Weight,
    /// What it is read for.
    pub part: Part,
}

/// What matches have in common that are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// What their days are read for.
    pub part: Part,
    /// By which rules they were played.
    pub mode: Mode,
    /// How good their players were.
    pub bracket: SkillBracket,
}

/// The games and wins of a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchCounts {
    /// The heroes of the built-in list, and each that was seen besides; that of
    /// all counts here.
    pub roster: Roster,
    /// What was counted; cells without a match are absent.
    pub cells: BTreeMap<Cell, Counts>,
    /// How many matches of the patch were played in modes that no slice has.
    pub other_modes: BTreeMap<(Part, SkillBracket), u64>,
    /// How many matches of these days are of other patches.
    pub other_patches: u64,
}

impl PatchCounts {
    /// The counts of a slice over the days of these parts; both parts have the same
    /// roster, so what is counted for one [adds](Counts::merge) to the other.
    #[must_use]
    pub fn slice(&self, parts: &[Part], skill: Skill, mode: Mode) -> Counts {
        let mut counts = Counts::new(self.roster.clone());
        for (cell, of_cell) in &self.cells {
            let is_of_slice = cell.mode == mode && skill.includes(cell.bracket);
            if is_of_slice && parts.contains(&cell.part) {
                counts.merge(of_cell);
            }
        }
        counts
    }

    /// How many matches of a skill were played in modes that no slice has.
    #[must_use]
    pub fn other_modes(&self, parts: &[Part], skill: Skill) -> u64 {
        let each = self.other_modes.iter();
        let wanted =
            each.filter(|((part, bracket), _)| parts.contains(part) && skill.includes(*bracket));
        wanted.map(|(_, matches)| matches).sum()
    }

    /// How many matches were read: those of cells, of other modes and of other
    /// patches. As many as the builds of the days have counted.
    #[must_use]
    pub fn matches_read(&self) -> u64 {
        let counted = self.cells.values().map(|counts| counts.matches().games);
        counted.sum::<u64>() + self.other_modes.values().sum::<u64>() + self.other_patches
    }
}

/// A match that counts, for whoever predicts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DraftSeen {
    /// Which match.
    pub match_id: MatchId,
    /// Its heroes.
    pub draft: Draft,
    /// By which rules it was played.
    pub mode: Mode,
    /// How good its players were.
    pub bracket: SkillBracket,
    /// Who won.
    pub radiant_win: bool,
}

impl DraftSeen {
    /// A match that was read, if it counts for a slice.
    ///
    /// # Errors
    /// The word for why it does not.
    pub fn judge(
        played: &Match,
        bracket: SkillBracket,
        has_leaver: bool,
        rules: &CountingRules,
    ) -> Result<Self, &'static str> {
        let judged = rules.judge(played, has_leaver);
        judged.map_err(LeftOut::as_str)?;
        let mode = Mode::of_game_mode(played.game_mode).ok_or(OTHER_MODE)?;
        let side = |heroes: [Option<HeroId>; Team::SLOTS]| {
            heroes.map(|hero| hero.expect("a match that counts has all its heroes"))
        };
        let draft = Draft::try_new(side(played.radiant), side(played.dire));
        Ok(Self {
            match_id: played.id,
            draft: draft.expect("a match that counts has no hero twice"),
            mode,
            bracket,
            radiant_win: played.radiant_win,
        })
    }
}

/// What a trial of the warehouse has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// Where it is, and what it says that it is: for people.
    pub place: String,
    /// The newest day with a match that is counted.
    pub newest_day: Option<Day>,
    /// What its clock says; that of this machine if it has none of its own.
    pub now: Timestamp,
}
