//! What two heroes do to each other, beyond what each of them does alone.

use crate::{
    centring::centre,
    estimate::Estimate,
    inheritance::{Inheritance, Prior, shrink},
    log_odds::{ln, probability},
    prior::{Observation, Spread},
    tally::{Evidence, Tally},
    triangle::Triangle,
};

/// How two heroes meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PairKind {
    /// As enemies: the advantage of the first one.
    Against,
    /// As allies: their synergy.
    With,
}

impl PairKind {
    /// What the pair's effect is for the hero that comes second.
    pub(crate) fn seen_from_second(self, effect: f64) -> f64 {
        match self {
            Self::Against => -effect,
            Self::With => effect,
        }
    }

    /// How many further enemies, or allies, a hero has beside the one of the pair.
    fn others(self) -> f64 {
        match self {
            Self::Against => 4.0,
            Self::With => 3.0,
        }
    }
}

/// What is known of a slice's heroes when its pairs are looked at.
pub(crate) struct Heroes<'a> {
    /// The strength of each, in log-odds, flattened as the counts are.
    pub(crate) strengths: &'a [f64],
    /// How sure that is: the variance of what it may be.
    pub(crate) variances: &'a [f64],
    /// Its share of all picks, which sum up to 1.
    pub(crate) shares: &'a [f64],
}

/// The effects of all pairs, and how far they spread.
pub(crate) struct PairEffects {
    pub(crate) estimates: Triangle<Estimate>,
    /// What is known of each without its games, row by row.
    pub(crate) priors: Vec<Prior>,
    pub(crate) prior_sd: f64,
    pub(crate) carried_over: Option<f64>,
}

/// Estimates each pair from its games: what was won beyond what the strengths of
/// both explain, shrunk by its noise, centred.
pub(crate) fn pair_effects(
    kind: PairKind,
    games: &Triangle<Tally>,
    heroes: &Heroes,
    inheritance: Option<&Inheritance>,
) -> PairEffects {
    let seen: Vec<_> = games
        .iter()
        .map(|((i, j), tally)| observe(kind, tally.evidence(), heroes, (i, j)))
        .collect();
    let shrunk = shrink(&seen, inheritance, Spread::ByGames);
    let mut estimates = Triangle::from_values(games.heroes(), shrunk.effects);
    let mut effects = estimates.map(|estimate| estimate.value);
    centre(&mut effects, heroes.shares, kind);
    for ((_, estimate), effect) in estimates.iter_mut().zip(effects.values()) {
        estimate.value = *effect;
    }
    PairEffects {
        estimates,
        priors: shrunk.priors,
        prior_sd: shrunk.prior_sd,
        carried_over: shrunk.carried_over,
    }
}

/// What little is known of a pair that never met.
const INFORMATION_MIN: f64 = 1e-9;
/// As little of a pair's noise can be that of its heroes.
const NOISE_SHARE_MIN: f64 = 0.05;

fn observe(
    kind: PairKind,
    Evidence { games, wins }: Evidence,
    heroes: &Heroes,
    (i, j): (usize, usize),
) -> Observation {
    let Heroes {
        strengths,
        variances,
        shares,
    } = heroes;
    let expected = match kind {
        PairKind::Against => probability(strengths[i] - strengths[j]),
        PairKind::With => probability(strengths[i] + strengths[j]),
    };
    // Who meets j does not meet j again, so the others are on average a little
    // worse where j is good: −q/(1 − q) of j's effect for each of them.
    let odds = |hero: usize| shares[hero] / (1.0 - shares[hero]);
    let kept = 1.0 - kind.others() * (odds(i) + odds(j));
    let curvature = expected * (1.0 - expected) * kept * kept;
    let information = (games * curvature).max(INFORMATION_MIN);
    let value = (wins - games * expected) * kept / information;
    // A pair's games are part of the games of both heroes: with what their strengths
    // explain, noise has been taken out as well. A strength that is `b` of what its games
    // show, of which the noise is `v`, follows the pair's noise by `b·v` and errs by as
    // much, so `b·v` is left of twice that: the variance of the strength.
    let own_noise = 1.0 / information;
    let taken_out = (variances[i] + variances[j]) / (kept * kept);
    Observation {
        value,
        noise: (own_noise - taken_out).max(NOISE_SHARE_MIN * own_noise),
        log_games: ln(games.max(1.0)),
    }
}
