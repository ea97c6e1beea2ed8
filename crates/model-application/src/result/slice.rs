//! From the estimates of a slice to the whole numbers that are published.

use std::{collections::BTreeMap, sync::Arc};

use domain::Timestamp;

use super::{
    HoldOutResult, KindFigures, PairPoints, Points, SliceHead, SliceResult, StrengthPoints,
    ValuesFrom,
};
use crate::{
    centring::centre,
    counts::Counts,
    draft_model::{DraftModel, z_of},
    estimate::{Estimate, OfEachKind, SliceEstimate, shares},
    log_odds::points,
    pairs::PairKind,
    tally::Tally,
    triangle::Triangle,
};

/// What there is to say of a slice beside its values.
#[derive(Debug, Clone, PartialEq)]
pub struct SliceFacts {
    /// Whose values they are.
    pub from: ValuesFrom,
    /// The matches of the slice itself.
    pub matches: Tally,
    /// From when to when matches began that were looked at; the end is not included.
    pub window: (Timestamp, Timestamp),
    /// Matches that the slice left out, by reason.
    pub excluded: BTreeMap<String, u64>,
    /// What matches say that the model has not seen.
    pub holdout: Option<HoldOutResult>,
}

/// Levels are told in parts of this.
const LEVEL_PARTS: f64 = 10_000.0;
/// Points of win rate, and per cents, are told in parts of this.
const PARTS: f64 = 100.0;
/// As many games, or more.
const PRIOR_GAMES_MAX: f64 = 1e9;

impl SliceResult {
    /// Rounds what was found from these counts to what is published, with intervals
    /// that hold the truth `level` of 10,000 times.
    ///
    /// What is published is exactly symmetric: a pair is rounded once, and turned
    /// round as a whole number. Weighted by how often heroes are picked, points are
    /// centred as log-odds were: what their curve has shifted is taken out again.
    ///
    /// # Panics
    /// When the counts are of other heroes.
    #[must_use]
    pub fn of(found: &SliceEstimate, counts: &Counts, level: u16, facts: SliceFacts) -> Self {
        assert_eq!(
            &found.roster,
            counts.roster(),
            "estimates are of the heroes that were counted"
        );
        let z = z_of(f64::from(level) / LEVEL_PARTS);
        let shares = shares(counts.heroes());
        let advantages = pair_points(PairKind::Against, found, counts, &shares, z);
        let synergies = pair_points(PairKind::With, found, counts, &shares, z);
        let head = SliceHead {
            from: facts.from,
            matches: facts.matches.games,
            effective_matches: whole(facts.matches.effective_games()),
            window: facts.window,
            excluded: facts.excluded,
            prior_sd: of_each(found.prior_sd, |sd| 1_000.0 * sd),
            prior_games: of_each(found.prior_sd, |sd| {
                let games = if sd > 0.0 { 4.0 / (sd * sd) } else { 0.0 };
                games.min(PRIOR_GAMES_MAX)
            }),
            holdout: facts.holdout,
            level,
            model: Arc::new(DraftModel::of(found)),
        };
        Self {
            head,
            strengths: strength_points(found, counts, &shares, z),
            advantages,
            synergies,
            judged: None,
        }
    }
}

impl SliceResult {
    /// Shows the values of another slice of these heroes; what is the slice's own stays.
    pub(crate) fn show(&mut self, other: &Self) {
        let own = &mut self.head;
        own.prior_sd = other.head.prior_sd;
        own.prior_games = other.head.prior_games;
        own.model = Arc::clone(&other.head.model);
        self.strengths.clone_from(&other.strengths);
        self.advantages.clone_from(&other.advantages);
        self.synergies.clone_from(&other.synergies);
    }
}

fn strength_points(
    found: &SliceEstimate,
    counts: &Counts,
    shares: &[f64],
    z: f64,
) -> Vec<StrengthPoints> {
    let strengths = found.strengths.iter();
    let mean: f64 = strengths
        .zip(shares)
        .map(|(known, share)| share * points(known.value))
        .sum();
    let each = found.strengths.iter().zip(counts.heroes());
    each.map(|(known, tally)| StrengthPoints {
        points: rounded(known.drifted(), -mean, z),
        games: tally.games,
        wins: tally.wins,
        low_sample: known.is_low_sample(),
    })
    .collect()
}

fn pair_points(
    kind: PairKind,
    found: &SliceEstimate,
    counts: &Counts,
    shares: &[f64],
    z: f64,
) -> Triangle<PairPoints> {
    let (estimates, tallies) = match kind {
        PairKind::Against => (&found.advantages, counts.against()),
        PairKind::With => (&found.synergies, counts.with()),
    };
    let mut centred = estimates.map(|known| points(known.value));
    centre(&mut centred, shares, kind);
    let seen = estimates.values().iter().zip(tallies.values());
    let seen = seen.zip(centred.iter());
    let each = seen.map(|((known, tally), ((i, j), centred))| PairPoints {
        points: rounded(*known, centred - points(known.value), z),
        expected: 5_000 + nearest(PARTS * found.expected(kind, i, j)),
        games: tally.games,
        wins: tally.wins,
        low_sample: known.is_low_sample(),
    });
    Triangle::from_values(estimates.heroes(), each.collect())
}

/// An effect and its interval, all shifted by so many points.
fn rounded(known: Estimate, shift: f64, z: f64) -> Points {
    let at = |log_odds: f64| nearest(PARTS * (points(log_odds) + shift));
    Points {
        pp: at(known.value),
        lo: at(known.value - z * known.sd),
        hi: at(known.value + z * known.sd),
    }
}

fn of_each(kinds: OfEachKind, figure: impl Fn(f64) -> f64) -> KindFigures {
    KindFigures {
        strength: whole(figure(kinds.strength)),
        advantage: whole(figure(kinds.advantage)),
        synergy: whole(figure(kinds.synergy)),
    }
}

/// The nearest whole number; halves are rounded away from 0, on both sides alike.
#[expect(clippy::cast_possible_truncation, reason = "points are at most 100")]
fn nearest(value: f64) -> i32 {
    value.round() as i32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is not negative, and what is too large ends at its limit"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}
