//! A world in which it is known what heroes do to each other.
//!
//! Scales are those that were found in public matches: strengths spread by 0.084 in
//! log-odds, advantages by 0.054; that synergies spread by 0.040 is an assumption.
//! Pairs have a part that follows from a few styles of play and a part of their own,
//! with heavy tails, larger for heroes that are rarely picked.

use domain::HeroId;
use model_application::{Draft, log_odds::probability};
use rand::{Rng, SeedableRng as _, rngs::StdRng};
use rand_distr::{Distribution as _, StandardNormal, StudentT};

use crate::dice::{Dice, Picker};

pub(crate) const HEROES: usize = 127;
const STYLES: usize = 10;
const SHARE_OF_STYLES: f64 = 0.6;

#[derive(Debug, Clone, Copy)]
pub(crate) struct WorldConfig {
    pub(crate) side: f64,
    pub(crate) strength_sd: f64,
    pub(crate) advantage_sd: f64,
    pub(crate) synergy_sd: f64,
    /// How much further a hero's pairs spread the rarer it is: the exponent of its
    /// popularity, with the part of a pair that is its own.
    pub(crate) rarity: f64,
    /// How far apart the players are, whom no draft shows.
    pub(crate) rest_sd: f64,
    /// The share of last picks that are the best of some candidates.
    pub(crate) counterpicked: f64,
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self {
            side: 0.06,
            strength_sd: 0.084,
            advantage_sd: 0.054,
            synergy_sd: 0.040,
            rarity: 0.1,
            rest_sd: 0.0,
            counterpicked: 0.0,
        }
    }
}

pub(crate) struct World {
    config: WorldConfig,
    /// Each hero's share of picks.
    pub(crate) shares: Vec<f64>,
    pub(crate) strengths: Vec<f64>,
    /// Of `i` over `j`, all pairs both ways.
    pub(crate) advantages: Vec<Vec<f64>>,
    pub(crate) synergies: Vec<Vec<f64>>,
    seed: u64,
}

impl World {
    pub(crate) fn new(config: WorldConfig, seed: u64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let normal = |dice: &mut StdRng| -> f64 { StandardNormal.sample(dice) };
        let mut shares: Vec<f64> = (0..HEROES)
            .map(|_| (0.62 * normal(&mut dice)).exp())
            .collect();
        let all: f64 = shares.iter().sum();
        scale_all(&mut shares, 1.0 / all);
        Self::of_shares(config, shares, &mut dice, seed)
    }

    /// Another world, with the same heroes as popular as they are here.
    pub(crate) fn sibling(&self, seed: u64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        Self::of_shares(self.config, self.shares.clone(), &mut dice, seed)
    }

    /// What is left of this world after a change: `kept` of each effect, and of the other
    /// world as much as keeps the spread.
    pub(crate) fn changed(&self, other: &Self, kept: f64) -> Self {
        let new = (1.0 - kept * kept).sqrt();
        let mix = |one: &[f64], other: &[f64]| -> Vec<f64> {
            let both = one.iter().zip(other);
            both.map(|(one, other)| kept * one + new * other).collect()
        };
        let mix_rows = |one: &[Vec<f64>], other: &[Vec<f64>]| -> Vec<Vec<f64>> {
            let both = one.iter().zip(other);
            both.map(|(one, other)| mix(one, other)).collect()
        };
        Self {
            config: self.config,
            shares: self.shares.clone(),
            strengths: mix(&self.strengths, &other.strengths),
            advantages: mix_rows(&self.advantages, &other.advantages),
            synergies: mix_rows(&self.synergies, &other.synergies),
            seed: other.seed,
        }
    }

    fn of_shares(config: WorldConfig, shares: Vec<f64>, dice: &mut StdRng, seed: u64) -> Self {
        let normal = |dice: &mut StdRng| -> f64 { StandardNormal.sample(dice) };
        let mut spread_pairs = |sign, sd| pairs(&mut *dice, &shares, sign, sd, config.rarity);
        let advantages = spread_pairs(-1.0, config.advantage_sd);
        let synergies = spread_pairs(1.0, config.synergy_sd);
        let mut strengths: Vec<f64> = (0..HEROES).map(|_| normal(dice)).collect();
        let weighted =
            |values: &[f64]| -> f64 { values.iter().zip(&shares).map(|(x, q)| x * q).sum() };
        let mean = weighted(&strengths);
        for strength in &mut strengths {
            *strength -= mean;
        }
        let squares: Vec<_> = strengths
            .iter()
            .map(|strength| strength * strength)
            .collect();
        let scale = config.strength_sd / weighted(&squares).sqrt();
        scale_all(&mut strengths, scale);
        Self {
            config,
            shares,
            strengths,
            advantages,
            synergies,
            seed,
        }
    }

    pub(crate) fn heroes() -> Vec<HeroId> {
        (1..)
            .take(HEROES)
            .map(|id| HeroId::try_new(id).expect("not zero"))
            .collect()
    }

    /// Drafts by popularity, and who won.
    pub(crate) fn matches(&self, count: usize) -> impl Iterator<Item = ([usize; 10], bool)> {
        let mut dice = Dice::new(self.seed ^ 0x5eed);
        let picker = Picker::new(&self.shares);
        (0..count).map(move |_| {
            let drafted = self.draft(&mut dice, &picker);
            let mut chance = self.score(&drafted);
            if self.config.rest_sd > 0.0 {
                chance += self.config.rest_sd * dice.normal();
            }
            (drafted, dice.uniform() < probability(chance))
        })
    }

    /// Drafts that no estimate has seen.
    pub(crate) fn unseen(&self, count: usize) -> impl Iterator<Item = [usize; 10]> {
        let mut dice = Dice::new(self.seed ^ 0xd1ce);
        let picker = Picker::new(&self.shares);
        (0..count).map(move |_| self.draft(&mut dice, &picker))
    }

    /// What a draft is worth to the Radiant, averaged over the players.
    pub(crate) fn truth(&self, drafted: &[usize; 10]) -> f64 {
        self.score(drafted) * self.flattening()
    }

    /// How much smaller effects are than those of the world, once players are averaged over.
    pub(crate) fn flattening(&self) -> f64 {
        1.0 / (1.0 + std::f64::consts::PI / 8.0 * self.config.rest_sd.powi(2)).sqrt()
    }

    fn score(&self, drafted: &[usize; 10]) -> f64 {
        score(
            drafted,
            self.config.side,
            |hero| self.strengths[hero],
            |ours, theirs| self.advantages[ours][theirs],
            |one, other| self.synergies[one][other],
        )
    }

    fn draft(&self, dice: &mut Dice, picker: &Picker) -> [usize; 10] {
        let mut drafted = loop {
            let drawn: [usize; 10] = std::array::from_fn(|_| picker.pick(dice));
            let distinct = (1..10).all(|slot| !drawn[..slot].contains(&drawn[slot]));
            if distinct {
                break drawn;
            }
        };
        for (last, sign) in [(9, -1.0), (4, 1.0)] {
            if dice.uniform() < self.config.counterpicked {
                self.counterpick(&mut drafted, last, sign, dice, picker);
            }
        }
        drafted
    }

    /// Takes for a slot the best of six candidates, the one that is there among them.
    fn counterpick(
        &self,
        drafted: &mut [usize; 10],
        slot: usize,
        sign: f64,
        dice: &mut Dice,
        picker: &Picker,
    ) {
        let mut best = (drafted[slot], sign * self.score(drafted));
        for _ in 1..6 {
            let candidate = picker.pick(dice);
            if drafted.contains(&candidate) {
                continue;
            }
            drafted[slot] = candidate;
            let value = sign * self.score(drafted);
            if value > best.1 {
                best = (candidate, value);
            }
        }
        drafted[slot] = best.0;
    }
}

/// The draft with its heroes' ids.
pub(crate) fn named(heroes: &[HeroId], drafted: &[usize; 10]) -> Draft {
    let side = |from: usize| std::array::from_fn(|slot| heroes[drafted[from + slot]]);
    Draft::try_new(side(0), side(5)).expect("ten different heroes")
}

/// The log-odds of the Radiant's victory.
pub(crate) fn score(
    drafted: &[usize; 10],
    side: f64,
    strength: impl Fn(usize) -> f64,
    advantage: impl Fn(usize, usize) -> f64,
    synergy: impl Fn(usize, usize) -> f64,
) -> f64 {
    let (radiant, dire) = drafted.split_at(5);
    let mut sum = side;
    for (heroes, sign) in [(radiant, 1.0), (dire, -1.0)] {
        for (slot, &hero) in heroes.iter().enumerate() {
            sum += sign * strength(hero);
            for &ally in &heroes[slot + 1..] {
                sum += sign * synergy(hero, ally);
            }
        }
    }
    for &ours in radiant {
        for &theirs in dire {
            sum += advantage(ours, theirs);
        }
    }
    sum
}

/// Effects of pairs, antisymmetric for `sign` −1 and symmetric for 1, centred.
fn pairs(dice: &mut impl Rng, shares: &[f64], sign: f64, sd: f64, rarity: f64) -> Vec<Vec<f64>> {
    let len = shares.len();
    let mut normal = || -> Vec<Vec<f64>> {
        let row = |dice: &mut _| (0..STYLES).map(|_| StandardNormal.sample(dice)).collect();
        (0..len).map(|_| row(&mut *dice)).collect()
    };
    let (left, right) = (normal(), normal());
    let dot =
        |i: usize, j: usize| -> f64 { left[i].iter().zip(&right[j]).map(|(x, y)| x * y).sum() };
    let by_style = square(len, |i, j| dot(i, j) + sign * dot(j, i));

    let tails = StudentT::new(5.0).expect("more than no freedom");
    let rare = |hero: usize| (shares[hero] * HEROES as f64).powf(-rarity);
    let drawn = square(len, |i, j| tails.sample(dice) * rare(i) * rare(j));
    let own = square(len, |i, j| {
        if i < j {
            drawn[i][j]
        } else {
            sign * drawn[j][i]
        }
    });

    let (style_sd, own_sd) = (spread(&by_style), spread(&own));
    let (of_styles, of_own) = (
        SHARE_OF_STYLES.sqrt() / style_sd,
        (1.0 - SHARE_OF_STYLES).sqrt() / own_sd,
    );
    let mut effects = square(len, |i, j| of_styles * by_style[i][j] + of_own * own[i][j]);
    centre(&mut effects, shares, sign);

    let (mut squares, mut weights) = (0.0, 0.0);
    for (i, row) in effects.iter().enumerate() {
        for (j, effect) in row.iter().enumerate().filter(|(j, _)| *j != i) {
            squares += shares[i] * shares[j] * effect * effect;
            weights += shares[i] * shares[j];
        }
    }
    let scale = sd / (squares / weights).sqrt();
    square(len, |i, j| scale * effects[i][j])
}

/// Made by row means alone, unlike the code that is tested.
fn centre(effects: &mut [Vec<f64>], shares: &[f64], sign: f64) {
    let len = shares.len();
    for _ in 0..60 {
        let means: Vec<f64> = (0..len)
            .map(|i| {
                let others = (0..len).filter(|&j| j != i);
                let sum: f64 = others.map(|j| shares[j] * effects[i][j]).sum();
                sum / (1.0 - shares[i])
            })
            .collect();
        let part = if sign < 0.0 { 1.0 } else { 0.5 };
        for i in 0..len {
            for j in (0..len).filter(|&j| j != i) {
                effects[i][j] -= part * (means[i] + sign * means[j]);
            }
        }
    }
}

fn scale_all(values: &mut [f64], scale: f64) {
    for value in values {
        *value *= scale;
    }
}

fn square(len: usize, mut value: impl FnMut(usize, usize) -> f64) -> Vec<Vec<f64>> {
    let mut rows = Vec::with_capacity(len);
    for i in 0..len {
        rows.push(
            (0..len)
                .map(|j| if i == j { 0.0 } else { value(i, j) })
                .collect(),
        );
    }
    rows
}

fn spread(effects: &[Vec<f64>]) -> f64 {
    let all = effects.iter().flatten();
    let squares: f64 = all.map(|effect| effect * effect).sum();
    (squares / (effects.len() * (effects.len() - 1)) as f64).sqrt()
}
