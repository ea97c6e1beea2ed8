//! What is published of an account: whole numbers, so that everybody sees the same digits.

use std::collections::BTreeMap;

use domain::{AccountId, HeroId};

use super::gathering::Gathered;
use crate::{
    estimate::Estimate,
    personal::{Account, SkillSpread},
    result::{PatchHead, Points, Slice},
    slices::{Mode, Skill},
};

/// The scores of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountResult {
    /// Whose.
    pub account: AccountId,
    /// The skill whose strengths are used.
    pub skill: Skill,
    /// How sure intervals are, in ten-thousandths.
    pub level: u16,
    /// How many games were looked at, on heroes that have scores.
    pub games: u64,
    /// How far accounts spread, and the heroes of one: standard deviations, in
    /// hundredths of log-odds.
    pub prior_sd: (u32, u32),
    /// Each hero that was played, by id.
    pub heroes: BTreeMap<HeroId, HeroResult>,
}

/// What is to be expected of an account on a hero, in a neutral draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeroResult {
    /// Above an even game: the sum of the parts.
    pub points: Points,
    /// What the hero is worth to everybody, in hundredths of points.
    pub hero: i32,
    /// What the account adds on whatever it plays, in hundredths of points.
    pub account: i32,
    /// What it adds on this hero beyond that, in hundredths of points.
    pub personal: i32,
    /// Games, unweighted.
    pub games: u64,
    /// Those that were won.
    pub wins: u64,
    /// How many the drafts let expect, in tenths.
    pub expected_wins: u64,
}

impl AccountResult {
    /// Scores an account; none without a hero that the slice knows.
    pub(super) fn of(
        gathered: &Gathered,
        patch: &PatchHead,
        skill: Skill,
        spread: SkillSpread,
        level: u16,
    ) -> Option<Self> {
        let slice = Slice {
            mode: Mode::Default,
            skill,
        };
        let model = &patch.slices.get(&slice)?.model;
        let account = Account::of(&gathered.heroes, spread);
        let mut heroes = BTreeMap::new();
        for played in &gathered.heroes {
            let Ok(place) = model.roster.place(played.hero) else {
                continue;
            };
            let strength = model.strengths[place];
            let strength = Estimate {
                value: f64::from(strength.value) / 1000.0,
                sd: f64::from(strength.sd) / 1000.0,
                prior_sd: 0.0,
            };
            let skill = account.skill_on(played);
            let score = skill.score(strength, f64::from(level) / 10_000.0);
            let hero = hundredths(score.hero_pp);
            let with_account = hundredths(score.hero_pp + score.account_pp);
            let pp = hundredths(score.pp);
            let result = HeroResult {
                points: Points {
                    pp,
                    lo: hundredths(score.lo),
                    hi: hundredths(score.hi),
                },
                hero,
                account: with_account - hero,
                personal: pp - with_account,
                games: played.games,
                wins: played.wins,
                expected_wins: whole(10.0 * played.expected_wins).into(),
            };
            heroes.insert(played.hero, result);
        }
        let games = heroes.values().map(|hero| hero.games).sum();
        let sd = |variance: f64| whole(100.0 * variance.max(0.0).sqrt());
        (!heroes.is_empty()).then(|| Self {
            account: gathered.account,
            skill,
            level,
            games,
            prior_sd: (sd(spread.account), sd(spread.hero)),
            heroes,
        })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "points are at most 100")]
fn hundredths(points: f64) -> i32 {
    (100.0 * points).round() as i32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is not negative, and what is too large ends at its limit"
)]
fn whole(value: f64) -> u32 {
    value.round() as u32
}
