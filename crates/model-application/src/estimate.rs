//! From the counts of a slice to its estimates.

use crate::{
    counts::Counts,
    log_odds::{flattening, log_odds},
    pairs::{Heroes, PairEffects, PairKind, pair_effects},
    prior::{Observation, Spread, mean, prior_variances},
    roster::Roster,
    tally::{Evidence, Tally},
    triangle::Triangle,
};

/// An effect in log-odds, and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean of what it may be.
    pub value: f64,
    /// The standard deviation of what it may be.
    pub sd: f64,
}

/// How far effects spread before anything is known of one of them: standard
/// deviations, in log-odds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PriorDeviations {
    /// Of strengths.
    pub strength: f64,
    /// Of advantages.
    pub advantage: f64,
    /// Of synergies.
    pub synergy: f64,
}

/// What is known of a slice.
#[derive(Debug, Clone, PartialEq)]
pub struct SliceEstimate {
    /// Whose estimates these are.
    pub roster: Roster,
    /// The Radiant's advantage, in log-odds.
    pub side: f64,
    /// Of each hero, centred.
    pub strengths: Vec<Estimate>,
    /// Of the hero of each pair that comes first over the other one, centred.
    pub advantages: Triangle<Estimate>,
    /// Of each pair, centred.
    pub synergies: Triangle<Estimate>,
    /// How far each kind spreads.
    pub prior_sd: PriorDeviations,
}

/// Estimates everything from the counts of a slice.
///
/// Each effect is shrunk towards 0 as far as its games leave room for chance; how
/// far effects of a kind spread is learned from all of them. Four corrections are
/// made, without each of which intervals or scale would be wrong: noise shared with
/// the heroes of a pair, enemies and allies that cannot be met twice, priors by
/// popularity, and the flattening of what is averaged over all drafts.
#[must_use]
pub fn estimate(counts: &Counts) -> SliceEstimate {
    let shares = shares(counts.heroes());
    let heroes = strengths(counts.heroes(), &shares);
    let known = Heroes {
        strengths: &heroes.values,
        noises: &heroes.noises,
        shares: &shares,
    };
    let against = pair_effects(PairKind::Against, counts.against(), &known);
    let with = pair_effects(PairKind::With, counts.with(), &known);

    // A match has ten heroes, 25 pairs of enemies and 20 pairs of allies: so much of
    // what decides it is averaged over in every win rate.
    let unseen = 10.0 * heroes.prior_sd.powi(2)
        + 25.0 * against.prior_sd.powi(2)
        + 20.0 * with.prior_sd.powi(2);
    let flat = flattening(unseen);
    let steepen = |seen: Estimate| Estimate {
        value: seen.value / flat,
        sd: seen.sd / flat,
    };
    let steepen_all = |effects: &PairEffects| {
        let seen = &effects.estimates;
        Triangle::from_fn(seen.heroes(), |i, j| steepen(*seen.get(i, j)))
    };
    let centre = weighted_sum(&heroes.values, &shares);
    let strengths = heroes.values.iter().zip(&heroes.deviations);
    SliceEstimate {
        roster: counts.roster().clone(),
        side: smoothed_log_odds(counts.matches().evidence()),
        strengths: strengths
            .map(|(value, &sd)| {
                let value = value - centre;
                steepen(Estimate { value, sd })
            })
            .collect(),
        advantages: steepen_all(&against),
        synergies: steepen_all(&with),
        prior_sd: PriorDeviations {
            strength: heroes.prior_sd / flat,
            advantage: against.prior_sd / flat,
            synergy: with.prior_sd / flat,
        },
    }
}

/// What win rates tell of the heroes, still flattened.
struct HeroEffects {
    values: Vec<f64>,
    deviations: Vec<f64>,
    noises: Vec<f64>,
    prior_sd: f64,
}

fn strengths(tallies: &[Tally], shares: &[f64]) -> HeroEffects {
    let evidence: Vec<_> = tallies.iter().map(|tally| tally.evidence()).collect();
    let seen: Vec<_> = evidence.iter().copied().map(smoothed_log_odds).collect();
    let noises: Vec<_> = evidence
        .iter()
        .map(|seen| {
            let won = smoothed_share(*seen);
            1.0 / (seen.games * won * (1.0 - won)).max(1e-9)
        })
        .collect();
    let centre = weighted_sum(&seen, shares);
    let observations: Vec<_> = seen
        .iter()
        .zip(&noises)
        .map(|(seen, &noise)| Observation {
            value: seen - centre,
            noise,
            log_games: 0.0,
        })
        .collect();
    let variances = prior_variances(&observations, Spread::Even);
    let shrunk = observations.iter().zip(&variances);
    HeroEffects {
        values: shrunk
            .clone()
            .map(|(seen, t)| centre + seen.value * t / (t + seen.noise))
            .collect(),
        deviations: shrunk
            .map(|(seen, t)| (t * seen.noise / (t + seen.noise)).sqrt())
            .collect(),
        prior_sd: mean(variances.iter().copied()).sqrt(),
        noises,
    }
}

/// Each hero's share of all picks.
#[expect(
    clippy::cast_precision_loss,
    reason = "rounded once, and by the same amount everywhere"
)]
fn shares(tallies: &[Tally]) -> Vec<f64> {
    let all: u64 = tallies.iter().map(|tally| tally.weighted_games).sum();
    let share = |tally: &Tally| tally.weighted_games as f64 / all.max(1) as f64;
    tallies.iter().map(share).collect()
}

fn weighted_sum(values: &[f64], weights: &[f64]) -> f64 {
    values.iter().zip(weights).map(|(x, w)| x * w).sum()
}

/// The share of wins with one win and one defeat added, so that it is never 0 or 1.
fn smoothed_share(seen: Evidence) -> f64 {
    (seen.wins + 1.0) / (seen.games + 2.0)
}

fn smoothed_log_odds(seen: Evidence) -> f64 {
    log_odds(smoothed_share(seen))
}
