//! Personal Advantage Scores.

use actix_web::{HttpRequest, HttpResponse, get, web};
use bytes::Bytes;
use contracts::models::{ModelDocument, PasDocument, pas_key};
use domain::AccountId;
use http_kit::{Parameters, Questions, path_parameter};
use model_application::Skill;

use crate::{
    ApiState,
    heroes::document,
    problems::{Refused, SliceRefusals, no_data},
    target::Target,
};

/// The questions for accounts, which the warehouse answers.
#[derive(Clone)]
pub(crate) struct AccountQuestions(pub(crate) Questions);

/// What is to be expected of an account on each hero that it has played.
///
/// As under `pas:account_A` in Redis, or else computed now.
#[utoipa::path(
    tag = "models",
    params(
        ("id" = u32, Path, minimum = 1, description = "The account."),
        ("patch" = Option<String>, Query, description = "Against the strengths of this patch; without it the current one."),
        ("skill" = Option<String>, Query, description = "And of this skill; without it as it was computed last."),
    ),
    responses(
        (status = 200, description = "The document.", body = serde_json::Value),
        SliceRefusals,
    )
)]
#[get("/api/v1/accounts/{id}/pas")]
pub(crate) async fn pas(
    request: HttpRequest,
    state: web::Data<ApiState>,
    redis: web::Data<Questions>,
    warehouse: web::Data<AccountQuestions>,
) -> HttpResponse {
    let answer = look_up(&request, &state, &redis, &warehouse.0).await;
    answer.map_or_else(Refused::answer, document)
}

async fn look_up(
    request: &HttpRequest,
    state: &ApiState,
    redis: &Questions,
    warehouse: &Questions,
) -> Result<Bytes, Refused> {
    let allowed = "an account, 1 to 4294967294";
    let account = path_parameter(request, "id", allowed, |id| {
        let is_number = id.bytes().all(|byte| byte.is_ascii_digit());
        let id = is_number.then(|| id.parse().ok())??;
        AccountId::try_new(id).ok()
    })?;
    let target = Target::of(&Parameters::of(request, &["patch", "skill"])?)?;
    let skill = target.skill(request)?;
    let snapshot = state.published.snapshot();
    let patch = target.patch(request, &snapshot)?;
    let index = snapshot.index.as_ref();
    // Those that stand in Redis are against the current patch.
    if index.is_some_and(|index| index.current == patch.meta.patch) {
        let keys = [pas_key(account.get())];
        let found = redis.ask(request, state.published.publisher().published(&keys));
        let found = found.await?.into_iter().next().flatten();
        let found = found.filter(|json| target.skill.is_none() || is_of(json, skill));
        if let Some(found) = found {
            return Ok(found);
        }
    }
    let nobody = || {
        no_data(
            request,
            format!("no games of account {} are known", account.get()),
        )
    };
    let scores = state.accounts.as_ref().ok_or_else(nobody)?;
    let computed = scores.scores(account, &patch.meta.patch, skill);
    let computed = warehouse.ask(request, computed).await?;
    computed.ok_or_else(nobody)
}

/// Whether scores are against the strengths of this skill.
fn is_of(json: &[u8], skill: Skill) -> bool {
    PasDocument::decode(json).is_ok_and(|document| document.skill == skill.as_str())
}
