//! The file of estimates: tables over all heroes, in log-odds, index = id − 1.

use model_application::{Estimate, SliceEstimate, Triangle};
use serde::Serialize;

/// A table with a row and a column for each hero.
type Table = Vec<Vec<f64>>;

#[derive(Serialize)]
pub(crate) struct Written {
    side: f64,
    hero: Vec<f64>,
    hero_sd: Vec<f64>,
    /// Of the row's hero over the column's.
    matchup: Table,
    matchup_sd: Table,
    synergy: Table,
    synergy_sd: Table,
    prior_sd: PriorDeviations,
}

#[derive(Serialize)]
struct PriorDeviations {
    strength: f64,
    advantage: f64,
    synergy: f64,
}

impl Written {
    pub(crate) fn of(found: &SliceEstimate) -> Self {
        let prior = found.prior_sd;
        let value = |estimate: &Estimate| estimate.value;
        let deviation = |estimate: &Estimate| estimate.sd;
        Self {
            side: found.side,
            hero: found.strengths.iter().map(value).collect(),
            hero_sd: found.strengths.iter().map(deviation).collect(),
            matchup: table(&found.advantages, value, -1.0),
            matchup_sd: table(&found.advantages, deviation, 1.0),
            synergy: table(&found.synergies, value, 1.0),
            synergy_sd: table(&found.synergies, deviation, 1.0),
            prior_sd: PriorDeviations {
                strength: prior.strength,
                advantage: prior.advantage,
                synergy: prior.synergy,
            },
        }
    }
}

/// `sign` is what a figure is multiplied with when it is seen from the other hero.
fn table(pairs: &Triangle<Estimate>, figure: fn(&Estimate) -> f64, sign: f64) -> Table {
    let heroes = pairs.heroes();
    let seen_by = |i: usize, j: usize| match i.cmp(&j) {
        std::cmp::Ordering::Less => figure(pairs.get(i, j)),
        std::cmp::Ordering::Equal => 0.0,
        std::cmp::Ordering::Greater => sign * figure(pairs.get(i, j)),
    };
    let row = |i: usize| (0..heroes).map(|j| seen_by(i, j)).collect();
    (0..heroes).map(row).collect()
}
