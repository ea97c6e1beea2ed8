//! A world in which it is known what heroes do to each other.
//!
//! Scales are those that were found in public matches: strengths spread by 0.084 in
//! log-odds, advantages by 0.054; that synergies spread by 0.040 is an assumption.
//! Pairs have a part that follows from a few styles of play and a part of their own,
//! with heavy tails, larger for heroes that are rarely picked.

use domain::HeroId;
use model_application::{Draft, log_odds::probability};
use rand::{Rng, RngExt as _, SeedableRng as _, rngs::StdRng};
use rand_distr::{Distribution as _, StandardNormal, StudentT};

const HEROES: usize = 127;
const STYLES: usize = 10;
const SHARE_OF_STYLES: f64 = 0.6;

#[derive(Debug, Clone, Copy)]
pub(crate) struct WorldConfig {
    pub(crate) side: f64,
    pub(crate) strength_sd: f64,
    pub(crate) advantage_sd: f64,
    pub(crate) synergy_sd: f64,
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self {
            side: 0.06,
            strength_sd: 0.084,
            advantage_sd: 0.054,
            synergy_sd: 0.040,
        }
    }
}

pub(crate) struct World {
    pub(crate) side: f64,
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

        let advantages = pairs(&mut dice, &shares, -1.0, config.advantage_sd);
        let synergies = pairs(&mut dice, &shares, 1.0, config.synergy_sd);
        let mut strengths: Vec<f64> = (0..HEROES).map(|_| normal(&mut dice)).collect();
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
            side: config.side,
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
    pub(crate) fn matches(&self, count: usize) -> impl Iterator<Item = (Draft, bool)> {
        let mut dice = StdRng::seed_from_u64(self.seed ^ 0x5eed);
        let (heroes, pick) = (Self::heroes(), self.picker());
        (0..count).map(move |_| {
            let drafted = pick(&mut dice);
            let won = dice.random::<f64>() < probability(self.score(&drafted));
            let side = |from: usize| std::array::from_fn(|slot| heroes[drafted[from + slot]]);
            (
                Draft::try_new(side(0), side(5)).expect("ten different heroes"),
                won,
            )
        })
    }

    /// Drafts that no estimate has seen.
    pub(crate) fn unseen(&self, count: usize) -> impl Iterator<Item = [usize; 10]> {
        let mut dice = StdRng::seed_from_u64(self.seed ^ 0xd1ce);
        let pick = self.picker();
        (0..count).map(move |_| pick(&mut dice))
    }

    fn score(&self, drafted: &[usize; 10]) -> f64 {
        score(
            drafted,
            self.side,
            |hero| self.strengths[hero],
            |ours, theirs| self.advantages[ours][theirs],
            |one, other| self.synergies[one][other],
        )
    }

    pub(crate) fn truth(&self, drafted: &[usize; 10]) -> f64 {
        self.score(drafted)
    }

    fn picker(&self) -> impl Fn(&mut StdRng) -> [usize; 10] + use<> {
        let mut up_to: Vec<f64> = self.shares.clone();
        for hero in 1..up_to.len() {
            up_to[hero] += up_to[hero - 1];
        }
        move |dice| {
            let mut drafted = [0; 10];
            for slot in 0..10 {
                drafted[slot] = loop {
                    let drawn = dice.random::<f64>();
                    let hero = up_to
                        .partition_point(|&bound| bound < drawn)
                        .min(HEROES - 1);
                    if !drafted[..slot].contains(&hero) {
                        break hero;
                    }
                };
            }
            drafted
        }
    }
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
fn pairs(dice: &mut impl Rng, shares: &[f64], sign: f64, sd: f64) -> Vec<Vec<f64>> {
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
    let rare = |hero: usize| (shares[hero] * HEROES as f64).powf(-0.1);
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
