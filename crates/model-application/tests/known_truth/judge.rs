//! How far estimates are from the truth.

use model_application::{
    Counts, Estimate, SliceEstimate, Tally, Triangle,
    log_odds::{points, probability},
};

use crate::{
    dice::{Dice, Picker},
    world::{HEROES, World, score},
};

const Z_95: f64 = 1.959_963_984_540_054;
const UNSEEN_DRAFTS: usize = 200_000;
const BINS: usize = 20;
const LAST_PICKS: usize = 4000;
const BANS: usize = 14;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Verdict {
    /// Root mean squares, weighted by games, in points of win rate.
    pub(crate) advantage_error_pp: f64,
    pub(crate) synergy_error_pp: f64,
    pub(crate) strength_error_pp: f64,
    /// How many times larger the error is of win rates minus what the heroes' own
    /// win rates let expect.
    pub(crate) raw_error_ratio: f64,
    /// The share of 95% intervals that hold the truth.
    pub(crate) advantage_coverage: f64,
    pub(crate) synergy_coverage: f64,
    /// The same of pairs of the quarter that has met least, and of that which has most.
    pub(crate) rare_coverage: f64,
    pub(crate) popular_coverage: f64,
    /// The share of 95% intervals of advantages that exclude 0.
    pub(crate) away_from_zero: f64,
    pub(crate) advantage_prior_sd: f64,
    /// The estimated spread of advantages by the true one.
    pub(crate) advantage_spread: f64,
    /// The share of the log loss that can be explained and is.
    pub(crate) captured: f64,
    /// How much more of it than by the heroes alone.
    pub(crate) captured_by_pairs: f64,
    /// How far probabilities are from what they should be, over twenty bins.
    pub(crate) calibration_error: f64,
    /// Of the truth on what was estimated; 1 is neither too sure nor too careful.
    pub(crate) calibration_slope: f64,
    /// What is lost against the best last pick, in points of win rate.
    pub(crate) regret_pp: f64,
}

pub(crate) fn judge(world: &World, counts: &Counts, found: &SliceEstimate) -> Verdict {
    let flat = world.flattening();
    let flattened = |truth: &[Vec<f64>]| -> Vec<Vec<f64>> {
        let row = |row: &Vec<f64>| row.iter().map(|effect| flat * effect).collect();
        truth.iter().map(row).collect()
    };
    let (advantages, synergies) = (flattened(&world.advantages), flattened(&world.synergies));
    let against = judge_pairs(counts.against(), &found.advantages, &advantages);
    let with = judge_pairs(counts.with(), &found.synergies, &synergies);
    let drafts = judge_drafts(world, counts, found);
    Verdict {
        advantage_error_pp: against.error_pp,
        synergy_error_pp: with.error_pp,
        strength_error_pp: strength_error(world, found),
        raw_error_ratio: raw_error(counts, &advantages) / against.error_pp,
        advantage_coverage: against.coverage,
        synergy_coverage: with.coverage,
        rare_coverage: against.rare_coverage,
        popular_coverage: against.popular_coverage,
        away_from_zero: against.away_from_zero,
        advantage_prior_sd: found.prior_sd.advantage,
        advantage_spread: found.prior_sd.advantage / root_mean_square(advantages.iter().flatten()),
        captured: drafts.captured,
        captured_by_pairs: drafts.captured - drafts.captured_by_heroes,
        calibration_error: drafts.calibration_error,
        calibration_slope: drafts.calibration_slope,
        regret_pp: regret(world, found),
    }
}

/// Over the players' heroes as they are picked; the level is nobody's.
fn strength_error(world: &World, found: &SliceEstimate) -> f64 {
    let flat = world.flattening();
    let of_all = |value: &dyn Fn(usize) -> f64| -> f64 {
        let weighted = (0..HEROES).map(|hero| world.shares[hero] * value(hero));
        weighted.sum()
    };
    let error = |hero: usize| found.strengths[hero].value - flat * world.strengths[hero];
    let level = of_all(&error);
    25.0 * of_all(&|hero| (error(hero) - level).powi(2)).sqrt()
}

struct Pairs {
    error_pp: f64,
    coverage: f64,
    rare_coverage: f64,
    popular_coverage: f64,
    away_from_zero: f64,
}

fn judge_pairs(games: &Triangle<Tally>, found: &Triangle<Estimate>, truth: &[Vec<f64>]) -> Pairs {
    let (mut error, mut weight, mut away) = (0.0, 0.0, 0.0);
    let mut held = Vec::with_capacity(found.values().len());
    for ((i, j), estimate) in found.iter() {
        let (truth, met) = (truth[i][j], games.get(i, j).games);
        let games = met as f64;
        error += games * (points(estimate.value) - points(truth)).powi(2);
        weight += games;
        held.push((met, (estimate.value - truth).abs() < Z_95 * estimate.sd));
        away += f64::from(u8::from(estimate.value.abs() > Z_95 * estimate.sd));
    }
    held.sort_by_key(|(met, _)| *met);
    let coverage = |pairs: &[(u64, bool)]| {
        let held = pairs.iter().filter(|(_, held)| *held).count();
        held as f64 / pairs.len() as f64
    };
    let quarter = held.len() / 4;
    Pairs {
        error_pp: (error / weight).sqrt(),
        coverage: coverage(&held),
        rare_coverage: coverage(&held[..quarter]),
        popular_coverage: coverage(&held[held.len() - quarter..]),
        away_from_zero: away / held.len() as f64,
    }
}

/// Advantages as many sites show them.
fn raw_error(counts: &Counts, truth: &[Vec<f64>]) -> f64 {
    let rate = |tally: &Tally| tally.wins as f64 / tally.games.max(1) as f64;
    effect_error(counts.against(), truth, |i, j| {
        let heroes = counts.heroes();
        let expected = rate(&heroes[i]) + 0.5 - rate(&heroes[j]);
        4.0 * (rate(counts.against().get(i, j)) - expected)
    })
}

/// How far advantages are from the truth: a root mean square, weighted by games, in
/// points of win rate.
pub(crate) fn advantage_error(
    world: &World,
    counts: &Counts,
    found: impl Fn(usize, usize) -> f64,
) -> f64 {
    effect_error(counts.against(), &world.advantages, found)
}

fn effect_error(
    games: &Triangle<Tally>,
    truth: &[Vec<f64>],
    found: impl Fn(usize, usize) -> f64,
) -> f64 {
    let (mut error, mut weight) = (0.0, 0.0);
    for ((i, j), tally) in games.iter().filter(|(_, tally)| tally.games > 0) {
        let games = tally.games as f64;
        error += games * (points(found(i, j)) - points(truth[i][j])).powi(2);
        weight += games;
    }
    (error / weight).sqrt()
}

struct Drafts {
    captured: f64,
    captured_by_heroes: f64,
    calibration_error: f64,
    calibration_slope: f64,
}

/// Over drafts nobody has seen, and by their true probabilities: chance plays no part.
fn judge_drafts(world: &World, counts: &Counts, found: &SliceEstimate) -> Drafts {
    let constant = counts.matches().wins as f64 / counts.matches().games as f64;
    let (mut loss, mut by_heroes, mut least, mut most) = (0.0, 0.0, 0.0, 0.0);
    let (mut sums, mut squares, mut products) = ((0.0, 0.0), 0.0, 0.0);
    let mut said_and_true = Vec::with_capacity(UNSEEN_DRAFTS);
    for drafted in world.unseen(UNSEEN_DRAFTS) {
        let truth = world.truth(&drafted);
        let estimate = score_by(found, &drafted);
        let strength = |hero: usize| found.strengths[hero].value;
        let alone = score(&drafted, found.side, strength, |_, _| 0.0, |_, _| 0.0);
        let chance = probability(truth);
        let log_loss = |said: f64| -(chance * said.ln() + (1.0 - chance) * (1.0 - said).ln());
        loss += log_loss(probability(estimate));
        by_heroes += log_loss(probability(alone));
        least += log_loss(chance);
        most += log_loss(constant);
        sums = (sums.0 + estimate, sums.1 + truth);
        squares += estimate * estimate;
        products += estimate * truth;
        said_and_true.push((probability(estimate), chance));
    }
    let count = UNSEEN_DRAFTS as f64;
    said_and_true.sort_by(|one, other| one.0.total_cmp(&other.0));
    let off = said_and_true.chunks(UNSEEN_DRAFTS / BINS).map(|bin| {
        let sum: f64 = bin.iter().map(|(said, chance)| said - chance).sum();
        sum.abs()
    });
    Drafts {
        captured: (most - loss) / (most - least),
        captured_by_heroes: (most - by_heroes) / (most - least),
        calibration_error: off.sum::<f64>() / count,
        calibration_slope: (products - sums.0 * sums.1 / count)
            / (squares - sums.0 * sums.0 / count),
    }
}

/// What the named last pick of the Radiant gives less than the best one, on average,
/// where some heroes are banned.
fn regret(world: &World, found: &SliceEstimate) -> f64 {
    let mut dice = Dice::new(99);
    let picker = Picker::new(&world.shares);
    let mut lost = 0.0;
    for mut drafted in world.unseen(LAST_PICKS) {
        let mut gone = [false; HEROES];
        for (slot, hero) in drafted.into_iter().enumerate() {
            gone[hero] = slot != 4;
        }
        let mut banned = [false; HEROES];
        for _ in 0..BANS {
            let hero = loop {
                let hero = picker.pick(&mut dice);
                if !banned[hero] {
                    break hero;
                }
            };
            (banned[hero], gone[hero]) = (true, true);
        }
        let (mut best, mut named) = (0.0_f64, (f64::MIN, 0.0));
        for hero in (0..HEROES).filter(|&hero| !gone[hero]) {
            drafted[4] = hero;
            let truth = probability(world.truth(&drafted));
            best = best.max(truth);
            let value = score_by(found, &drafted);
            if value > named.0 {
                named = (value, truth);
            }
        }
        lost += best - named.1;
    }
    100.0 * lost / LAST_PICKS as f64
}

pub(crate) fn score_by(found: &SliceEstimate, drafted: &[usize; 10]) -> f64 {
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
