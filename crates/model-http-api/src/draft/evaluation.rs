//! What a draft is worth.

use actix_web::{HttpRequest, HttpResponse, post, web};
use contracts::models::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    question::{self, NumbersAnswer},
    terms::{TermAnswer, rounded},
};
use crate::{
    ApiState,
    problems::{Refused, SliceRefusals},
    target::Target,
};

/// A draft that may not be complete.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvaluateQuestion {
    /// Such as 7.36; without it the current one.
    patch: Option<String>,
    /// Such as high; without it all.
    skill: Option<String>,
    /// `default` or `turbo`.
    mode: Option<String>,
    /// The ids of the Radiant's heroes, at most five.
    #[serde(default)]
    #[schema(max_items = 5)]
    radiant: Vec<u16>,
    /// Those of the Dire's.
    #[serde(default)]
    #[schema(max_items = 5)]
    dire: Vec<u16>,
}

/// What a draft is worth, and how that comes about.
#[derive(Serialize, ToSchema)]
pub(crate) struct EvaluateAnswer {
    #[serde(flatten)]
    numbers: NumbersAnswer,
    /// How likely the Radiant wins, in 0 … 1.
    #[schema(value_type = f64)]
    probability: Decimal<4>,
    /// The interval's lower end.
    #[schema(value_type = f64)]
    lo: Decimal<4>,
    /// The interval's upper end.
    #[schema(value_type = f64)]
    hi: Decimal<4>,
    /// The sum of the terms, in thousandths of log-odds.
    value: i64,
    /// Every term, as it counts for the Radiant.
    terms: Vec<TermAnswer>,
}

/// How likely each side wins a draft, and every term of the sum.
///
/// Computed from the published numbers. Heroes that are not known yet count nothing.
#[utoipa::path(
    tag = "models",
    request_body = EvaluateQuestion,
    responses(
        (status = 200, description = "What it is worth.", body = EvaluateAnswer),
        SliceRefusals,
    )
)]
#[post("/api/v1/draft/evaluate")]
pub(crate) async fn evaluate(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<ApiState>,
) -> HttpResponse {
    let answer = answer(&request, payload, &state).await;
    answer.map_or_else(Refused::answer, |found| HttpResponse::Ok().json(found))
}

async fn answer(
    request: &HttpRequest,
    payload: web::Payload,
    state: &ApiState,
) -> Result<EvaluateAnswer, Refused> {
    let asked: EvaluateQuestion = question::read(request, payload).await?;
    let target = Target {
        patch: asked.patch,
        skill: asked.skill,
        mode: asked.mode,
    };
    let snapshot = state.published.snapshot();
    let (patch, slice) = target.slice(request, &snapshot)?;
    let lineup = question::lineup(request, slice, &asked.radiant, &asked.dire)?;
    let evaluation = slice.model.evaluate(&lineup);
    let (lo, hi) = evaluation.score.interval(state.level);
    let terms = evaluation.terms.into_iter();
    Ok(EvaluateAnswer {
        numbers: NumbersAnswer::of(slice, &patch.meta.patch, state.level),
        probability: rounded(evaluation.score.probability()),
        lo: rounded(lo),
        hi: rounded(hi),
        value: evaluation.score.value,
        terms: terms
            .map(|term| TermAnswer::of(term, state.level))
            .collect(),
    })
}
