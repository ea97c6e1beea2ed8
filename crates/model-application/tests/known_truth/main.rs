//! Estimates against a world whose truth is known.
//!
//! Each bound stands beside the figure that a reference implementation reaches in
//! worlds of this kind. The mean over six seeds must keep within the bound, and each
//! seed within twice the margin. In these worlds a last pick is harder than in those
//! of the reference: the figure beside it is our own, the margin the promised one.

#![expect(clippy::cast_precision_loss, reason = "games are fewer than 2⁵³")]

mod dice;
mod hierarchy;
mod jointly;
mod judge;
mod plots;
mod real_heroes;
mod world;

use judge::{Verdict, judge};
use model_application::{Counter, Counts, Roster, estimate};
use world::{World, WorldConfig, named};

/// A figure, what the reference reaches, and the bounds.
struct Row(&'static str, fn(&Verdict) -> f64, f64, [f64; 2]);

const ANY: f64 = f64::INFINITY;

fn verdict(config: WorldConfig, seed: u64, matches: usize) -> Verdict {
    let world = World::new(config, seed);
    let counts = counted(&world, matches);
    judge(&world, &counts, &estimate(&counts))
}

fn counted(world: &World, matches: usize) -> Counts {
    let heroes = World::heroes();
    let mut counter = Counter::new(Roster::new(heroes.iter().copied()));
    for (drafted, radiant_won) in world.matches(matches) {
        counter
            .add(&named(&heroes, &drafted), radiant_won)
            .expect("all heroes are listed");
    }
    let counts = counter.finish();
    counts.check().expect("the counts add up");
    counts
}

fn verdicts(config: WorldConfig, matches: usize, seeds: u64) -> Vec<Verdict> {
    (1..=seeds)
        .map(|seed| verdict(config, seed, matches))
        .collect()
}

/// `of_each` is how many times the margin of the mean a single seed has.
fn check(verdicts: &[Verdict], of_each: f64, rows: &[Row]) {
    let mut wrong = Vec::new();
    for Row(name, figure, reference, [from, to]) in rows {
        let found: Vec<f64> = verdicts.iter().map(figure).collect();
        let mean = found.iter().sum::<f64>() / found.len() as f64;
        println!("{name}: {mean:.4} of {found:.4?}, reference {reference}, {from} to {to}");
        let wider = |bound: f64| reference + of_each * (bound - reference);
        let mean_holds = (*from..=*to).contains(&mean);
        let each_holds = found
            .iter()
            .all(|one| (wider(*from)..=wider(*to)).contains(one));
        if !(mean_holds && each_holds) {
            wrong.push(format!(
                "{name} is {mean:.4}, of {found:.4?}, for {from} to {to}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Of 100,000 matches.
const OF_100_000: [Row; 11] = [
    Row(
        "advantage, pp",
        |v| v.advantage_error_pp,
        1.198,
        [0.0, 1.25],
    ),
    Row("synergy, pp", |v| v.synergy_error_pp, 0.946, [0.0, 0.99]),
    Row("strength, pp", |v| v.strength_error_pp, 0.532, [0.0, 0.57]),
    Row(
        "coverage, against",
        |v| v.advantage_coverage,
        0.923,
        [0.88, 0.98],
    ),
    Row(
        "coverage, with",
        |v| v.synergy_coverage,
        0.961,
        [0.88, 0.98],
    ),
    Row(
        "spread, found by true",
        |v| v.advantage_spread,
        0.93,
        [0.80, 1.15],
    ),
    Row("captured", |v| v.captured, 0.495, [0.475, ANY]),
    Row(
        "calibration error",
        |v| v.calibration_error,
        0.003,
        [0.0, 0.006],
    ),
    Row(
        "calibration slope",
        |v| v.calibration_slope,
        0.98,
        [0.90, 1.08],
    ),
    Row(
        "regret of a last pick, pp",
        |v| v.regret_pp,
        4.33,
        [0.0, 4.70],
    ),
    Row("raw error by ours", |v| v.raw_error_ratio, 2.24, [2.1, ANY]),
];

#[test]
fn of_100_000_matches_all_that_they_tell_is_found() {
    let verdicts = verdicts(WorldConfig::default(), 100_000, 6);
    check(&verdicts, 2.0, &OF_100_000);
}

/// Of a million.
const OF_A_MILLION: [Row; 11] = [
    Row(
        "advantage, pp",
        |v| v.advantage_error_pp,
        0.739,
        [0.0, 0.775],
    ),
    Row("synergy, pp", |v| v.synergy_error_pp, 0.690, [0.0, 0.725]),
    Row("strength, pp", |v| v.strength_error_pp, 0.182, [0.0, 0.20]),
    Row(
        "coverage, against",
        |v| v.advantage_coverage,
        0.949,
        [0.93, 0.97],
    ),
    Row(
        "coverage, with",
        |v| v.synergy_coverage,
        0.950,
        [0.93, 0.97],
    ),
    Row(
        "spread, found by true",
        |v| v.advantage_spread,
        0.996,
        [0.95, 1.05],
    ),
    Row("captured", |v| v.captured, 0.788, [0.77, ANY]),
    Row(
        "calibration error",
        |v| v.calibration_error,
        0.0008,
        [0.0, 0.002],
    ),
    Row(
        "calibration slope",
        |v| v.calibration_slope,
        1.001,
        [0.97, 1.03],
    ),
    Row(
        "regret of a last pick, pp",
        |v| v.regret_pp,
        1.76,
        [0.0, 1.93],
    ),
    Row(
        "raw error by ours",
        |v| v.raw_error_ratio,
        1.177,
        [1.12, ANY],
    ),
];

#[test]
fn of_a_million_matches_intervals_hold_the_truth() {
    let verdicts = verdicts(WorldConfig::default(), 1_000_000, 6);
    check(&verdicts, 2.0, &OF_A_MILLION);
}

#[test]
fn where_pairs_do_nothing_to_each_other_nothing_is_found() {
    let null = WorldConfig {
        advantage_sd: 1e-9,
        synergy_sd: 1e-9,
        ..WorldConfig::default()
    };
    for (matches, reference, bound) in [(100_000, 0.013, 0.02), (1_000_000, 0.004, 0.007)] {
        let rows = [
            Row("spread", |v| v.advantage_prior_sd, reference, [0.0, bound]),
            Row("away from zero", |v| v.away_from_zero, 0.0, [0.0, 0.01]),
            Row(
                "captured by pairs",
                |v| v.captured_by_pairs,
                0.0,
                [-0.005, 0.005],
            ),
        ];
        // What pairs capture is little, and differs much.
        check(&verdicts(null, matches, 6), 3.0, &rows);
    }
}

/// Of a million whose last picks are mostly answers.
const COUNTERPICKED: [Row; 2] = [
    Row(
        "coverage, against",
        |v| v.advantage_coverage,
        0.948,
        [0.93, 1.0],
    ),
    Row("captured", |v| v.captured, 0.789, [0.77, ANY]),
];

#[test]
fn last_picks_that_answer_what_they_see_mislead_nobody() {
    let counterpicked = WorldConfig {
        counterpicked: 0.6,
        ..WorldConfig::default()
    };
    check(&verdicts(counterpicked, 1_000_000, 2), 2.0, &COUNTERPICKED);
}

#[test]
fn players_whom_no_draft_shows_mislead_nobody() {
    let with_players = WorldConfig {
        rest_sd: 0.7,
        ..WorldConfig::default()
    };
    let rows = [
        Row(
            "coverage, against",
            |v| v.advantage_coverage,
            0.944,
            [0.92, 1.0],
        ),
        Row("captured", |v| v.captured, 0.770, [0.75, ANY]),
    ];
    check(&verdicts(with_players, 1_000_000, 2), 2.0, &rows);
}

/// In the game, pairs of rare heroes spread further than pairs of popular ones. A
/// prior that took all for alike would be too sure of the ones and not of the others.
#[test]
fn intervals_hold_for_rare_pairs_and_for_popular_ones() {
    let uneven = WorldConfig {
        rarity: 0.5,
        ..WorldConfig::default()
    };
    let rows = [
        Row("coverage, rare", |v| v.rare_coverage, 0.945, [0.92, 0.97]),
        Row(
            "coverage, popular",
            |v| v.popular_coverage,
            0.95,
            [0.93, 0.97],
        ),
    ];
    check(&verdicts(uneven, 1_000_000, 2), 2.0, &rows);
}
