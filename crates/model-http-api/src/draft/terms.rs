//! The parts of a sum, as they are told.

use contracts::models::Decimal;
use domain::HeroId;
use model_application::{Effect, Term, TermKind, log_odds::points, z_of};
use serde::Serialize;
use utoipa::ToSchema;

/// A part of the sum that decides a draft.
#[derive(Serialize, ToSchema)]
pub(crate) struct TermAnswer {
    /// `side`, `strength`, `advantage`, `synergy` or `personal`.
    kind: &'static str,
    /// Whose it is; absent of `side`.
    #[serde(skip_serializing_if = "Option::is_none")]
    hero: Option<u16>,
    /// The enemy of an advantage, the ally of a synergy.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<u16>,
    /// What it adds, in thousandths of log-odds: these sum up exactly.
    value: i32,
    /// Its standard deviation, likewise.
    sd: i32,
    /// What it is worth in an even game, in points of win rate.
    #[schema(value_type = f64)]
    pp: Decimal<2>,
    /// The interval's lower end.
    #[schema(value_type = f64)]
    lo: Decimal<2>,
    /// The interval's upper end.
    #[schema(value_type = f64)]
    hi: Decimal<2>,
}

impl TermAnswer {
    /// A term, with an interval of this level.
    pub(crate) fn of(term: Term, level: f64) -> Self {
        let (kind, hero, other) = match term.kind {
            TermKind::Side => ("side", None, None),
            TermKind::Strength(hero) => ("strength", Some(hero), None),
            TermKind::Advantage(hero, other) => ("advantage", Some(hero), Some(other)),
            TermKind::Synergy(hero, other) => ("synergy", Some(hero), Some(other)),
            TermKind::Personal(hero) => ("personal", Some(hero), None),
        };
        let Effect { value, sd } = term.effect;
        let at = |sds: f64| rounded(points((f64::from(value) + sds * f64::from(sd)) / 1000.0));
        let reach = z_of(level);
        Self {
            kind,
            hero: hero.map(HeroId::get),
            other: other.map(HeroId::get),
            value: value.into(),
            sd: sd.into(),
            pp: at(0.0),
            lo: at(-reach),
            hi: at(reach),
        }
    }
}

/// The nearest decimal of a probability or of points.
pub(crate) fn rounded<const DIGITS: u32>(value: f64) -> Decimal<DIGITS> {
    Decimal::nearest(value).unwrap_or_default()
}
