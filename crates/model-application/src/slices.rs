//! The slices of a patch, what is left out of them, and whose values are published.

use std::{collections::BTreeMap, str::FromStr};

use domain::SkillBracket;
use thiserror::Error;

use crate::{
    counts::Counts,
    estimate::{Parent, Priors, SliceEstimate, estimate_with_priors},
};

/// How good the players of a slice's matches are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Skill {
    /// Everybody, also where nobody knows.
    All,
    /// Herald to Crusader.
    Low,
    /// Archon and Legend.
    Medium,
    /// Ancient to Immortal.
    High,
    /// Herald and Guardian.
    HeraldGuardian,
    /// Crusader and Archon.
    CrusaderArchon,
    /// Legend and Ancient.
    LegendAncient,
    /// Divine and Immortal.
    DivineImmortal,
}

impl Skill {
    /// All of them, the whole before its parts.
    pub const EACH: [Self; 8] = [
        Self::All,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::HeraldGuardian,
        Self::CrusaderArchon,
        Self::LegendAncient,
        Self::DivineImmortal,
    ];

    /// What keys and settings call it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::HeraldGuardian => "herald_guardian",
            Self::CrusaderArchon => "crusader_archon",
            Self::LegendAncient => "legend_ancient",
            Self::DivineImmortal => "divine_immortal",
        }
    }

    /// Whether matches of that bracket belong to it; those of an unknown one only to [`Self::All`].
    #[must_use]
    pub fn includes(self, bracket: SkillBracket) -> bool {
        let brackets = match self {
            Self::All => return true,
            Self::Low => 1..=3,
            Self::Medium => 4..=5,
            Self::High => 6..=8,
            Self::HeraldGuardian => 1..=2,
            Self::CrusaderArchon => 3..=4,
            Self::LegendAncient => 5..=6,
            Self::DivineImmortal => 7..=8,
        };
        brackets.contains(&bracket.get())
    }
}

/// A word that names nothing of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not known here")]
pub struct UnknownName(pub String);

impl FromStr for Skill {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let found = Self::EACH.into_iter().find(|skill| skill.as_str() == name);
        found.ok_or_else(|| UnknownName(name.to_owned()))
    }
}

/// By which rules a slice's matches are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// All pick, the mode that most play.
    Default,
    /// Turbo, another game with the same heroes.
    Turbo,
}

impl Mode {
    /// Both.
    pub const EACH: [Self; 2] = [Self::Default, Self::Turbo];

    /// What keys and settings call it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Turbo => "turbo",
        }
    }

    /// That of a match's `game_mode`; there are others, which no slice has.
    #[must_use]
    pub const fn of_game_mode(game_mode: u8) -> Option<Self> {
        match game_mode {
            22 => Some(Self::Default),
            23 => Some(Self::Turbo),
            _ => None,
        }
    }
}

impl FromStr for Mode {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let found = Self::EACH.into_iter().find(|mode| mode.as_str() == name);
        found.ok_or_else(|| UnknownName(name.to_owned()))
    }
}

/// Whose values a slice shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Its own.
    Own,
    /// Those of all skills, because it has too few matches.
    All,
    /// Those of all skills in the patch before, because all skills have too few matches.
    EarlierPatch,
}

/// What a slice shows, and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// The estimates.
    pub estimate: SliceEstimate,
    /// Whose they are.
    pub source: Source,
    /// What was known before, where they are the slice's own.
    pub(crate) priors: Option<Priors>,
}

impl Values {
    fn own(counts: &Counts, parent: Option<Parent<'_>>) -> Self {
        let (estimate, priors) = estimate_with_priors(counts, parent);
        Self {
            estimate,
            source: Source::Own,
            priors: Some(priors),
        }
    }

    fn inherited(estimate: &SliceEstimate, source: Source) -> Self {
        Self {
            estimate: estimate.clone(),
            source,
            priors: None,
        }
    }
}

/// Estimates the slices of a mode of a patch, each from its parent: a skill from all
/// skills, all skills from all skills of the patch before.
///
/// A slice of fewer than `matches_min` matches shows its parent's values; all skills,
/// where no patch before is known, their own, however few. Without counts of all
/// skills each slice stands alone.
#[must_use]
pub fn estimate_mode(
    counts: &BTreeMap<Skill, Counts>,
    earlier: Option<&SliceEstimate>,
    matches_min: u64,
) -> BTreeMap<Skill, Values> {
    let is_enough = |counts: &Counts| counts.matches().games >= matches_min;
    let all = counts.get(&Skill::All).map(|counts| match earlier {
        Some(earlier) if !is_enough(counts) => Values::inherited(earlier, Source::EarlierPatch),
        _ => Values::own(counts, earlier.map(Parent::Earlier)),
    });
    let parts = counts.iter().filter(|(skill, _)| **skill != Skill::All);
    let parts = parts.map(|(&skill, counts)| {
        let values = match &all {
            Some(all) if !is_enough(counts) => {
                let source = match all.source {
                    Source::EarlierPatch => Source::EarlierPatch,
                    Source::Own | Source::All => Source::All,
                };
                Values::inherited(&all.estimate, source)
            }
            _ => {
                let parent = all.as_ref().map(|all| match all.source {
                    Source::EarlierPatch => Parent::Earlier(&all.estimate),
                    Source::Own | Source::All => Parent::Whole(&all.estimate),
                });
                Values::own(counts, parent)
            }
        };
        (skill, values)
    });
    let mut each: BTreeMap<_, _> = parts.collect();
    each.extend(all.map(|all| (Skill::All, all)));
    each
}

/// What became of matches: used, or left out for a reason.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MatchSums {
    /// Those that were looked at.
    pub read: u64,
    /// Those that were counted.
    pub used: u64,
    /// Those that were left out, by reason.
    pub excluded: BTreeMap<String, u64>,
}

/// Matches of which nobody knows what became.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{read} matches were read, but {used} used and {excluded} left out")]
pub struct MatchesVanished {
    /// How many were looked at.
    pub read: u64,
    /// How many were counted.
    pub used: u64,
    /// How many were left out.
    pub excluded: u64,
}

impl MatchSums {
    /// Adds those of another day.
    pub fn merge(&mut self, day: &Self) {
        self.read += day.read;
        self.used += day.used;
        for (reason, count) in &day.excluded {
            *self.excluded.entry(reason.clone()).or_default() += count;
        }
    }

    /// Adds a match: used, or left out for that reason.
    pub fn add(&mut self, left_out: Option<&str>) {
        self.read += 1;
        let Some(reason) = left_out else {
            self.used += 1;
            return;
        };
        match self.excluded.get_mut(reason) {
            Some(count) => *count += 1,
            None => {
                self.excluded.insert(reason.to_owned(), 1);
            }
        }
    }

    /// Checks that each match was counted or left out.
    ///
    /// # Errors
    /// [`MatchesVanished`].
    pub fn check(&self) -> Result<(), MatchesVanished> {
        let excluded = self.excluded.values().sum();
        if self.read == self.used + excluded {
            return Ok(());
        }
        Err(MatchesVanished {
            read: self.read,
            used: self.used,
            excluded,
        })
    }
}
