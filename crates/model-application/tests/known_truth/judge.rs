//! How far estimates are from the truth.

use model_application::{
    Counts, Estimate, SliceEstimate, Tally, Triangle,
    log_odds::{points, probability},
};

use crate::world::{World, score};

const Z_95: f64 = 1.959_963_984_540_054;
const UNSEEN_DRAFTS: usize = 40_000;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Verdict {
    /// Root mean squares, weighted by games, in points of win rate.
    pub(crate) advantage_error_pp: f64,
    pub(crate) synergy_error_pp: f64,
    pub(crate) strength_error_pp: f64,
    /// The error of win rates minus what the heroes' own win rates let expect.
    pub(crate) raw_advantage_error_pp: f64,
    /// The share of 95% intervals that hold the truth.
    pub(crate) advantage_coverage: f64,
    pub(crate) synergy_coverage: f64,
    /// The share of 95% intervals of advantages that exclude 0.
    pub(crate) away_from_zero: f64,
    pub(crate) advantage_prior_sd: f64,
    /// The estimated spread of advantages by the true one.
    pub(crate) advantage_spread: f64,
    /// The share of the log loss that can be explained and is.
    pub(crate) captured: f64,
    /// Of the truth on what was estimated; 1 is neither too sure nor too careful.
    pub(crate) calibration_slope: f64,
}

impl Verdict {
    pub(crate) fn mean(verdicts: &[Self]) -> Self {
        let mean =
            |of: fn(&Self) -> f64| verdicts.iter().map(of).sum::<f64>() / verdicts.len() as f64;
        Self {
            advantage_error_pp: mean(|v| v.advantage_error_pp),
            synergy_error_pp: mean(|v| v.synergy_error_pp),
            strength_error_pp: mean(|v| v.strength_error_pp),
            raw_advantage_error_pp: mean(|v| v.raw_advantage_error_pp),
            advantage_coverage: mean(|v| v.advantage_coverage),
            synergy_coverage: mean(|v| v.synergy_coverage),
            away_from_zero: mean(|v| v.away_from_zero),
            advantage_prior_sd: mean(|v| v.advantage_prior_sd),
            advantage_spread: mean(|v| v.advantage_spread),
            captured: mean(|v| v.captured),
            calibration_slope: mean(|v| v.calibration_slope),
        }
    }
}

pub(crate) fn judge(world: &World, counts: &Counts, found: &SliceEstimate) -> Verdict {
    let advantages = judge_pairs(counts.against(), &found.advantages, &world.advantages);
    let synergies = judge_pairs(counts.with(), &found.synergies, &world.synergies);
    let strength_errors = found
        .strengths
        .iter()
        .zip(&world.strengths)
        .zip(&world.shares);
    let strength_error: f64 = strength_errors
        .map(|((found, truth), share)| share * (points(found.value) - points(*truth)).powi(2))
        .sum();
    let true_spread = root_mean_square(world.advantages.iter().flatten());
    let drafts = judge_drafts(world, counts, found);
    Verdict {
        advantage_error_pp: advantages.error_pp,
        synergy_error_pp: synergies.error_pp,
        strength_error_pp: strength_error.sqrt(),
        raw_advantage_error_pp: raw_error(counts, world),
        advantage_coverage: advantages.coverage,
        synergy_coverage: synergies.coverage,
        away_from_zero: advantages.away_from_zero,
        advantage_prior_sd: found.prior_sd.advantage,
        advantage_spread: found.prior_sd.advantage / true_spread,
        captured: drafts.0,
        calibration_slope: drafts.1,
    }
}

struct Pairs {
    error_pp: f64,
    coverage: f64,
    away_from_zero: f64,
}

fn judge_pairs(games: &Triangle<Tally>, found: &Triangle<Estimate>, truth: &[Vec<f64>]) -> Pairs {
    let count = found.values().len() as f64;
    let (mut error, mut weight, mut held, mut away) = (0.0, 0.0, 0.0, 0.0);
    for ((i, j), estimate) in found.iter() {
        let (truth, games) = (truth[i][j], games.get(i, j).games as f64);
        error += games * (points(estimate.value) - points(truth)).powi(2);
        weight += games;
        held += f64::from(u8::from(
            (estimate.value - truth).abs() < Z_95 * estimate.sd,
        ));
        away += f64::from(u8::from(estimate.value.abs() > Z_95 * estimate.sd));
    }
    Pairs {
        error_pp: (error / weight).sqrt(),
        coverage: held / count,
        away_from_zero: away / count,
    }
}

/// Advantages as many sites show them.
fn raw_error(counts: &Counts, world: &World) -> f64 {
    let rate = |tally: &Tally| tally.wins as f64 / tally.games.max(1) as f64;
    let (mut error, mut weight) = (0.0, 0.0);
    for ((i, j), tally) in counts.against().iter().filter(|(_, tally)| tally.games > 0) {
        let expected = rate(&counts.heroes()[i]) + 0.5 - rate(&counts.heroes()[j]);
        let found = points(4.0 * (rate(tally) - expected));
        let games = tally.games as f64;
        error += games * (found - points(world.advantages[i][j])).powi(2);
        weight += games;
    }
    (error / weight).sqrt()
}

/// The captured share and the slope of calibration, over drafts nobody has seen.
fn judge_drafts(world: &World, counts: &Counts, found: &SliceEstimate) -> (f64, f64) {
    let constant = counts.matches().wins as f64 / counts.matches().games as f64;
    let (mut loss, mut least, mut most) = (0.0, 0.0, 0.0);
    let (mut sums, mut squares, mut products) = ((0.0, 0.0), 0.0, 0.0);
    for drafted in world.unseen(UNSEEN_DRAFTS) {
        let truth = world.truth(&drafted);
        let estimate = score_by(found, &drafted);
        let chance = probability(truth);
        let log_loss = |said: f64| -(chance * said.ln() + (1.0 - chance) * (1.0 - said).ln());
        loss += log_loss(probability(estimate));
        least += log_loss(chance);
        most += log_loss(constant);
        sums = (sums.0 + estimate, sums.1 + truth);
        squares += estimate * estimate;
        products += estimate * truth;
    }
    let count = UNSEEN_DRAFTS as f64;
    let slope = (products - sums.0 * sums.1 / count) / (squares - sums.0 * sums.0 / count);
    ((most - loss) / (most - least), slope)
}

fn score_by(found: &SliceEstimate, drafted: &[usize; 10]) -> f64 {
    score(
        drafted,
        found.side,
        |hero| found.strengths[hero].value,
        |ours, theirs| {
            let advantage = found.advantages.get(ours, theirs).value;
            if ours < theirs { advantage } else { -advantage }
        },
        |one, other| found.synergies.get(one, other).value,
    )
}

fn root_mean_square<'a>(values: impl Iterator<Item = &'a f64>) -> f64 {
    let off_diagonal: Vec<_> = values.filter(|value| **value != 0.0).collect();
    let sum: f64 = off_diagonal.iter().map(|value| *value * *value).sum();
    (sum / off_diagonal.len() as f64).sqrt()
}
