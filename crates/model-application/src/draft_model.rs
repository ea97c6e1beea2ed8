//! What drafts are scored by: the published numbers.

use domain::HeroId;
use thiserror::Error;

use crate::{
    draft::Draft,
    estimate::{Estimate, SliceEstimate},
    log_odds::{flattening, probability},
    normal::quantile,
    roster::{HeroNotListed, Roster},
    triangle::Triangle,
};

/// An effect as it is published: in whole thousandths of log-odds, so that everybody
/// who adds up the same effects gets the same sum. Beyond ±32 log-odds nothing is told
/// apart: small numbers keep the models of all slices in the processor's cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effect {
    /// What it is.
    pub value: i16,
    /// Its standard deviation.
    pub sd: i16,
}

const PARTS: f64 = 1000.0;

impl Effect {
    /// The nearest one. What is negated before is negated after: halves are rounded
    /// away from 0.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is larger ends at its limit"
    )]
    pub fn of(estimate: Estimate) -> Self {
        Self {
            value: (PARTS * estimate.value).round() as i16,
            sd: (PARTS * estimate.sd).round() as i16,
        }
    }

    /// The same, seen from the other side.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self {
            value: self.value.saturating_neg(),
            sd: self.sd,
        }
    }
}

/// All effects of a slice, as they are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftModel {
    /// Whose effects these are.
    pub roster: Roster,
    /// The Radiant's advantage.
    pub side: Effect,
    /// Of each hero.
    pub strengths: Vec<Effect>,
    /// Of the hero of each pair that comes first over the other one.
    pub advantages: Triangle<Effect>,
    /// Of each pair.
    pub synergies: Triangle<Effect>,
}

impl DraftModel {
    /// Rounds what was estimated; strengths are said of tomorrow.
    #[must_use]
    pub fn of(found: &SliceEstimate) -> Self {
        let side = Estimate {
            value: found.side,
            sd: found.side_sd,
            prior_sd: found.side_sd,
        };
        let strengths = found.strengths.iter();
        Self {
            roster: found.roster.clone(),
            side: Effect::of(side),
            strengths: strengths.map(|known| Effect::of(known.drifted())).collect(),
            advantages: found.advantages.map(|known| Effect::of(*known)),
            synergies: found.synergies.map(|known| Effect::of(*known)),
        }
    }

    /// Of `ours` over `theirs`, by their places.
    pub(crate) fn advantage(&self, ours: usize, theirs: usize) -> Effect {
        let of_first = *self.advantages.get(ours, theirs);
        if ours < theirs {
            of_first
        } else {
            of_first.reversed()
        }
    }
}

/// Heroes that cannot be of one draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LineupError {
    /// One of them is there twice.
    #[error("hero {0} is named twice")]
    HeroTwice(HeroId),
    /// A side has five.
    #[error("a side has {0} heroes, more than 5")]
    TooMany(usize),
    /// The slice does not know it.
    #[error(transparent)]
    NotListed(#[from] HeroNotListed),
}

/// A draft that may not be complete: up to five heroes a side, by their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineup {
    pub(crate) radiant: Vec<usize>,
    pub(crate) dire: Vec<usize>,
}

impl Lineup {
    /// Takes both sides; the order within a side means nothing.
    ///
    /// # Errors
    /// [`LineupError`].
    pub fn try_new(
        roster: &Roster,
        radiant: &[HeroId],
        dire: &[HeroId],
    ) -> Result<Self, LineupError> {
        for side in [radiant, dire] {
            if side.len() > 5 {
                return Err(LineupError::TooMany(side.len()));
            }
        }
        let all = || radiant.iter().chain(dire);
        for (place, hero) in all().enumerate() {
            if all().take(place).any(|before| before == hero) {
                return Err(LineupError::HeroTwice(*hero));
            }
        }
        let places = |side: &[HeroId]| -> Result<Vec<usize>, HeroNotListed> {
            let mut places = side
                .iter()
                .map(|&hero| roster.place(hero))
                .collect::<Result<Vec<_>, _>>()?;
            places.sort_unstable();
            Ok(places)
        };
        Ok(Self {
            radiant: places(radiant)?,
            dire: places(dire)?,
        })
    }
}

/// What a term of a draft is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermKind {
    /// The Radiant's advantage.
    Side,
    /// The strength of a hero.
    Strength(HeroId),
    /// The advantage of the first, who is on the side that is looked at, over the second.
    Advantage(HeroId, HeroId),
    /// The synergy of the two.
    Synergy(HeroId, HeroId),
    /// What a player adds who is known.
    Personal(HeroId),
}

/// A part of the sum that decides a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// What it is.
    pub kind: TermKind,
    /// What it adds: to the Radiant's chances in an evaluation, to those of the side
    /// that picks in a suggestion.
    pub effect: Effect,
}

/// A sum of effects, in thousandths of log-odds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Score {
    /// The sum.
    pub value: i64,
    /// The sum of the variances.
    pub variance: i64,
}

impl Score {
    pub(crate) fn add(&mut self, effect: Effect) {
        self.value += i64::from(effect.value);
        self.variance += i64::from(effect.sd) * i64::from(effect.sd);
    }

    /// The probability in 0 … 1, averaged over what the effects may be:
    /// `σ(η / √(1 + π/8·s²))`.
    #[must_use]
    pub fn probability(self) -> f64 {
        probability(self.log_odds() * flattening(self.variance_of_log_odds()))
    }

    /// The interval of the probability at that level, such as 0.90: `σ(η ± z·s)`.
    #[must_use]
    pub fn interval(self, level: f64) -> (f64, f64) {
        let reach = z_of(level) * self.variance_of_log_odds().sqrt();
        (
            probability(self.log_odds() - reach),
            probability(self.log_odds() + reach),
        )
    }

    /// What the probability is in thousandths of log-odds: what a hold-out counts.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "far fewer than 2³¹")]
    pub fn thousandths(self) -> i32 {
        let flat = flattening(self.variance_of_log_odds());
        (PARTS * self.log_odds() * flat).round() as i32
    }

    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2⁵³")]
    fn log_odds(self) -> f64 {
        self.value as f64 / PARTS
    }

    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2⁵³")]
    fn variance_of_log_odds(self) -> f64 {
        self.variance as f64 / (PARTS * PARTS)
    }
}

/// What a model says of a whole draft, and what it would say if it knew less; each in
/// thousandths of log-odds, as a hold-out counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Predictions {
    /// By everything.
    pub model: i32,
    /// By strengths alone.
    pub heroes_only: i32,
}

impl DraftModel {
    /// What it would predict if it knew no heroes, in thousandths of log-odds.
    #[must_use]
    pub fn constant(&self) -> i32 {
        let mut score = Score::default();
        score.add(self.side);
        score.thousandths()
    }

    /// Predicts a whole draft: the same sums as those of an
    /// [evaluation](Self::evaluate), for many drafts.
    ///
    /// # Errors
    /// [`HeroNotListed`].
    pub fn predict(&self, draft: &Draft) -> Result<Predictions, HeroNotListed> {
        let radiant = self.roster.places(draft.radiant())?;
        let dire = self.roster.places(draft.dire())?;
        Ok(self.predict_places(&radiant, &dire))
    }

    /// The same of heroes whose places are known.
    pub(crate) fn predict_places(&self, radiant: &[usize; 5], dire: &[usize; 5]) -> Predictions {
        let mut score = Score::default();
        score.add(self.side);
        for (&ours, &theirs) in radiant.iter().zip(dire) {
            score.add(self.strengths[ours]);
            score.add(self.strengths[theirs].reversed());
        }
        let heroes_only = score.thousandths();
        for slot in 0..radiant.len() {
            for other in slot + 1..radiant.len() {
                score.add(*self.synergies.get(radiant[slot], radiant[other]));
                score.add(self.synergies.get(dire[slot], dire[other]).reversed());
            }
            for &theirs in dire {
                score.add(self.advantage(radiant[slot], theirs));
            }
        }
        Predictions {
            model: score.thousandths(),
            heroes_only,
        }
    }
}

/// How many standard deviations an interval reaches to both sides, for a level within 0 … 1.
#[must_use]
pub fn z_of(level: f64) -> f64 {
    quantile(f64::midpoint(1.0, level))
}

/// What a draft is worth to the Radiant, and how the sum comes about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// Every term that the draft has.
    pub terms: Vec<Term>,
    /// Their sum.
    pub score: Score,
}

impl DraftModel {
    /// Adds up what the heroes that are known do. Those that are not count nothing,
    /// for effects are centred: an empty draft has the Radiant's advantage alone.
    #[must_use]
    pub fn evaluate(&self, lineup: &Lineup) -> Evaluation {
        let mut terms = vec![Term {
            kind: TermKind::Side,
            effect: self.side,
        }];
        let named = |place: usize| self.roster.heroes()[place];
        for (side, is_radiant) in [(&lineup.radiant, true), (&lineup.dire, false)] {
            let seen = |effect: Effect| {
                if is_radiant {
                    effect
                } else {
                    effect.reversed()
                }
            };
            for (slot, &hero) in side.iter().enumerate() {
                terms.push(Term {
                    kind: TermKind::Strength(named(hero)),
                    effect: seen(self.strengths[hero]),
                });
                terms.extend(side[slot + 1..].iter().map(|&ally| Term {
                    kind: TermKind::Synergy(named(hero), named(ally)),
                    effect: seen(*self.synergies.get(hero, ally)),
                }));
            }
        }
        for &ours in &lineup.radiant {
            terms.extend(lineup.dire.iter().map(|&theirs| Term {
                kind: TermKind::Advantage(named(ours), named(theirs)),
                effect: self.advantage(ours, theirs),
            }));
        }
        let mut score = Score::default();
        for term in &terms {
            score.add(term.effect);
        }
        Evaluation { terms, score }
    }
}
