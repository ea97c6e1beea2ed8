//! The effects that make outcomes most likely: Newton's method without a matrix.

use super::{ALLIES, ENEMIES, drafts::PackedDraft};
use crate::{inheritance::Prior, log_odds::probability};

/// What counts tell is so near that two or three steps are enough; where few drafts decide
/// everything there may be more.
const STEPS_MAX: u32 = 8;
/// Passes for each step.
const PASSES_MAX: u32 = 12;
/// No effect changes by more in a step, in log-odds.
const STEP_LONGEST: f64 = 1.0;
/// After a shorter step there is less than a hundredth of it to go: far below the
/// thousandths that are published.
const CLOSE_ENOUGH: f64 = 1e-4;
/// A step is found when so much is left of the slope: the square, by the scale.
const LEFT_MAX: f64 = 1e-10;

/// Where effects stand in one list: the side, heroes, advantages, synergies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    heroes: usize,
    pairs: usize,
}

impl Layout {
    pub(super) const fn of(heroes: usize) -> Self {
        Self {
            heroes,
            pairs: heroes * heroes.saturating_sub(1) / 2,
        }
    }

    pub(super) const fn heroes(self) -> usize {
        self.heroes
    }

    /// All in one list.
    pub(super) fn list<T>(
        self,
        side: T,
        strengths: impl Iterator<Item = T>,
        advantages: impl Iterator<Item = T>,
        synergies: impl Iterator<Item = T>,
    ) -> Vec<T> {
        let all = strengths.chain(advantages).chain(synergies);
        let list: Vec<_> = std::iter::once(side).chain(all).collect();
        assert_eq!(
            list.len(),
            1 + self.heroes + 2 * self.pairs,
            "each effect has a place"
        );
        list
    }

    /// Both places of each pair, in their order.
    fn each_pair(self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.heroes).flat_map(move |i| (i + 1..self.heroes).map(move |j| (i, j)))
    }

    /// The side, strengths, advantages and synergies of a list.
    pub(super) fn parts(self, list: &[f64]) -> (f64, &[f64], &[f64], &[f64]) {
        let (strengths, pairs) = list[1..].split_at(self.heroes);
        let (advantages, synergies) = pairs.split_at(self.pairs);
        (list[0], strengths, advantages, synergies)
    }
}

/// Finds the effects, from `begin` on; nothing once it is not wanted any more.
pub(super) fn fit(
    drafts: &[PackedDraft],
    layout: Layout,
    priors: &[Prior],
    begin: Vec<f64>,
    is_wanted: &dyn Fn() -> bool,
) -> Option<Vec<f64>> {
    let mut problem = Problem::new(drafts, layout, priors);
    let games = problem.games();
    let mut effects = begin;
    for _ in 0..STEPS_MAX {
        if !is_wanted() {
            return None;
        }
        let (downhill, curvature) = problem.look(&effects);
        let scale = Scale::new(layout, &games, curvature, priors);
        let step = problem.solve(downhill, &scale, is_wanted)?;
        let longest = step
            .iter()
            .fold(0.0_f64, |most, change| most.max(change.abs()));
        let part = (STEP_LONGEST / longest.max(CLOSE_ENOUGH)).min(1.0);
        add(&mut effects, part, &step);
        if longest < CLOSE_ENOUGH {
            break;
        }
    }
    Some(effects)
}

struct Problem<'a> {
    drafts: &'a [PackedDraft],
    layout: Layout,
    priors: &'a [Prior],
    /// What a part of a match's weight counts.
    part: f64,
    /// Of each match where it was looked last: its weight times `p·(1 − p)`.
    curvatures: Vec<f64>,
}

impl<'a> Problem<'a> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "sums of some millions of weights, rounded once"
    )]
    fn new(drafts: &'a [PackedDraft], layout: Layout, priors: &'a [Prior]) -> Self {
        let weights = || drafts.iter().map(PackedDraft::weight);
        let sum: u64 = weights().sum();
        let squares: u64 = weights().map(|weight| weight * weight).sum();
        Self {
            drafts,
            layout,
            priors,
            // All together count (Σw)² / Σw², as they do in counts.
            part: sum as f64 / (squares as f64).max(1.0),
            curvatures: vec![0.0; drafts.len()],
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a weight is below 2¹⁵")]
    fn weight(&self, draft: &PackedDraft) -> f64 {
        self.part * draft.weight() as f64
    }

    /// How many games tell of each effect.
    fn games(&self) -> Vec<f64> {
        let mut sums = Sums::new(self.layout.heroes);
        for draft in self.drafts {
            let weight = self.weight(draft);
            sums.add(draft, weight, weight);
        }
        sums.folded(self.layout, 1.0)
    }

    /// Which way is downhill, and the mean of `p·(1 − p)` by weight.
    fn look(&mut self, effects: &[f64]) -> (Vec<f64>, f64) {
        let table = Table::of(self.layout, effects);
        let mut sums = Sums::new(self.layout.heroes);
        let (mut of_all, mut weights) = (0.0, 0.0);
        for (place, draft) in self.drafts.iter().enumerate() {
            let weight = self.weight(draft);
            let chance = probability(table.score(draft));
            let curvature = weight * chance * (1.0 - chance);
            let error = weight * (f64::from(u8::from(draft.radiant_won())) - chance);
            sums.add(draft, error, -error);
            self.curvatures[place] = curvature;
            of_all += curvature;
            weights += weight;
        }
        let mut downhill = sums.folded(self.layout, -1.0);
        let priors = self.priors.iter().zip(effects);
        for (downhill, (prior, effect)) in downhill.iter_mut().zip(priors) {
            *downhill -= (effect - prior.mean) / prior.variance;
        }
        (downhill, of_all / weights)
    }

    /// What the curvature where it was looked last makes of a step.
    fn curve(&self, step: &[f64]) -> Vec<f64> {
        let table = Table::of(self.layout, step);
        let mut sums = Sums::new(self.layout.heroes);
        for (draft, &curvature) in self.drafts.iter().zip(&self.curvatures) {
            let bent = curvature * table.score(draft);
            sums.add(draft, bent, -bent);
        }
        let mut curved = sums.folded(self.layout, -1.0);
        let priors = self.priors.iter().zip(step);
        for (curved, (prior, step)) in curved.iter_mut().zip(priors) {
            *curved += step / prior.variance;
        }
        curved
    }

    /// The step whose curve is `downhill`: conjugate gradients.
    fn solve(
        &self,
        downhill: Vec<f64>,
        scale: &Scale,
        is_wanted: &dyn Fn() -> bool,
    ) -> Option<Vec<f64>> {
        let mut step = vec![0.0; downhill.len()];
        let mut left = downhill;
        let mut way = scale.of(&left);
        let first = product(&left, &way);
        let mut now = first;
        for _ in 0..PASSES_MAX {
            if now <= LEFT_MAX * first {
                break;
            }
            if !is_wanted() {
                return None;
            }
            let curved = self.curve(&way);
            let length = now / product(&way, &curved);
            add(&mut step, length, &way);
            add(&mut left, -length, &curved);
            let next = scale.of(&left);
            let before = now;
            now = product(&left, &next);
            for (way, next) in way.iter_mut().zip(&next) {
                *way = next + now / before * *way;
            }
        }
        Some(step)
    }
}

/// How far effects may go for each unit of slope: what makes conjugate gradients short.
///
/// Beside the diagonal it knows the one thing that drafts cannot tell: whether a hero is
/// strong or has advantages over all. What a hero's strength gains when all its pairs lose
/// as much changes no draft, only the priors say how much of it there is, and by the
/// diagonal alone it takes ten times as many passes to find out.
struct Scale {
    layout: Layout,
    diagonal: Vec<f64>,
    /// What the priors say of a hero's strength against all its advantages, and its
    /// synergies: precisions.
    against: Vec<f64>,
    with: Vec<f64>,
}

impl Scale {
    fn new(layout: Layout, games: &[f64], curvature: f64, priors: &[Prior]) -> Self {
        let precisions: Vec<_> = priors.iter().map(|prior| 1.0 / prior.variance).collect();
        let each = games.iter().zip(&precisions);
        let diagonal = each.map(|(games, precision)| curvature * games + precision);
        let (_, strengths, advantages, synergies) = layout.parts(&precisions);
        let common = |others: f64, pairs: &[f64]| {
            let mut sums: Vec<_> = strengths.iter().map(|one| others * others * one).collect();
            for ((i, j), precision) in layout.each_pair().zip(pairs) {
                sums[i] += precision;
                sums[j] += precision;
            }
            sums
        };
        Self {
            layout,
            diagonal: diagonal.collect(),
            against: common(ENEMIES, advantages),
            with: common(ALLIES, synergies),
        }
    }

    fn of(&self, slope: &[f64]) -> Vec<f64> {
        let layout = self.layout;
        let (_, strengths, advantages, synergies) = layout.parts(slope);
        // How far each hero's strength goes, and its pairs the other way.
        let exchange = |others: f64, pairs: &[f64], turned: f64, precisions: &[f64]| {
            let mut sums: Vec<_> = strengths.iter().map(|slope| others * slope).collect();
            for ((i, j), slope) in layout.each_pair().zip(pairs) {
                sums[i] -= slope;
                sums[j] -= turned * slope;
            }
            for (sum, precision) in sums.iter_mut().zip(precisions) {
                *sum /= precision;
            }
            sums
        };
        let against = exchange(ENEMIES, advantages, -1.0, &self.against);
        let with = exchange(ALLIES, synergies, 1.0, &self.with);
        let pairs = || layout.each_pair();
        let further = layout.list(
            0.0,
            (0..layout.heroes).map(|hero| ENEMIES * against[hero] + ALLIES * with[hero]),
            pairs().map(|(i, j)| against[j] - against[i]),
            pairs().map(|(i, j)| -with[i] - with[j]),
        );
        let each = slope.iter().zip(&self.diagonal).zip(further);
        each.map(|((slope, diagonal), further)| slope / diagonal + further)
            .collect()
    }
}

fn product(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

/// Adds `times` of the other.
fn add(sum: &mut [f64], times: f64, other: &[f64]) {
    for (sum, other) in sum.iter_mut().zip(other) {
        *sum += times * other;
    }
}

/// Effects, as drafts look them up: pairs by row and column.
struct Table {
    heroes: usize,
    side: f64,
    strengths: Vec<f64>,
    /// Of the row's hero over the column's.
    against: Vec<f64>,
    /// Of both, where the row comes first.
    with: Vec<f64>,
}

impl Table {
    fn of(layout: Layout, effects: &[f64]) -> Self {
        let heroes = layout.heroes;
        let (side, strengths, advantages, synergies) = layout.parts(effects);
        let mut table = Self {
            heroes,
            side,
            strengths: strengths.to_vec(),
            against: vec![0.0; heroes * heroes],
            with: vec![0.0; heroes * heroes],
        };
        for ((i, j), (advantage, synergy)) in
            layout.each_pair().zip(advantages.iter().zip(synergies))
        {
            table.against[i * heroes + j] = *advantage;
            table.against[j * heroes + i] = -advantage;
            table.with[i * heroes + j] = *synergy;
        }
        table
    }

    /// What a draft is worth to the Radiant.
    fn score(&self, draft: &PackedDraft) -> f64 {
        let (radiant, dire) = draft.sides();
        // Sums beside each other do not wait for each other.
        let (mut strengths, mut against, mut ours, mut theirs) = (self.side, 0.0, 0.0, 0.0);
        for slot in 0..5 {
            strengths += self.strengths[radiant[slot]] - self.strengths[dire[slot]];
            let row = &self.against[radiant[slot] * self.heroes..][..self.heroes];
            against +=
                ((row[dire[0]] + row[dire[1]]) + (row[dire[2]] + row[dire[3]])) + row[dire[4]];
            let row = &self.with[radiant[slot] * self.heroes..][..self.heroes];
            for &ally in &radiant[slot + 1..] {
                ours += row[ally];
            }
            let row = &self.with[dire[slot] * self.heroes..][..self.heroes];
            for &ally in &dire[slot + 1..] {
                theirs += row[ally];
            }
        }
        strengths + against + (ours - theirs)
    }
}

/// Sums of what matches say, in the same places.
struct Sums(Table);

impl Sums {
    fn new(heroes: usize) -> Self {
        Self(Table {
            heroes,
            side: 0.0,
            strengths: vec![0.0; heroes],
            against: vec![0.0; heroes * heroes],
            with: vec![0.0; heroes * heroes],
        })
    }

    /// Adds what a match says of the Radiant and of the Dire.
    fn add(&mut self, draft: &PackedDraft, of_radiant: f64, of_dire: f64) {
        let sums = &mut self.0;
        let (radiant, dire) = draft.sides();
        sums.side += of_radiant;
        for slot in 0..5 {
            sums.strengths[radiant[slot]] += of_radiant;
            sums.strengths[dire[slot]] += of_dire;
            let row = &mut sums.against[radiant[slot] * sums.heroes..][..sums.heroes];
            for theirs in dire {
                row[theirs] += of_radiant;
            }
            for (side, of_side) in [(&radiant, of_radiant), (&dire, of_dire)] {
                let row = &mut sums.with[side[slot] * sums.heroes..][..sums.heroes];
                for &ally in &side[slot + 1..] {
                    row[ally] += of_side;
                }
            }
        }
    }

    /// One list of all; `turned` is what a pair counts whose heroes are turned round.
    fn folded(&self, layout: Layout, turned: f64) -> Vec<f64> {
        let Table {
            heroes,
            side,
            strengths,
            against,
            with,
        } = &self.0;
        let pairs = || layout.each_pair();
        layout.list(
            *side,
            strengths.iter().copied(),
            pairs().map(|(i, j)| against[i * heroes + j] + turned * against[j * heroes + i]),
            pairs().map(|(i, j)| with[i * heroes + j]),
        )
    }
}
