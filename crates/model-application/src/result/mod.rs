//! What a run publishes of a patch: whole numbers, so that readers of any copy see
//! the same digits.
//!
//! Deliberately absent: how documents look.

mod holdout;
mod slice;

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use domain::{HeroId, Timestamp};

use crate::{
    draft_model::DraftModel,
    ports::RunId,
    slices::{Mode, Skill, UnknownName},
    triangle::Triangle,
};

pub use self::slice::SliceFacts;

/// A slice of a patch: a mode, and how good the players are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slice {
    /// By which rules its matches are played.
    pub mode: Mode,
    /// How good their players are.
    pub skill: Skill,
}

impl fmt::Display for Slice {
    /// What keys, metrics and people call it: `skill_high`, `skill_high:mode_turbo`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "skill_{}", self.skill.as_str())?;
        match self.mode {
            Mode::Default => Ok(()),
            Mode::Turbo => write!(f, ":mode_{}", self.mode.as_str()),
        }
    }
}

impl FromStr for Slice {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let unknown = || UnknownName(name.to_owned());
        let of_skill = name.strip_prefix("skill_").ok_or_else(unknown)?;
        let (skill, mode) = match of_skill.split_once(":mode_") {
            None => (of_skill, Mode::Default),
            Some((skill, mode)) => (skill, mode.parse()?),
        };
        let slice = Self {
            mode,
            skill: skill.parse()?,
        };
        // The default mode has no segment.
        if slice.to_string() == name {
            Ok(slice)
        } else {
            Err(unknown())
        }
    }
}

/// A patch, as one run has it, with what there is of each slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfPatch<S> {
    /// The run that published it; slices that it did not compute are under its name too.
    pub run: RunId,
    /// When that run began, or when a later one found the same counts.
    pub as_of: Timestamp,
    /// The name of the patch.
    pub patch: String,
    /// Tells apart the counts it is made of; none if it was read from where readers
    /// find it, which does not say.
    pub counts_hash: Option<String>,
    /// Matches of the whole window that were left out, by reason.
    pub excluded: BTreeMap<String, u64>,
    /// Each slice.
    pub slices: BTreeMap<Slice, S>,
}

/// Everything that is published of a patch.
pub type PatchResult = OfPatch<SliceResult>;

/// What is known of a patch for good: little beside all that is published of it.
pub type PatchHead = OfPatch<SliceHead>;

impl PatchResult {
    /// The same, without what each pair of heroes has been given.
    #[must_use]
    pub fn head(&self) -> PatchHead {
        let slices = self.slices.iter();
        OfPatch {
            run: self.run,
            as_of: self.as_of,
            patch: self.patch.clone(),
            counts_hash: self.counts_hash.clone(),
            excluded: self.excluded.clone(),
            slices: slices
                .map(|(&slice, values)| (slice, values.head.clone()))
                .collect(),
        }
    }
}

/// Whose values a slice shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValuesFrom {
    /// Its own.
    Own,
    /// Those of all skills of its mode, because it has too few matches.
    AllSkills,
    /// Those of all skills of its mode in the patch of that name, because all skills
    /// have too few matches.
    EarlierPatch(String),
}

impl ValuesFrom {
    /// What documents say: `skill_high`, `skill_all`, `patch_7.40:skill_all`; with the
    /// mode as a slice's name has it.
    #[must_use]
    pub fn of_slice(&self, slice: Slice) -> String {
        let all = Slice {
            skill: Skill::All,
            ..slice
        };
        match self {
            Self::Own => slice.to_string(),
            Self::AllSkills => all.to_string(),
            Self::EarlierPatch(patch) => format!("patch_{patch}:{all}"),
        }
    }

    /// What a document of that slice says.
    #[must_use]
    pub fn read(text: &str, slice: Slice) -> Option<Self> {
        let earlier = || {
            let (patch, _) = text.strip_prefix("patch_")?.split_once(':')?;
            Some(Self::EarlierPatch(patch.to_owned()))
        };
        let all = [Some(Self::Own), Some(Self::AllSkills), earlier()];
        let mut all = all.into_iter().flatten();
        all.find(|from| from.of_slice(slice) == text)
    }
}

/// What is known of a slice, and what scores its drafts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceHead {
    /// Whose values these are. Games and win rates are then that one's too.
    pub from: ValuesFrom,
    /// Matches of the slice itself that were used.
    pub matches: u64,
    /// What they are worth, as each is weighted by its age.
    pub effective_matches: u64,
    /// From when to when matches began that were looked at; the end is not included.
    pub window: (Timestamp, Timestamp),
    /// Matches that the slice left out, by reason.
    pub excluded: BTreeMap<String, u64>,
    /// How far effects spread before anything is known of one: standard deviations, in
    /// thousandths of log-odds.
    pub prior_sd: KindFigures,
    /// As how many games that counts: `4 / sd²`; 0 where nothing spreads.
    pub prior_games: KindFigures,
    /// What matches say that the model has not seen; none where nothing was held out.
    pub holdout: Option<HoldOutResult>,
    /// How sure intervals are, in ten-thousandths: 9000 for nine of ten.
    pub level: u16,
    /// All that scores drafts.
    pub model: Arc<DraftModel>,
}

/// Everything that is published of a slice, in the order of `model.roster`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceResult {
    /// What there is to say of all of it.
    pub head: SliceHead,
    /// Of each hero.
    pub strengths: Vec<StrengthPoints>,
    /// Of the hero of each pair that comes first over the other one.
    pub advantages: Triangle<PairPoints>,
    /// Of each pair.
    pub synergies: Triangle<PairPoints>,
    /// By what later runs are judged. Readers do not find this in what is published:
    /// none if it was read from there.
    pub judged: Option<Judged>,
}

/// A whole number for each kind of effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KindFigures {
    /// Of strengths.
    pub strength: u64,
    /// Of advantages.
    pub advantage: u64,
    /// Of synergies.
    pub synergy: u64,
}

/// An effect and its interval, in hundredths of a point of win rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Points {
    /// The effect.
    pub pp: i32,
    /// The lower end of its interval.
    pub lo: i32,
    /// The upper end.
    pub hi: i32,
}

impl Points {
    /// The same, seen from the other side.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self {
            pp: -self.pp,
            lo: -self.hi,
            hi: -self.lo,
        }
    }
}

/// What a hero is worth alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StrengthPoints {
    /// Above an even game.
    pub points: Points,
    /// Games, unweighted.
    pub games: u64,
    /// Those that were won.
    pub wins: u64,
    /// Whether chance is most of what was seen.
    pub low_sample: bool,
}

/// What two heroes do to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PairPoints {
    /// Beyond what their strengths explain.
    pub points: Points,
    /// What the strengths alone explain: hundredths of a per cent of wins.
    pub expected: i32,
    /// Games of the two, unweighted.
    pub games: u64,
    /// Those that the first one won, or both.
    pub wins: u64,
    /// Whether chance is most of what was seen.
    pub low_sample: bool,
}

impl PairPoints {
    /// The same enemies, seen from the second one.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self {
            points: self.points.reversed(),
            expected: 10_000 - self.expected,
            wins: self.games - self.wins,
            ..self
        }
    }
}

/// Wins in hundredths of a per cent of games, the nearest; of none, a half. What one
/// side has and what the other has sum up to 10,000.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "at most 10,000")]
pub fn win_rate(games: u64, wins: u64) -> i32 {
    if games == 0 {
        return 5_000;
    }
    // Twice the distance from a half, rounded away from it where it is between two.
    let above = 10_000 * (2 * i128::from(wins) - i128::from(games));
    let (twice, games) = (above.abs(), i128::from(games));
    let from_half = (twice + games) / (2 * games);
    5_000 + (from_half * above.signum()) as i32
}

/// What matches say that the model has not seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldOutResult {
    /// How many.
    pub matches: u64,
    /// The model's log loss, in ten-thousandths of a nat a match.
    pub log_loss: i64,
    /// That of strengths alone.
    pub heroes_only: i64,
    /// That of who knows no heroes.
    pub constant: i64,
    /// The share whose winner was the likelier side, in thousandths.
    pub accuracy: i64,
    /// How often a won match was the likelier one of two, in thousandths.
    pub auc: i64,
    /// How far probabilities are from frequencies, in ten-thousandths.
    pub ece: i64,
    /// How outcomes follow predictions, in hundredths; 100 is neither too sure nor too careful.
    pub slope: i64,
    /// What was predicted and what came of it, by rising predictions. Readers do not
    /// find this in what is published: empty if it was read from there.
    pub calibration: Vec<CalibrationBin>,
}

/// The model that was judged: it has not seen what was held out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// All that scores drafts.
    pub model: Arc<DraftModel>,
    /// It has seen no match that began then or later.
    pub unseen_since: Timestamp,
}

/// Matches of which about the same was predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalibrationBin {
    /// How many.
    pub matches: u64,
    /// The mean probability of the Radiant's victory, in ten-thousandths.
    pub predicted: u16,
    /// The share that the Radiant won, in ten-thousandths.
    pub found: u16,
}

/// A hero as its slice has it, and everybody whom it meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeroPlace(pub usize);

impl SliceResult {
    /// The place of a hero; none if the slice does not have it.
    #[must_use]
    pub fn place(&self, hero: HeroId) -> Option<HeroPlace> {
        self.head.model.roster.place(hero).ok().map(HeroPlace)
    }

    /// Every other hero with what this one has over it, by id.
    pub fn versus(
        &self,
        HeroPlace(place): HeroPlace,
    ) -> impl Iterator<Item = (HeroId, PairPoints)> {
        self.others(place).map(move |(other, hero)| {
            let of_first = *self.advantages.get(place, other);
            let seen = if place < other {
                of_first
            } else {
                of_first.reversed()
            };
            (hero, seen)
        })
    }

    /// Every other hero with what both gain by being together, by id.
    pub fn together(
        &self,
        HeroPlace(place): HeroPlace,
    ) -> impl Iterator<Item = (HeroId, PairPoints)> {
        self.others(place)
            .map(move |(other, hero)| (hero, *self.synergies.get(place, other)))
    }

    fn others(&self, place: usize) -> impl Iterator<Item = (usize, HeroId)> {
        let heroes = self.head.model.roster.heroes().iter().copied();
        heroes.enumerate().filter(move |(other, _)| *other != place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_called_as_keys_call_them() {
        for (skill, mode, name) in [
            (Skill::High, Mode::Default, "skill_high"),
            (Skill::All, Mode::Turbo, "skill_all:mode_turbo"),
            (
                Skill::HeraldGuardian,
                Mode::Default,
                "skill_herald_guardian",
            ),
        ] {
            let slice = Slice { mode, skill };
            assert_eq!(slice.to_string(), name);
            assert_eq!(name.parse(), Ok(slice));
        }
        for no_name in [
            "high",
            "skill_",
            "skill_high:mode_default",
            "skill_high:turbo",
        ] {
            assert!(no_name.parse::<Slice>().is_err(), "{no_name}");
        }
    }

    #[test]
    fn whose_values_are_shown_is_read_again() {
        let slice = Slice {
            mode: Mode::Turbo,
            skill: Skill::Low,
        };
        for (from, text) in [
            (ValuesFrom::Own, "skill_low:mode_turbo"),
            (ValuesFrom::AllSkills, "skill_all:mode_turbo"),
            (
                ValuesFrom::EarlierPatch("7.40".to_owned()),
                "patch_7.40:skill_all:mode_turbo",
            ),
        ] {
            assert_eq!(from.of_slice(slice), text);
            assert_eq!(ValuesFrom::read(text, slice), Some(from));
        }
        assert_eq!(ValuesFrom::read("skill_all", slice), None);
    }

    #[test]
    fn win_rates_of_both_sides_sum_up() {
        for (games, wins, expected) in [
            (0, 0, 5_000),
            (4210, 2185, 5_190),
            (65_010, 31_770, 4_887),
            (8, 1, 1_250),
            (10_000, 1, 1),
            (20_000, 1, 0),
            (20_000, 19_999, 10_000),
            (u64::MAX, u64::MAX, 10_000),
        ] {
            assert_eq!(win_rate(games, wins), expected, "{wins} of {games}");
            let other = win_rate(games, games - wins);
            assert_eq!(other, 10_000 - expected, "{wins} of {games}");
        }
    }
}
