//! What is known of an effect before the games of its slice: nothing, what a slice
//! knows of which this one is a part, or what was so in the patch before.

use crate::{
    estimate::Estimate,
    prior::{Observation, Spread, mean, prior_variances},
};

/// Where the games come from of what is known already.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Origin {
    /// From the slice's own games, among others: it is a part of that one.
    Whole,
    /// From games of an earlier patch; so much is expected to have been carried over.
    Earlier { carried_over: f64 },
}

/// What is known of each effect, in the order of the observations, flattened as they are.
pub(crate) struct Inheritance {
    pub(crate) origin: Origin,
    pub(crate) effects: Vec<Estimate>,
}

/// What is known of an effect without the games of its slice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Prior {
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

/// What games and inheritance tell together.
pub(crate) struct Shrunk {
    pub(crate) effects: Vec<Estimate>,
    /// What inheritance alone tells of each.
    pub(crate) priors: Vec<Prior>,
    /// How far effects spread before anything is known of one.
    pub(crate) prior_sd: f64,
    /// How much of the earlier patch has been carried over.
    pub(crate) carried_over: Option<f64>,
}

/// How sure it is beforehand how much is carried over: a standard deviation.
const CARRIED_OVER_SD: f64 = 0.2;
/// Patches change something.
const CARRIED_OVER_MAX: f64 = 0.99;
/// As little of a slice's noise is left when that of the whole is taken out of it.
const NOISE_SHARE_MIN: f64 = 0.05;

/// Shrinks what was seen towards what is known, as far as chance reaches.
///
/// Without inheritance: `value·t/(t + v)`, with `t` the spread of all effects and `v`
/// the noise.
///
/// Of a part of a whole, whose estimate is `m ± s`: the part's own games are among
/// those of the whole, so the error of `m` varies with the noise, by `s²`. What the
/// part differs by then has the noise `v − s²`: `m + (value − m)·t/(t + v − s²)`, with
/// the variance `s² + t·(v − s²)/(t + v − s²)`. A part that differs in nothing has
/// the whole's estimate, one that differs without bounds its own.
///
/// After an earlier patch, of which `ρ` was carried over: `ρ·m`, of which the variance
/// is `T = ρ²·s² + (1 − ρ²)·t`; and `ρ` is learned from both, by regression.
pub(crate) fn shrink(
    seen: &[Observation],
    inheritance: Option<&Inheritance>,
    spread: Spread,
) -> Shrunk {
    let Some(Inheritance { origin, effects }) = inheritance else {
        let variances = prior_variances(seen, spread);
        let each = seen.iter().zip(&variances);
        return Shrunk::of(each.map(|(seen, &t)| {
            let nothing = Prior {
                mean: 0.0,
                variance: t,
            };
            (known(0.0, 0.0, t, seen.value, seen.noise, t), nothing)
        }));
    };
    let each = || seen.iter().zip(effects);
    match *origin {
        Origin::Whole => {
            let differences: Vec<_> = each()
                .map(|(seen, whole)| Observation {
                    value: seen.value - whole.value,
                    noise: (seen.noise - whole.sd * whole.sd).max(NOISE_SHARE_MIN * seen.noise),
                    log_games: seen.log_games,
                })
                .collect();
            let variances = prior_variances(&differences, spread);
            let parts = each().zip(&differences).zip(&variances);
            Shrunk::of(parts.map(|(((seen, whole), difference), &t)| {
                let (inherited, before) = (whole.sd * whole.sd, whole.prior_sd * whole.prior_sd);
                let found = known(
                    whole.value,
                    inherited,
                    t,
                    difference.value,
                    difference.noise,
                    before + t,
                );
                (found, Prior::without(seen, found, whole.value))
            }))
        }
        Origin::Earlier { carried_over } => {
            let share = carried(each(), carried_over);
            let shrunk = Shrunk::of(each().map(|(seen, earlier)| {
                let before = earlier.prior_sd * earlier.prior_sd;
                let kept = share * share;
                let t = kept * earlier.sd * earlier.sd + (1.0 - kept) * before;
                let expected = share * earlier.value;
                let found = known(expected, 0.0, t, seen.value - expected, seen.noise, before);
                let prior = Prior {
                    mean: expected,
                    variance: t,
                };
                (found, prior)
            }));
            Shrunk {
                carried_over: Some(share),
                ..shrunk
            }
        }
    }
}

/// An effect of `expected`, which differs from that by up to the spread `t`, and was
/// seen to differ by `difference`.
fn known(
    expected: f64,
    inherited: f64,
    t: f64,
    difference: f64,
    noise: f64,
    before: f64,
) -> Estimate {
    Estimate {
        value: expected + difference * (t / (t + noise)),
        sd: (inherited + t * noise / (t + noise)).sqrt(),
        prior_sd: before.sqrt(),
    }
}

/// The slope of what is seen on what was known before, and what was expected of it.
fn carried<'a>(each: impl Iterator<Item = (&'a Observation, &'a Estimate)>, expected: f64) -> f64 {
    let sure = 1.0 / (CARRIED_OVER_SD * CARRIED_OVER_SD);
    let (mut products, mut squares) = (sure * expected, sure);
    for (seen, earlier) in each {
        let weight = 1.0 / (seen.noise + earlier.prior_sd * earlier.prior_sd);
        products += weight * seen.value * earlier.value;
        squares += weight * earlier.value * earlier.value;
    }
    (products / squares).clamp(0.0, CARRIED_OVER_MAX)
}

impl Prior {
    /// What is left of what was found when the part's own games are taken out of it:
    /// precisions add up, so they can be subtracted. Where the whole knows no more than
    /// the part does, it tells nothing but where effects are.
    fn without(seen: &Observation, found: Estimate, of_whole: f64) -> Self {
        let (all, own) = (1.0 / (found.sd * found.sd), 1.0 / seen.noise);
        let least = 1.0 / (found.prior_sd * found.prior_sd);
        let left = all - own;
        if left <= least {
            return Self {
                mean: of_whole,
                variance: 1.0 / least,
            };
        }
        Self {
            mean: (found.value * all - seen.value * own) / left,
            variance: 1.0 / left,
        }
    }

    /// The same of an effect so many times as large.
    pub(crate) fn scaled(self, by: f64) -> Self {
        Self {
            mean: self.mean * by,
            variance: self.variance * by * by,
        }
    }
}

impl Shrunk {
    fn of(effects: impl Iterator<Item = (Estimate, Prior)>) -> Self {
        let (effects, priors): (Vec<_>, Vec<_>) = effects.unzip();
        let variances = effects
            .iter()
            .map(|effect: &Estimate| effect.prior_sd * effect.prior_sd);
        Self {
            prior_sd: mean(variances).sqrt(),
            effects,
            priors,
            carried_over: None,
        }
    }
}
