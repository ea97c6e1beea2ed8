//! What counters mean: from the games and wins of heroes and of pairs of heroes
//! to strengths, advantages and synergies, each with how sure it is.
//!
//! Counting is done in integers and every sum has a fixed order,
//! so the same counts give the same bytes, whoever counted them and in which order.
//!
//! # The model
//!
//! All effects are log-odds of the Radiant's victory; 0.04 is about one point of
//! win rate in an even game.
//!
//! ```text
//! logit P = side + Σ strength(Radiant) − Σ strength(Dire)
//!                + Σ advantage(i over j), i in Radiant, j in Dire
//!                + Σ synergy(pairs in Radiant) − Σ synergy(pairs in Dire)
//! ```
//!
//! Strength and pairs could be exchanged for one another, so they are *centred*:
//! weighted by how often heroes are picked, a hero's advantages have the mean 0, so
//! have its synergies, and so have all strengths. An unknown opponent therefore
//! counts 0 on average.
//!
//! # Runs
//!
//! A run reads counts, estimates the slices of patches and publishes what it has
//! found: [`runs`]. Accounts are scored by their games: [`accounts`]. Both go over
//! [`ports`]; all else here are pure functions.
//!
//! Deliberately absent: how counts are read and how results look to
//! readers; the [`ports`] say what is needed for that.

pub mod accounts;
mod centring;
mod counter;
mod counts;
mod draft;
mod draft_model;
mod estimate;
mod holdout;
mod inheritance;
mod joint;
pub mod log_odds;
mod normal;
mod pairs;
mod patch_sums;
mod personal;
pub mod ports;
mod prior;
mod published;
mod result;
mod roster;
pub mod runs;
mod slices;
mod suggest;
mod tally;
mod triangle;

pub use self::{
    counter::Counter,
    counts::{Counts, CountsDoNotAddUp, NoPair},
    draft::{Draft, HeroTwice},
    draft_model::{
        DraftModel, Effect, Evaluation, Lineup, LineupError, Predictions, Score, Term, TermKind,
        z_of,
    },
    estimate::{Estimate, OfEachKind, Parent, SliceEstimate, estimate, estimate_from},
    holdout::{Calibration, Figures, HoldOut, Judgement, Rivals},
    joint::{Drafts, FromCounts, TooManyHeroes},
    patch_sums::{DaySums, HeroSums, Met, Others, PairSums},
    personal::{Account, PersonalScore, PersonalSkill, Played, SkillSpread},
    published::{EffectsUnreadable, PublishedEffects, PublishedScore, personal_effects},
    result::{
        CalibrationBin, HeroPlace, HoldOutResult, Judged, KindFigures, OfPatch, PairPoints,
        PatchHead, PatchResult, Points, Slice, SliceFacts, SliceHead, SliceResult, StrengthPoints,
        ValuesFrom, win_rate,
    },
    roster::{HeroNotListed, Roster},
    slices::{MatchSums, MatchesVanished, Mode, Skill, Source, UnknownName, Values, estimate_mode},
    suggest::{BanValue, Question, Suggestion, ban_values, suggest},
    tally::{Tally, Weight},
    triangle::Triangle,
};
