//! From the numbers that were published back to what scores drafts.
//!
//! Whoever reads them does so here, so that everybody gets the same digits.

use domain::HeroId;
use thiserror::Error;

use crate::{
    draft_model::{DraftModel, Effect, z_of},
    log_odds::log_odds,
    roster::Roster,
    triangle::Triangle,
};

/// The effects of a slice as they are published, in thousandths of log-odds.
///
/// Triangles have a value for each pair `i < j` of `heroes`, row by row.
#[derive(Debug, Clone, Copy)]
pub struct PublishedEffects<'a> {
    /// The heroes' ids, ascending.
    pub heroes: &'a [u16],
    /// The Radiant's advantage and its standard deviation.
    pub side: Effect,
    /// Of each hero: values and standard deviations.
    pub strengths: (&'a [i16], &'a [i16]),
    /// Of the pair's first hero over its second: triangles.
    pub advantages: (&'a [i16], &'a [i16]),
    /// Of each pair: triangles.
    pub synergies: (&'a [i16], &'a [i16]),
}

/// Why numbers are of no slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EffectsUnreadable {
    /// A list has another length than the heroes call for.
    #[error("{what} have {found} values, not {expected}")]
    Length {
        /// Which list.
        what: &'static str,
        /// How many values it has.
        found: usize,
        /// How many it must have.
        expected: usize,
    },
    /// Ids are at least 1 and ascend.
    #[error("hero {0} is out of order")]
    Heroes(u16),
}

impl TryFrom<PublishedEffects<'_>> for DraftModel {
    type Error = EffectsUnreadable;

    fn try_from(published: PublishedEffects<'_>) -> Result<Self, EffectsUnreadable> {
        let count = published.heroes.len();
        let pairs = count * count.saturating_sub(1) / 2;
        let strengths = effects("strengths", published.strengths, count)?;
        let advantages = effects("advantages", published.advantages, pairs)?;
        let synergies = effects("synergies", published.synergies, pairs)?;
        Ok(Self {
            roster: roster(published.heroes)?,
            side: published.side,
            strengths,
            advantages: Triangle::from_values(count, advantages),
            synergies: Triangle::from_values(count, synergies),
        })
    }
}

fn roster(ids: &[u16]) -> Result<Roster, EffectsUnreadable> {
    let mut before = 0;
    let mut heroes = Vec::with_capacity(ids.len());
    for &id in ids {
        if id <= before {
            return Err(EffectsUnreadable::Heroes(id));
        }
        before = id;
        heroes.push(HeroId::try_new(id).expect("it is greater than one before"));
    }
    Ok(Roster::new(heroes))
}

fn effects(
    what: &'static str,
    (values, sds): (&[i16], &[i16]),
    expected: usize,
) -> Result<Vec<Effect>, EffectsUnreadable> {
    for found in [values.len(), sds.len()] {
        if found != expected {
            return Err(EffectsUnreadable::Length {
                what,
                found,
                expected,
            });
        }
    }
    let both = values.iter().zip(sds);
    Ok(both.map(|(&value, &sd)| Effect { value, sd }).collect())
}

/// What is published of an account on a hero, in points of win rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PublishedScore {
    /// The hero.
    pub hero: HeroId,
    /// The interval's lower end.
    pub lo: f64,
    /// The interval's upper end.
    pub hi: f64,
    /// The part that is the hero's.
    pub hero_pp: f64,
    /// The part that is the account's on whatever it plays.
    pub account_pp: f64,
    /// The part that is its own on this hero.
    pub personal_pp: f64,
}

/// What an account adds to each hero of a slice, by its place: in thousandths of
/// log-odds, as [`Question::personal`](crate::Question::personal) takes it.
///
/// `level` is that of the scores' intervals, `hero_sd` how far an account's skills on
/// heroes spread, in log-odds. A hero that was not played has what the account adds to
/// whatever it plays, the mean over those it has played, and that spread.
#[must_use]
pub fn personal_effects(
    model: &DraftModel,
    scores: &[PublishedScore],
    level: f64,
    hero_sd: f64,
) -> Vec<Effect> {
    let of = |pp: f64| log_odds((0.5 + pp / 100.0).clamp(0.001, 0.999));
    let on_any: Vec<_> = scores
        .iter()
        .map(|score| of(score.hero_pp + score.account_pp) - of(score.hero_pp))
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "at most 65535 heroes")]
    let mean = on_any.iter().sum::<f64>() / on_any.len().max(1) as f64;
    let mut effects = vec![thousandths(mean, hero_sd); model.roster.len()];
    for score in scores {
        // One that the slice does not know cannot be picked in it.
        let Ok(place) = model.roster.place(score.hero) else {
            continue;
        };
        let all = score.hero_pp + score.account_pp + score.personal_pp;
        let sd = (of(score.hi) - of(score.lo)) / (2.0 * z_of(level));
        let of_hero = f64::from(model.strengths[place].sd) / 1000.0;
        let sd = (sd * sd - of_hero * of_hero).max(0.0).sqrt();
        effects[place] = thousandths(of(all) - of(score.hero_pp), sd);
    }
    effects
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "what is larger ends at its limit"
)]
fn thousandths(value: f64, sd: f64) -> Effect {
    Effect {
        value: (1000.0 * value).round() as i16,
        sd: (1000.0 * sd).round() as i16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published<'a>(heroes: &'a [u16], pairs: &'a [i16]) -> PublishedEffects<'a> {
        PublishedEffects {
            heroes,
            side: Effect { value: 60, sd: 3 },
            strengths: (&[10, -20, 30], &[5, 5, 5]),
            advantages: (pairs, pairs),
            synergies: (pairs, pairs),
        }
    }

    #[test]
    fn what_was_published_is_read_back() {
        let model = DraftModel::try_from(published(&[1, 2, 5], &[7, 8, 9]));
        let model = model.expect("its lists fit");
        assert_eq!(model.strengths[1], Effect { value: -20, sd: 5 });
        assert_eq!(*model.advantages.get(1, 2), Effect { value: 9, sd: 9 });
    }

    #[test]
    fn lists_that_do_not_fit_are_refused() {
        let check = |heroes: &[u16], pairs: &[i16], said: &str| {
            let refused = DraftModel::try_from(published(heroes, pairs));
            assert_eq!(refused.expect_err("it does not fit").to_string(), said);
        };
        check(&[1, 2, 5], &[7, 8], "advantages have 2 values, not 3");
        check(&[1, 2], &[7], "strengths have 3 values, not 2");
        check(&[0, 2, 5], &[7, 8, 9], "hero 0 is out of order");
        check(&[1, 5, 5], &[7, 8, 9], "hero 5 is out of order");
    }

    #[test]
    fn an_account_adds_what_its_scores_say_beyond_the_hero() {
        let model = DraftModel::try_from(published(&[1, 2, 5], &[7, 8, 9]));
        let model = model.expect("its lists fit");
        let score = PublishedScore {
            hero: HeroId::try_new(2).expect("not zero"),
            lo: 0.2,
            hi: 6.0,
            hero_pp: -1.12,
            account_pp: 0.85,
            personal_pp: 3.37,
        };
        let effects = personal_effects(&model, &[score], 0.9, 0.18);
        // 4.22 points are 0.169 log-odds near an even game, 0.85 are 0.034.
        assert_eq!(effects[1], Effect { value: 169, sd: 71 });
        assert_eq!(effects[0], Effect { value: 34, sd: 180 });
        let nobody = personal_effects(&model, &[], 0.9, 0.18);
        assert_eq!(nobody[1], Effect { value: 0, sd: 180 });
    }
}
