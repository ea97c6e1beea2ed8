//! What whoever has the token may ask of runs.

use std::{fmt::Display, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, http::header, post, web};
use http_kit::{
    Problem, Remembered, WriteRefusals, authorize, idempotency_key, nothing_here, read_body,
};
use model_application::{
    Mode, Skill,
    ports::{RunId, RunState, Trigger},
    runs::{CancelRefused, PublishRefused, RunRefused, RunRequest},
};
use serde::Deserialize;
use utoipa::{IntoResponses, ToSchema};

use super::{
    answers::RunAnswer,
    list::{LedgerQuestions, LedgerRefusals, answer, no_such_run, run_id},
};
use crate::{
    ApiState,
    problems::{RETRY_AFTER_SECONDS, Refused, bad_request, no_data, unknown_mode, unknown_skill},
};

/// A run in words.
pub(crate) const BODY_BYTES_MAX: usize = 4 * 1024;

/// The runs that were begun with a key, and what was asked for then.
#[derive(Clone)]
pub(crate) struct Begun(pub(crate) Arc<Remembered<(RunRequest, RunId)>>);

/// What is to be computed; without anything all that the settings name.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunQuestion {
    /// Only of this patch.
    patch: Option<String>,
    /// Only of this skill. The others' values stay as they are.
    skill: Option<String>,
    /// Only of this mode, likewise.
    mode: Option<String>,
    /// Publish also what is worse than what readers see, and compute also what has not
    /// changed.
    #[serde(default)]
    force: bool,
}

/// What is answered instead of what was ordered.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) enum OrderRefusals {
    /// There is no such run, patch or result (`unknown-patch`, `no-data`), or no token is set.
    #[response(status = 404, content_type = "application/problem+json")]
    NotThere(Problem),
    /// `run-in-progress`, with the `run`; `held`; or it has ended.
    #[response(status = 409, content_type = "application/problem+json")]
    NotNow(Problem),
}

/// Begins a run.
///
/// There is such a path only where `API_TOKEN` is set. With an `Idempotency-Key` a
/// request that is sent again within 24 hours is answered with the run that it began.
#[utoipa::path(
    tag = "writing",
    request_body = Option<RunQuestion>,
    params(("Idempotency-Key" = Option<String>, Header, description = "Up to 255 printable ASCII characters.")),
    responses(
        (status = 202, description = "It is queued; `Location` is where it is.", body = RunAnswer),
        (status = 422, description = "The key was used for something else.", body = Problem,
            content_type = "application/problem+json"),
        OrderRefusals,
        WriteRefusals,
        LedgerRefusals,
    ),
    security(("token" = []))
)]
#[post("/api/v1/runs")]
pub(crate) async fn begin(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<ApiState>,
    ledger: web::Data<LedgerQuestions>,
    begun: web::Data<Begun>,
) -> HttpResponse {
    let order = async {
        permitted(&request, &state)?;
        let key = idempotency_key(&request)?;
        let body = read_body(&request, payload, BODY_BYTES_MAX).await?;
        let wanted = wanted(&request, &body)?;
        let id = match key {
            Some(key) => begin_once(&request, &state, &begun, &key, wanted).await?,
            None => ask(&request, &state, wanted).await?,
        };
        Ok((id, answer(&request, &state, &ledger.0, id).await?))
    };
    let order: Result<_, Refused> = order.await;
    order.map_or_else(Refused::answer, |(id, run)| {
        HttpResponse::Accepted()
            .insert_header((header::LOCATION, format!("/api/v1/runs/{id}")))
            .json(run)
    })
}

async fn begin_once(
    request: &HttpRequest,
    state: &ApiState,
    begun: &Begun,
    key: &str,
    wanted: RunRequest,
) -> Result<RunId, Refused> {
    let work = async {
        let id = ask(request, state, wanted.clone()).await?;
        Ok::<_, Refused>((wanted.clone(), id))
    };
    let (asked, id) = begun.0.once(key, work).await?;
    if asked == wanted {
        return Ok(id);
    }
    let detail = "this Idempotency-Key has begun another run; send a new one for this";
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let problem = Problem::new(status, detail, request.path());
    Err(problem.response().into())
}

async fn ask(
    request: &HttpRequest,
    state: &ApiState,
    wanted: RunRequest,
) -> Result<RunId, Refused> {
    let skill = wanted.skill.map(Skill::as_str).unwrap_or_default();
    let begun = state.runs.request(wanted).await;
    begun.map_err(|error| match error {
        RunRefused::InProgress(run) => in_progress(request, run),
        RunRefused::NotLeader { leader } => not_leader(request, leader),
        RunRefused::UnknownPatch { patch, known } => {
            let detail = format!("no patch is called {patch:?}; known: {}", known.join(", "));
            Problem::new(StatusCode::NOT_FOUND, detail, request.path())
                .of_kind("unknown-patch")
                .with("known", known)
                .response()
                .into()
        }
        RunRefused::NoSuchSlice { name } if name == skill => {
            let detail = format!("skill {name} is not among MODEL_SKILLS");
            Problem::new(StatusCode::BAD_REQUEST, detail, request.path())
                .of_kind("unknown-skill")
                .response()
                .into()
        }
        RunRefused::NoSuchSlice { name } => {
            bad_request(request, format!("mode {name} is not among MODEL_MODES"))
        }
        other => unavailable(request, &other),
    })
}

/// Publishes what a run has found: one that was held, or an earlier one.
#[utoipa::path(
    tag = "writing",
    params(("id" = String, Path, description = "A UUID, as the list shows it.")),
    responses(
        (status = 202, description = "It is being published; the run says what becomes of it.", body = RunAnswer),
        OrderRefusals,
        WriteRefusals,
        LedgerRefusals,
    ),
    security(("token" = []))
)]
#[post("/api/v1/runs/{id}/publish")]
pub(crate) async fn publish(
    request: HttpRequest,
    state: web::Data<ApiState>,
    ledger: web::Data<LedgerQuestions>,
) -> HttpResponse {
    let order = async {
        permitted(&request, &state)?;
        let id = run_id(&request)?;
        let ordered = state.runs.publish(id, Some(BY.to_owned())).await;
        ordered.map_err(|error| match error {
            PublishRefused::InProgress(run) => in_progress(&request, run),
            PublishRefused::NotLeader { leader } => not_leader(&request, leader),
            PublishRefused::NoSuchRun(run) => no_such_run(&request, run),
            PublishRefused::NoResult { .. } => no_data(&request, error.to_string()),
            other => unavailable(&request, &other),
        })?;
        answer(&request, &state, &ledger.0, id).await
    };
    accepted(order.await)
}

/// Ends a run that is under way, as soon as it can be without harm.
#[utoipa::path(
    tag = "writing",
    params(("id" = String, Path, description = "A UUID, as the list shows it.")),
    responses(
        (status = 202, description = "It ends; the run says when it has.", body = RunAnswer),
        OrderRefusals,
        WriteRefusals,
        LedgerRefusals,
    ),
    security(("token" = []))
)]
#[post("/api/v1/runs/{id}/cancel")]
pub(crate) async fn cancel(
    request: HttpRequest,
    state: web::Data<ApiState>,
    ledger: web::Data<LedgerQuestions>,
) -> HttpResponse {
    let order = async {
        permitted(&request, &state)?;
        let id = run_id(&request)?;
        let cancelled = state.runs.cancel(id).await;
        cancelled.map_err(|error| match error {
            CancelRefused::NoSuchRun(run) => no_such_run(&request, run),
            CancelRefused::Ended { run, state } => ended(&request, run, state),
            CancelRefused::Elsewhere(_) => conflict(&request, error.to_string()).response().into(),
            other @ CancelRefused::Ledger(_) => unavailable(&request, &other),
        })?;
        answer(&request, &state, &ledger.0, id).await
    };
    accepted(order.await)
}

/// Who asks: whoever has the token.
const BY: &str = "http";

fn accepted(order: Result<RunAnswer, Refused>) -> HttpResponse {
    order.map_or_else(Refused::answer, |run| HttpResponse::Accepted().json(run))
}

fn permitted(request: &HttpRequest, state: &ApiState) -> Result<(), Refused> {
    let Some(token) = &state.token else {
        return Err(nothing_here(request.path()).into());
    };
    Ok(authorize(request, token)?)
}

/// What a body asks for.
fn wanted(request: &HttpRequest, body: &[u8]) -> Result<RunRequest, Refused> {
    let question: RunQuestion = if body.trim_ascii().is_empty() {
        RunQuestion::default()
    } else {
        let question = serde_json::from_slice(body);
        question.map_err(|error| bad_request(request, format!("the body is no run: {error}")))?
    };
    let skill = question.skill.map(|name| -> Result<Skill, Refused> {
        name.parse().map_err(|_| unknown_skill(request, &name))
    });
    let mode = question.mode.map(|name| -> Result<Mode, Refused> {
        name.parse().map_err(|_| unknown_mode(request, &name))
    });
    Ok(RunRequest {
        patch: question.patch,
        skill: skill.transpose()?,
        mode: mode.transpose()?,
        force: question.force,
        by: Some(BY.to_owned()),
        ..RunRequest::of_all(Trigger::Manual)
    })
}

fn conflict(request: &HttpRequest, detail: String) -> Problem {
    Problem::new(StatusCode::CONFLICT, detail, request.path())
}

fn in_progress(request: &HttpRequest, run: RunId) -> Refused {
    let detail = format!("run {run} is in progress; wait for it or cancel it");
    let problem = conflict(request, detail).of_kind("run-in-progress");
    problem.with("run", run.to_string()).response().into()
}

fn not_leader(request: &HttpRequest, leader: Option<String>) -> Refused {
    let detail = match &leader {
        Some(leader) => format!("{leader} is the leader; ask it"),
        None => "it is not known who the leader is; /api/v1/health says why".to_owned(),
    };
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail, request.path())
        .of_kind("not-leader")
        .with("leader", leader)
        .response_after(RETRY_AFTER_SECONDS)
        .into()
}

fn ended(request: &HttpRequest, run: RunId, state: RunState) -> Refused {
    if state == RunState::Held {
        let detail = format!("run {run} is held: publish it, or leave it as it is");
        return conflict(request, detail).of_kind("held").response().into();
    }
    let detail = format!("run {run} is {state}: there is nothing to cancel");
    conflict(request, detail).response().into()
}

fn unavailable(request: &HttpRequest, error: &dyn Display) -> Refused {
    tracing::warn!(%error, "what was asked of runs cannot be done now");
    let detail = "this cannot be done now; /api/v1/health says why";
    Problem::unavailable(detail, request.path(), RETRY_AFTER_SECONDS).into()
}
