//! From the counts of a slice to its estimates.

use crate::{
    counts::Counts,
    inheritance::{Inheritance, Origin, Prior, Shrunk, shrink},
    log_odds::{flattening, log_odds, points},
    pairs::{Heroes, PairKind, pair_effects},
    prior::{Observation, Spread},
    roster::Roster,
    tally::{Evidence, Tally},
    triangle::Triangle,
};

/// An effect in log-odds, and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Estimate {
    /// The mean of what it may be.
    pub value: f64,
    /// The standard deviation of what it may be.
    pub sd: f64,
    /// The standard deviation of what it could have been before any game was seen.
    pub prior_sd: f64,
}

/// A smaller share of what could be known is little.
const RELIABILITY_MIN: f64 = 0.3;
/// How far strengths drift within days, in log-odds: 0.6 points of win rate.
const DRIFT_SD: f64 = 0.025;

impl Estimate {
    /// How much of what could be known is known, in 0 … 1: `1 − sd²/prior²`.
    #[must_use]
    pub fn reliability(self) -> f64 {
        let before = self.prior_sd * self.prior_sd;
        if before > 0.0 {
            (1.0 - self.sd * self.sd / before).clamp(0.0, 1.0)
        } else {
            1.0
        }
    }

    /// Whether little of it is known: a reliability below 0.3.
    #[must_use]
    pub fn is_low_sample(self) -> bool {
        self.reliability() < RELIABILITY_MIN
    }

    /// The same, said of tomorrow: with what drifts in a few days, 0.025 in log-odds.
    #[must_use]
    pub fn drifted(self) -> Self {
        Self {
            sd: (self.sd * self.sd + DRIFT_SD * DRIFT_SD).sqrt(),
            ..self
        }
    }

    fn scaled(self, by: f64) -> Self {
        Self {
            value: self.value * by,
            sd: self.sd * by,
            prior_sd: self.prior_sd * by,
        }
    }
}

/// One figure for each kind of effect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OfEachKind {
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
    /// Its standard deviation.
    pub side_sd: f64,
    /// Of each hero, centred.
    pub strengths: Vec<Estimate>,
    /// Of the hero of each pair that comes first over the other one, centred.
    pub advantages: Triangle<Estimate>,
    /// Of each pair, centred.
    pub synergies: Triangle<Estimate>,
    /// How far each kind spreads before anything is known of one effect: standard
    /// deviations, in log-odds.
    pub prior_sd: OfEachKind,
    /// How much of an earlier patch is still so, in 0 … 1.
    pub carried_over: Option<OfEachKind>,
    /// How much smaller effects look in win rates, in 0 … 1.
    flat: f64,
}

impl SliceEstimate {
    /// How many points of win rate the strengths of two heroes explain of what was
    /// seen of them, as flat as win rates are.
    pub(crate) fn expected(&self, kind: PairKind, i: usize, j: usize) -> f64 {
        let [of_first, of_second] = [i, j].map(|hero| self.flat * self.strengths[hero].value);
        points(match kind {
            PairKind::Against => of_first - of_second,
            PairKind::With => of_first + of_second,
        })
    }
}

/// What is known before the first match of a slice is looked at.
#[derive(Debug, Clone, Copy)]
pub enum Parent<'a> {
    /// What is known of all, of which the slice is a part: a skill of all skills.
    Whole(&'a SliceEstimate),
    /// What was so in the patch before.
    Earlier(&'a SliceEstimate),
}

/// How much of strengths and of pairs is expected to outlast a patch: the first was
/// found two patches apart, the second is an assumption. Both are learned anew.
const STRENGTHS_CARRIED_OVER: f64 = 0.5;
const PAIRS_CARRIED_OVER: f64 = 0.8;

/// Estimates everything from the counts of a slice alone.
///
/// Each effect is shrunk towards 0 as far as its games leave room for chance; how
/// far effects of a kind spread is learned from all of them. Four corrections are
/// made, without each of which intervals or scale would be wrong: noise shared with
/// the heroes of a pair, enemies and allies that cannot be met twice, priors by
/// popularity, and the flattening of what is averaged over all drafts.
#[must_use]
pub fn estimate(counts: &Counts) -> SliceEstimate {
    estimate_from(counts, None)
}

/// Estimates a slice of which something is known already: effects are shrunk towards
/// that instead of 0.
#[must_use]
pub fn estimate_from(counts: &Counts, parent: Option<Parent<'_>>) -> SliceEstimate {
    estimate_with_priors(counts, parent).0
}

/// What is known of each effect without the games of the slice.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Priors {
    pub(crate) strengths: Vec<Prior>,
    /// Row by row, as in a [`Triangle`].
    pub(crate) advantages: Vec<Prior>,
    pub(crate) synergies: Vec<Prior>,
}

/// The same, with what was known before.
pub(crate) fn estimate_with_priors(
    counts: &Counts,
    parent: Option<Parent<'_>>,
) -> (SliceEstimate, Priors) {
    let roster = counts.roster();
    let shares = shares(counts.heroes());
    let inherited = parent.map(|parent| parent.hand_down(roster, &shares));
    let [of_heroes, of_enemies, of_allies] = match &inherited {
        Some(all) => all.each_ref().map(Some),
        None => [None; 3],
    };
    let heroes = strengths(counts.heroes(), &shares, of_heroes);
    let values: Vec<_> = heroes.seen.effects.iter().map(|seen| seen.value).collect();
    let centre = weighted_sum(&values, &shares);
    let strengths_of_all: Vec<_> = values.iter().map(|value| heroes.level + value).collect();
    let known = Heroes {
        strengths: &strengths_of_all,
        variances: &heroes.variances,
        shares: &shares,
    };
    let against = pair_effects(PairKind::Against, counts.against(), &known, of_enemies);
    let with = pair_effects(PairKind::With, counts.with(), &known, of_allies);

    // A match has ten heroes, 25 pairs of enemies and 20 pairs of allies: so much of
    // what decides it is averaged over in every win rate.
    let of_kinds = |strength, advantage, synergy| OfEachKind {
        strength,
        advantage,
        synergy,
    };
    let spread = of_kinds(heroes.seen.prior_sd, against.prior_sd, with.prior_sd);
    let unseen = 10.0 * spread.strength * spread.strength
        + 25.0 * spread.advantage * spread.advantage
        + 20.0 * spread.synergy * spread.synergy;
    let flat = flattening(unseen);
    let steepen = |seen: &Estimate| seen.scaled(1.0 / flat);
    let side = counts.matches().evidence();
    let centred = heroes.seen.effects.iter().map(|seen| Estimate {
        value: seen.value - centre,
        ..*seen
    });
    let kept = heroes.seen.carried_over.zip(against.carried_over);
    let estimate = SliceEstimate {
        roster: roster.clone(),
        side: smoothed_log_odds(side),
        side_sd: noise_of(side).sqrt().min(SIDE_SD_MAX),
        strengths: centred.map(|seen| steepen(&seen)).collect(),
        advantages: against.estimates.map(steepen),
        synergies: with.estimates.map(steepen),
        prior_sd: of_kinds(
            spread.strength / flat,
            spread.advantage / flat,
            spread.synergy / flat,
        ),
        carried_over: kept
            .zip(with.carried_over)
            .map(|((strength, advantage), synergy)| of_kinds(strength, advantage, synergy)),
        flat,
    };
    let steepened = |priors: Vec<Prior>| -> Vec<Prior> {
        let each = priors.into_iter();
        each.map(|prior| prior.scaled(1.0 / flat)).collect()
    };
    let priors = Priors {
        strengths: steepened(heroes.seen.priors),
        advantages: steepened(against.priors),
        synergies: steepened(with.priors),
    };
    (estimate, priors)
}

/// What is said of the sides when no match is known.
const SIDE_SD_MAX: f64 = 0.5;

impl Parent<'_> {
    /// What the parent knows of the heroes, their advantages and their synergies, as
    /// flat as win rates are. A hero that it does not know may be anything.
    fn hand_down(self, roster: &Roster, shares: &[f64]) -> [Inheritance; 3] {
        let (Self::Whole(parent) | Self::Earlier(parent)) = self;
        let places: Vec<_> = roster
            .heroes()
            .iter()
            .map(|&hero| parent.roster.place(hero).ok())
            .collect();
        let unknown = |sd: f64| Estimate {
            value: 0.0,
            sd,
            prior_sd: sd,
        };
        let OfEachKind {
            strength,
            advantage,
            synergy,
        } = parent.prior_sd;
        let mut heroes: Vec<_> = places
            .iter()
            .map(|place| place.map_or(unknown(strength), |place| parent.strengths[place]))
            .map(|known| known.scaled(parent.flat))
            .collect();
        // Heroes are not picked here as they are there.
        let values: Vec<_> = heroes.iter().map(|known| known.value).collect();
        let centre = weighted_sum(&values, shares);
        for hero in &mut heroes {
            hero.value -= centre;
        }
        let pairs = |of: &Triangle<Estimate>, sd: f64| {
            let known = Triangle::from_fn(places.len(), |i, j| match (places[i], places[j]) {
                // Both rosters are in the order of ids, so the first is the first there too.
                (Some(one), Some(other)) => *of.get(one, other),
                _ => unknown(sd),
            });
            known.map(|known| known.scaled(parent.flat)).into_values()
        };
        let inheritance = |effects, carried_over| Inheritance {
            origin: match self {
                Self::Whole(_) => Origin::Whole,
                Self::Earlier(_) => Origin::Earlier { carried_over },
            },
            effects,
        };
        [
            inheritance(heroes, STRENGTHS_CARRIED_OVER),
            inheritance(pairs(&parent.advantages, advantage), PAIRS_CARRIED_OVER),
            inheritance(pairs(&parent.synergies, synergy), PAIRS_CARRIED_OVER),
        ]
    }
}

/// What win rates tell of the heroes, still flattened.
struct HeroEffects {
    seen: Shrunk,
    /// How sure each is: its variance, at most that of its win rate's noise.
    variances: Vec<f64>,
    /// What heroes are worth on average.
    level: f64,
}

fn strengths(tallies: &[Tally], shares: &[f64], inheritance: Option<&Inheritance>) -> HeroEffects {
    let evidence: Vec<_> = tallies.iter().map(|tally| tally.evidence()).collect();
    let seen: Vec<_> = evidence.iter().copied().map(smoothed_log_odds).collect();
    let noises: Vec<_> = evidence.iter().copied().map(noise_of).collect();
    let level = weighted_sum(&seen, shares);
    let observations: Vec<_> = seen
        .iter()
        .zip(&noises)
        .map(|(seen, &noise)| Observation {
            value: seen - level,
            noise,
            log_games: 0.0,
        })
        .collect();
    let seen = shrink(&observations, inheritance, Spread::Even);
    let variances = seen.effects.iter().zip(&noises);
    let variances = variances.map(|(effect, &noise)| noise.min(effect.sd * effect.sd));
    HeroEffects {
        variances: variances.collect(),
        seen,
        level,
    }
}

/// The variance of a win rate's noise, in log-odds.
fn noise_of(seen: Evidence) -> f64 {
    let won = smoothed_share(seen);
    1.0 / (seen.games * won * (1.0 - won)).max(1e-9)
}

/// Each hero's share of all picks.
#[expect(
    clippy::cast_precision_loss,
    reason = "rounded once, and by the same amount everywhere"
)]
pub(crate) fn shares(tallies: &[Tally]) -> Vec<f64> {
    let all: u64 = tallies.iter().map(|tally| tally.weighted_games).sum();
    let share = |tally: &Tally| tally.weighted_games as f64 / all.max(1) as f64;
    tallies.iter().map(share).collect()
}

pub(crate) fn weighted_sum(values: &[f64], weights: &[f64]) -> f64 {
    values.iter().zip(weights).map(|(x, w)| x * w).sum()
}

/// The share of wins with one win and one defeat added, so that it is never 0 or 1.
fn smoothed_share(seen: Evidence) -> f64 {
    (seen.wins + 1.0) / (seen.games + 2.0)
}

fn smoothed_log_odds(seen: Evidence) -> f64 {
    log_odds(smoothed_share(seen))
}
