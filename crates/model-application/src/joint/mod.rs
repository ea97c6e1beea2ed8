//! All effects of a slice at once, from its drafts: a second step after the counts.
//!
//! Counts tell of each pair by itself what the others leave of it, as if drafts were
//! drawn. A joint fit asks which effects together make the outcomes most likely: the
//! logistic regression whose terms are those of the [model](crate), with what was known
//! before the slice's games as prior of each effect,
//!
//! ```text
//! minimize  − Σ w·ln P(who won)  +  Σ (effect − mean)² / (2·variance)
//! ```
//!
//! It is found by Newton's method, and each of its steps by conjugate gradients with the
//! diagonal as preconditioner: textbook methods (Nocedal and Wright, *Numerical
//! Optimization*, ch. 5 and 7), which need no matrix, only passes over the drafts.
//!
//! Deliberately absent: intervals of its own. The exact ones need the inverse of a matrix
//! of 16,000 rows; its diagonal alone would forget what effects share and promise too
//! much. Those from counts are of the same games with the same priors, and a little too
//! wide here, because the joint fit leaves less to chance.

mod drafts;
mod fit;

pub use self::drafts::{Drafts, TooManyHeroes};
use self::fit::{Layout, fit};
use crate::{
    centring::centre,
    counts::Counts,
    estimate::{
        Estimate, Parent, Priors, SliceEstimate, estimate_with_priors, shares, weighted_sum,
    },
    inheritance::Prior,
    pairs::PairKind,
    triangle::Triangle,
};

/// What the counts of a slice tell, and what was known before: a joint fit begins there.
#[derive(Debug, Clone)]
pub struct FromCounts {
    estimate: SliceEstimate,
    priors: Priors,
    shares: Vec<f64>,
}

/// The sides are hardly known before: so much that there is an answer when one of them
/// wins each time.
const SIDE_PRIOR: Prior = Prior {
    mean: 0.0,
    variance: 100.0,
};
/// Each hero has five enemies and four allies.
const ENEMIES: f64 = 5.0;
const ALLIES: f64 = 4.0;

impl FromCounts {
    /// Estimates from counts, as [`estimate_from`](crate::estimate_from) does.
    #[must_use]
    pub fn of(counts: &Counts, parent: Option<Parent<'_>>) -> Self {
        let (estimate, priors) = estimate_with_priors(counts, parent);
        Self::new(estimate, priors, counts)
    }

    pub(crate) fn new(estimate: SliceEstimate, priors: Priors, counts: &Counts) -> Self {
        Self {
            estimate,
            priors,
            shares: shares(counts.heroes()),
        }
    }

    /// What counts alone tell.
    #[must_use]
    pub fn estimate(&self) -> &SliceEstimate {
        &self.estimate
    }

    /// What the drafts tell that were counted, or the newest of them. They are put in
    /// order, so the same drafts give the same bytes. It takes some thirty passes over
    /// them, before each of which `is_wanted` is asked; nothing, once that says no.
    ///
    /// Drafts weigh together as much as so many of equal weight that tell as much.
    ///
    /// # Panics
    /// When the drafts are of other heroes than the counts.
    #[must_use]
    pub fn jointly(
        &self,
        drafts: &mut Drafts,
        is_wanted: &dyn Fn() -> bool,
    ) -> Option<SliceEstimate> {
        let of_counts = &self.estimate;
        assert_eq!(
            drafts.roster(),
            &of_counts.roster,
            "drafts are of the heroes that were counted"
        );
        if drafts.is_empty() {
            return Some(of_counts.clone());
        }
        let layout = Layout::of(of_counts.roster.len());
        let value = |estimate: &Estimate| estimate.value;
        let begin = layout.list(
            of_counts.side,
            of_counts.strengths.iter().map(value),
            of_counts.advantages.values().iter().map(value),
            of_counts.synergies.values().iter().map(value),
        );
        let priors = layout.list(
            SIDE_PRIOR,
            self.priors.strengths.iter().copied(),
            self.priors.advantages.iter().copied(),
            self.priors.synergies.iter().copied(),
        );
        let found = fit(drafts.sorted(), layout, &priors, begin, is_wanted)?;
        Some(self.centred(layout, &found))
    }

    /// What is common to a hero's pairs goes to the hero: what any draft is worth stays
    /// the same.
    fn centred(&self, layout: Layout, found: &[f64]) -> SliceEstimate {
        let (side, strengths, advantages, synergies) = layout.parts(found);
        let pairs = |effects: &[f64], kind| {
            let mut effects = Triangle::from_values(layout.heroes(), effects.to_vec());
            let taken = centre(&mut effects, &self.shares, kind);
            (effects, taken)
        };
        let (advantages, of_enemies) = pairs(advantages, PairKind::Against);
        let (synergies, of_allies) = pairs(synergies, PairKind::With);
        let each = strengths.iter().zip(of_enemies.iter().zip(&of_allies));
        let strengths: Vec<_> = each
            .map(|(own, (enemies, allies))| own + ENEMIES * enemies + ALLIES * allies)
            .collect();
        let level = weighted_sum(&strengths, &self.shares);

        let mut estimate = self.estimate.clone();
        estimate.side = side;
        for (known, strength) in estimate.strengths.iter_mut().zip(&strengths) {
            known.value = strength - level;
        }
        for (known, effects) in [
            (&mut estimate.advantages, &advantages),
            (&mut estimate.synergies, &synergies),
        ] {
            for ((_, known), &effect) in known.iter_mut().zip(effects.values()) {
                known.value = effect;
            }
        }
        estimate
    }
}
