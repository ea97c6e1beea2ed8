//! How near to the truth what is published of pairs is.
//!
//! What nobody can know is how the games of a pair have come out by luck: of `n` games
//! against each other they tell the log-odds with a variance of `4 / n`. Where the effects
//! of pairs have the variance `t`, whoever knows `t` and makes the best of that errs by
//! `t · 4/n / (t + 4/n)` in the mean square. That is the yardstick, whatever the number of
//! matches is. What is published may be a little worse, because the heroes' strengths have
//! to be found in the same games, and `t` too: of `p` pairs in `m` matches, whose pairs share
//! one outcome, chance lets it be off by `(t + 4/n) / t · √(2/p + 2/m)` of it, which with few
//! games is much, and every bound is as wide as three times that makes it. In a world as even
//! as the real game is, an error is promised for 100,000 matches besides.

use std::{collections::BTreeMap, fmt};

use anyhow::{Context as _, Result, ensure};
use feed_simulator::World;
use serde_json::Value;

use super::truth::{Games, SliceTruth, hero};

/// More rounds change nothing.
const ROUNDS: usize = 8;
/// Points of a win rate that a log-odds is worth near an even game.
const POINTS: f64 = 25.0;
/// Half of the width of a 90% interval, in standard deviations.
const Z: f64 = 1.645;

/// On different sides, or on one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Against,
    With,
}

impl Kind {
    /// How keys begin.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Against => "counters",
            Self::With => "synergy",
        }
    }

    const fn field(self) -> &'static str {
        match self {
            Self::Against => "vs",
            Self::With => "with",
        }
    }

    /// The same effect from the side of the other.
    const fn sign(self) -> f64 {
        match self {
            Self::Against => -1.0,
            Self::With => 1.0,
        }
    }
}

/// A pair, as it is published and as it is.
struct Pair {
    games: f64,
    /// Points.
    found: f64,
    sd: f64,
    truth: f64,
    is_held: bool,
}

/// All pairs of a slice.
pub(super) struct Judged<'a> {
    kind: Kind,
    slice: &'a SliceTruth,
    truth: BTreeMap<(u16, u16), f64>,
    pairs: Vec<Pair>,
}

/// What is promised of advantages, in points, where so many matches are of a world as even
/// as the real game is.
const PROMISED: (u64, f64) = (100_000, 1.25);
/// What is lost by finding strengths in the same games, and by rounding.
const LOST: f64 = 1.06;
/// So many standard errors are chance.
const CHANCE: f64 = 3.0;

impl<'a> Judged<'a> {
    pub(super) fn new(kind: Kind, world: &World, slice: &'a SliceTruth) -> Self {
        Self {
            kind,
            slice,
            truth: effects(kind, world, slice),
            pairs: Vec::new(),
        }
    }

    /// What is published of the pairs of a hero. Each is looked at from both sides, and
    /// judged from one.
    pub(super) fn add(&mut self, hero: u16, document: &Value) -> Result<()> {
        let others = document[self.kind.field()].as_object();
        let others = others.with_context(|| format!("{hero}: {document}"))?;
        ensure!(
            others.len() + 1 == self.slice.heroes().count(),
            "{hero}: {document}"
        );
        for (other, found) in others {
            let other: u16 = other.parse()?;
            let [games, wins]: Games = match self.kind {
                Kind::Against => self.slice.games_against(hero, other),
                Kind::With => self.slice.games_with(hero, other),
            };
            let is_same = found["games"] == games && found["wins"] == wins;
            ensure!(
                is_same,
                "{hero}, {other}: {games} games, {wins} won, and {found}"
            );
            if hero < other {
                let number = |name: &str| found[name].as_f64().context("it is a number");
                let (lo, hi) = (number("lo")?, number("hi")?);
                let truth = POINTS * self.truth[&(hero, other)];
                self.pairs.push(Pair {
                    games: f64::from(u32::try_from(games)?),
                    found: number("pp")?,
                    sd: (hi - lo) / (2.0 * Z),
                    truth,
                    is_held: (lo..=hi).contains(&truth),
                });
            }
        }
        Ok(())
    }

    /// Whether it is as good as the number of games lets it be.
    pub(super) fn holds(&self, is_lifelike: bool) -> Result<()> {
        let chance = CHANCE * self.spread_error();
        let (fewest, most) = ((1.0 - chance).max(0.0), 1.0 + chance);
        let best = self.error_at_best();
        let missed = (1.0 + chance.powi(2) * self.spread_by_noise()).sqrt();
        ensure!(self.error() <= LOST * missed * best, "{self}");
        let said = self.error() / self.error_said();
        let honest = 1.0 / (LOST * most.sqrt())..=LOST / fewest.sqrt();
        ensure!(honest.contains(&said), "{self}: {said:.3} in {honest:.3?}");
        let held = held_by(Z * fewest.sqrt()) - 0.04..=held_by(Z * most.sqrt()) + 0.02;
        ensure!(held.contains(&self.coverage()), "{self}: in {held:.3?}");
        // What is found of nothing has no slope.
        if let Some((slope, standard_error)) = self.slope() {
            let by_luck = CHANCE * standard_error;
            let slopes = 1.0 / most - by_luck..=1.0 / fewest + by_luck;
            ensure!(slopes.contains(&slope), "{self}: in {slopes:.3?}");
        }
        let (matches, error_max) = PROMISED;
        if is_lifelike && self.kind == Kind::Against && self.slice.matches >= matches {
            ensure!(self.error() <= error_max, "{self}");
        }
        Ok(())
    }

    /// How large the spread of effects is beside the noise of the games.
    fn spread_by_noise(&self) -> f64 {
        let noise = self.root_mean(|pair| POINTS.powi(2) * 4.0 / pair.games.max(0.01));
        (self.spread() / noise).powi(2)
    }

    /// How far off chance lets that be which is found of `t`, as a part of it.
    fn spread_error(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "matches are fewer than 2⁵³")]
        let independent = 1.0 / (1.0 / self.count() + 1.0 / self.slice.matches as f64);
        (1.0 + 1.0 / self.spread_by_noise()) * (2.0 / independent).sqrt()
    }

    /// The root of the mean of squares, weighted by games.
    fn root_mean(&self, square: impl Fn(&Pair) -> f64) -> f64 {
        let sum: f64 = self
            .pairs
            .iter()
            .map(|pair| pair.games * square(pair))
            .sum();
        let games: f64 = self.pairs.iter().map(|pair| pair.games).sum();
        (sum / games).sqrt()
    }

    fn error(&self) -> f64 {
        self.root_mean(|pair| (pair.found - pair.truth).powi(2))
    }

    fn error_said(&self) -> f64 {
        self.root_mean(|pair| pair.sd.powi(2))
    }

    /// Of whoever says that pairs are worth nothing.
    fn spread(&self) -> f64 {
        self.root_mean(|pair| pair.truth.powi(2))
    }

    fn error_at_best(&self) -> f64 {
        let spread = self.spread().powi(2);
        self.root_mean(|pair| {
            let noise = POINTS.powi(2) * 4.0 / pair.games.max(0.01);
            spread * noise / (spread + noise)
        })
    }

    fn coverage(&self) -> f64 {
        self.pairs
            .iter()
            .map(|pair| f64::from(u8::from(pair.is_held)))
            .sum::<f64>()
            / self.count()
    }

    /// The slope of the truth on what is found, and its standard error.
    fn slope(&self) -> Option<(f64, f64)> {
        let sum = |of: &dyn Fn(&Pair) -> f64| self.pairs.iter().map(of).sum::<f64>();
        let squares = sum(&|pair| pair.found.powi(2));
        let slope = sum(&|pair| pair.found * pair.truth) / squares;
        let left = sum(&|pair| (pair.truth - slope * pair.found).powi(2)) / self.count();
        (squares > 0.0).then(|| (slope, (left / squares).sqrt()))
    }

    #[expect(clippy::cast_precision_loss, reason = "pairs are some thousands")]
    fn count(&self) -> f64 {
        self.pairs.len() as f64
    }
}

impl fmt::Display for Judged<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (slope, standard_error) = self.slope().unwrap_or_default();
        write!(
            f,
            "{:?} in {} matches: error {:.3} pp of {:.3}, at best {:.3}, said {:.3}; {:.3} of \
             intervals hold the truth; slope {slope:.3} ± {standard_error:.3}",
            self.kind,
            self.slice.matches,
            self.error(),
            self.spread(),
            self.error_at_best(),
            self.error_said(),
            self.coverage(),
        )
    }
}

/// The share of a normal distribution within so many standard deviations, to a percent.
fn held_by(deviations: f64) -> f64 {
    2.0 / (1.0 + (-1.702 * deviations).exp()) - 1.0
}

/// The share of all picks that a hero has.
fn share(slice: &SliceTruth, hero: u16) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "games are fewer than 2⁵³")]
    let [picks, matches] = [slice.games_of(hero)[0], slice.matches].map(|games| games as f64);
    picks / (10.0 * matches)
}

/// The effects of pairs, without what is common to all pairs of a hero: that is its own.
fn effects(kind: Kind, world: &World, slice: &SliceTruth) -> BTreeMap<(u16, u16), f64> {
    let (mut effects, _) = centred(kind, world, slice);
    effects.retain(|(one, other), _| one < other);
    effects
}

/// Strengths in points, with what is common to all pairs of a hero: five enemies and four
/// friends each have a part of it.
pub(super) fn strengths(world: &World, slice: &SliceTruth) -> BTreeMap<u16, f64> {
    let [(_, against), (_, with)] =
        [Kind::Against, Kind::With].map(|kind| centred(kind, world, slice));
    let alone = slice.heroes().map(|id| {
        let pairs = 5.0 * against[&id] + 4.0 * with[&id];
        (id, world.strength(hero(id)) + pairs)
    });
    let alone: BTreeMap<_, _> = alone.collect();
    let mean: f64 = alone
        .iter()
        .map(|(id, worth)| share(slice, *id) * worth)
        .sum();
    alone
        .into_iter()
        .map(|(id, worth)| (id, POINTS * (worth - mean)))
        .collect()
}

/// Effects whose means over all others are 0, and what has been taken from each hero's.
fn centred(
    kind: Kind,
    world: &World,
    slice: &SliceTruth,
) -> (BTreeMap<(u16, u16), f64>, BTreeMap<u16, f64>) {
    let ids: Vec<_> = slice.heroes().collect();
    let mut effects = BTreeMap::new();
    for &one in &ids {
        for &other in ids.iter().filter(|other| **other != one) {
            let effect = match kind {
                Kind::Against => world.advantage(hero(one), hero(other)),
                Kind::With => world.synergy(hero(one), hero(other)),
            };
            effects.insert((one, other), effect);
        }
    }
    let mut taken: BTreeMap<u16, f64> = ids.iter().map(|id| (*id, 0.0)).collect();
    for _ in 0..ROUNDS {
        let means: BTreeMap<u16, f64> = ids
            .iter()
            .map(|&one| {
                let others = || ids.iter().filter(move |other| **other != one);
                let sum: f64 = others()
                    .map(|&other| share(slice, other) * effects[&(one, other)])
                    .sum();
                let shares: f64 = others().map(|&other| share(slice, other)).sum();
                // Both of a pair take half of what they have in common.
                let half = if kind == Kind::With { 0.5 } else { 1.0 };
                (one, half * sum / shares)
            })
            .collect();
        for ((one, other), effect) in &mut effects {
            *effect -= means[one] + kind.sign() * means[other];
        }
        for (id, mean) in means {
            *taken.entry(id).or_default() += mean;
        }
    }
    (effects, taken)
}
