//! The plots of `docs/model`: what estimates are like in a world whose truth is known.
//!
//! `UPDATE_PLOTS=1 cargo test -p model-application --test known_truth plots` makes
//! them anew; otherwise the test compares, byte by byte.

mod svg;

use std::{env, fs, path::Path};

use model_application::{
    Counts, Estimate, SliceEstimate, Tally, estimate,
    log_odds::{points, probability},
};

use self::svg::{Axis, GREEN, GREY, OURS, Panel, RAW, file};
use crate::{
    counted,
    judge::{advantage_error, score_by},
    world::{World, WorldConfig, score},
};

const SEED: u64 = 1;
const Z_90: f64 = 1.644_853_626_951_472_2;
const FEW: usize = 100_000;
const MANY: usize = 1_000_000;

/// What is known of a world from so many matches.
struct Known {
    matches: usize,
    counts: Counts,
    found: SliceEstimate,
}

impl Known {
    fn of(world: &World, matches: usize) -> Self {
        let counts = counted(world, matches);
        let found = estimate(&counts);
        Self {
            matches,
            counts,
            found,
        }
    }

    /// The win rate of one over the other beyond what their own let expect, in
    /// log-odds, as many sites show it.
    fn raw_advantage(&self, i: usize, j: usize) -> f64 {
        let heroes = self.counts.heroes();
        4.0 * (rate(self.counts.against().get(i, j)) - rate(&heroes[i]) - 0.5 + rate(&heroes[j]))
    }

    fn raw_synergy(&self, i: usize, j: usize) -> f64 {
        let heroes = self.counts.heroes();
        4.0 * (rate(self.counts.with().get(i, j)) - rate(&heroes[i]) + 0.5 - rate(&heroes[j]))
    }

    /// What a draft is worth by the sum of all these differences.
    fn raw_score(&self, drafted: &[usize; 10]) -> f64 {
        score(
            drafted,
            self.found.side,
            |hero| 4.0 * (rate(&self.counts.heroes()[hero]) - 0.5),
            |ours, theirs| {
                if ours < theirs {
                    self.raw_advantage(ours, theirs)
                } else {
                    -self.raw_advantage(theirs, ours)
                }
            },
            |one, other| self.raw_synergy(one, other),
        )
    }
}

fn rate(tally: &Tally) -> f64 {
    if tally.games == 0 {
        return 0.5;
    }
    tally.wins as f64 / tally.games as f64
}

#[test]
fn plots_are_those_of_the_seed() {
    let world = World::new(WorldConfig::default(), SEED);
    let [few, many] = [FEW, MANY].map(|matches| Known::of(&world, matches));
    let plots = [
        ("estimates.svg", estimates(&world, [&few, &many])),
        ("shrinkage.svg", shrinkage([&few, &many])),
        ("calibration.svg", calibration(&world, [&few, &many])),
        ("errors.svg", errors(&world, &[few, many])),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/model");
    let mut old = Vec::new();
    for (name, plot) in plots {
        let path = folder.join(name);
        if env::var_os("UPDATE_PLOTS").is_some() {
            fs::write(&path, &plot).expect("the folder can be written");
        } else if fs::read_to_string(&path).ok().as_ref() != Some(&plot) {
            old.push(name);
        }
    }
    assert!(
        old.is_empty(),
        "{} in docs/model are others than this code draws; `just plots` makes them anew, and somebody should look at them",
        old.join(", ")
    );
}

fn named(matches: usize) -> &'static str {
    match matches {
        FEW => "100,000 matches",
        _ => "1,000,000 matches",
    }
}

const POINTS: &[(f64, &str)] = &[
    (-4.0, "−4"),
    (-2.0, "−2"),
    (0.0, "0"),
    (2.0, "2"),
    (4.0, "4"),
];

/// Truth and estimate of pairs, with what they are said to be within.
fn estimates(world: &World, known: [&Known; 2]) -> String {
    let panels = known.map(|known| {
        let axis = |says| Axis {
            says,
            range: (-5.0, 5.0),
            is_logarithmic: false,
            ticks: POINTS,
        };
        let (x, y) = (
            axis("true advantage, pp"),
            axis("estimate and 90% interval, pp"),
        );
        let mut panel = Panel::new(named(known.matches), x, y);
        panel.line((-5.0, -5.0), (5.0, 5.0), GREY, true);
        let mut pairs: Vec<_> = known
            .found
            .advantages
            .iter()
            .map(|((i, j), estimate)| (world.advantages[i][j], *estimate))
            .collect();
        pairs.sort_by(|one, other| one.0.total_cmp(&other.0));
        let held = pairs
            .iter()
            .filter(|(truth, found)| holds(found, *truth))
            .count();
        for (truth, found) in pairs
            .iter()
            .skip(pairs.len() % 60)
            .step_by(pairs.len() / 60)
        {
            let colour = if holds(found, *truth) { OURS } else { RAW };
            let [lo, at, hi] = [-Z_90, 0.0, Z_90].map(|z| points(found.value + z * found.sd));
            let truth = points(*truth);
            panel.line((truth, lo), (truth, hi), colour, false);
            panel.dot(truth, at, 2.5, colour);
        }
        let share = 100.0 * held as f64 / pairs.len() as f64;
        let says = format!("{share:.0} of 100 intervals hold the truth");
        panel.text((4.8, -4.7), "end", "#202020", &says);
        panel
    });
    file(
        "Estimated advantages of sixty pairs against the true ones, with intervals; those that miss the truth are orange",
        &panels,
    )
}

fn holds(found: &Estimate, truth: f64) -> bool {
    (found.value - truth).abs() < Z_90 * found.sd
}

/// What becomes of a difference of win rates, and how much of it is kept by games.
fn shrinkage(known: [&Known; 2]) -> String {
    let x = Axis {
        says: "games of the pair",
        range: (10.0, 40_000.0),
        is_logarithmic: true,
        ticks: &[
            (10.0, "10"),
            (100.0, "100"),
            (1000.0, "1,000"),
            (10_000.0, "10,000"),
        ],
    };
    let y = Axis {
        says: "share of what was seen that is kept",
        range: (0.0, 1.0),
        is_logarithmic: false,
        ticks: &[
            (0.0, "0"),
            (0.25, "0.25"),
            (0.5, "0.5"),
            (0.75, "0.75"),
            (1.0, "1"),
        ],
    };
    let mut kept = Panel::new("How much is kept", x, y);
    kept.line((10.0, 0.3), (40_000.0, 0.3), GREY, true);
    kept.text((38_000.0, 0.25), "end", GREY, "below: low_sample");
    for (known, colour, at) in [
        (known[0], RAW, (13.0, 0.93)),
        (known[1], GREEN, (13.0, 0.86)),
    ] {
        kept.text(at, "start", colour, named(known.matches));
        for ((i, j), found) in known.found.advantages.iter().step_by(80) {
            let games = known.counts.against().get(i, j).games as f64;
            kept.dot(games, found.reliability(), 1.8, colour);
        }
    }
    let x = Axis {
        says: "seen beyond what the heroes explain, pp",
        range: (-20.0, 20.0),
        is_logarithmic: false,
        ticks: &[
            (-20.0, "−20"),
            (-10.0, "−10"),
            (0.0, "0"),
            (10.0, "10"),
            (20.0, "20"),
        ],
    };
    let y = Axis {
        says: "estimate, pp",
        range: (-6.0, 6.0),
        is_logarithmic: false,
        ticks: POINTS,
    };
    let mut shrunk = Panel::new("What becomes of it, 100,000 matches", x, y);
    shrunk.line((-6.0, -6.0), (6.0, 6.0), GREY, true);
    shrunk.text((5.0, 5.3), "end", GREY, "as seen");
    for ((i, j), found) in known[0].found.advantages.iter().step_by(27) {
        let raw = points(known[0].raw_advantage(i, j));
        if raw.abs() < 20.0 {
            shrunk.dot(raw, points(found.value), 1.8, OURS);
        }
    }
    file(
        "How much of what was seen of a pair is kept, by its games, and what is shown for what was seen",
        &[kept, shrunk],
    )
}

/// How far off advantages are, by how many matches there are.
fn errors(world: &World, known: &[Known]) -> String {
    let x = Axis {
        says: "matches",
        range: (8000.0, 2_000_000.0),
        is_logarithmic: true,
        ticks: &[
            (10_000.0, "10,000"),
            (100_000.0, "100,000"),
            (1_000_000.0, "1,000,000"),
        ],
    };
    let y = Axis {
        says: "error of advantages, pp",
        range: (0.5, 12.0),
        is_logarithmic: true,
        ticks: &[
            (0.5, "0.5"),
            (1.0, "1"),
            (2.0, "2"),
            (5.0, "5"),
            (10.0, "10"),
        ],
    };
    let mut panel = Panel::new("Error by number of matches", x, y);
    let more = [10_000, 30_000, 300_000].map(|matches| Known::of(world, matches));
    let mut all: Vec<_> = more.iter().chain(known).collect();
    all.sort_by_key(|known| known.matches);
    let curve = |effect: &dyn Fn(&Known, usize, usize) -> f64| -> Vec<_> {
        let error = |known: &&Known| {
            let error = advantage_error(world, &known.counts, |i, j| effect(known, i, j));
            (known.matches as f64, error)
        };
        all.iter().map(error).collect()
    };
    let raw = curve(&|known, i, j| known.raw_advantage(i, j));
    let nothing = curve(&|_, _, _| 0.0);
    let ours = curve(&|known, i, j| known.found.advantages.get(i, j).value);
    panel.curve(&raw, RAW);
    panel.curve(&nothing, GREY);
    panel.curve(&ours, OURS);
    panel.text((30_000.0, 7.0), "start", RAW, "differences of win rates");
    panel.text((12_000.0, 1.55), "start", GREY, "saying that all are alike");
    panel.text((9000.0, 0.95), "start", OURS, "estimates");
    file(
        "The error of advantages falls with the number of matches; differences of win rates are worse than nothing below some hundred thousand",
        &[panel],
    )
}

const BINS: usize = 20;
const UNSEEN: usize = 100_000;

/// What is said of drafts nobody has seen, and what is so.
fn calibration(world: &World, known: [&Known; 2]) -> String {
    let panels = known.map(|known| {
        let axis = |says| Axis {
            says,
            range: (10.0, 90.0),
            is_logarithmic: false,
            ticks: &[
                (10.0, "10"),
                (30.0, "30"),
                (50.0, "50"),
                (70.0, "70"),
                (90.0, "90"),
            ],
        };
        let (x, y) = (axis("predicted, in 100"), axis("true, in 100"));
        let mut panel = Panel::new(named(known.matches), x, y);
        panel.line((10.0, 10.0), (90.0, 90.0), GREY, true);
        let raw = bins(world, |drafted| known.raw_score(drafted));
        let ours = bins(world, |drafted| score_by(&known.found, drafted));
        for (bins, colour) in [(raw, RAW), (ours, OURS)] {
            for (said, truth) in bins {
                panel.dot(said, truth, 3.0, colour);
            }
        }
        panel.text((13.0, 84.0), "start", OURS, "estimates");
        panel.text(
            (13.0, 79.0),
            "start",
            RAW,
            "sum of differences of win rates",
        );
        panel
    });
    file(
        "Predicted probabilities of drafts that no model has seen, against the true ones, in twentieths",
        &panels,
    )
}

/// The means of what is predicted and of what is true, in twentieths of the drafts.
fn bins(world: &World, predicted: impl Fn(&[usize; 10]) -> f64) -> Vec<(f64, f64)> {
    let mut both: Vec<_> = world
        .unseen(UNSEEN)
        .map(|drafted| {
            let truth = probability(world.truth(&drafted));
            (probability(predicted(&drafted)), truth)
        })
        .collect();
    both.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mean = |bin: &[(f64, f64)]| {
        let sums = bin
            .iter()
            .fold((0.0, 0.0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
        let share = 100.0 / bin.len() as f64;
        (share * sums.0, share * sums.1)
    };
    both.chunks(UNSEEN / BINS).map(mean).collect()
}
