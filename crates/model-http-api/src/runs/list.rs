//! The runs that there were.

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, web};
use http_kit::{Parameters, Problem, Questions, path_parameter};
use model_application::ports::{RunId, RunState};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::answers::RunAnswer;
use crate::{ApiState, problems::Refused};

/// As many as the ledger keeps by default.
const LISTED_MAX: usize = 500;
const LISTED_DEFAULT: usize = 50;

/// The questions to the ledger.
#[derive(Clone)]
pub(crate) struct LedgerQuestions(pub(crate) Questions);

/// What is answered instead of what the ledger says.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) enum LedgerRefusals {
    /// A parameter cannot be meant; the problem names it, its value and what is allowed.
    #[response(status = 400, content_type = "application/problem+json")]
    BadParameter(Problem),
    /// The ledger does not answer; `Retry-After` says when to come again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// Runs.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunsAnswer {
    /// The newest first.
    runs: Vec<RunAnswer>,
}

/// The runs that there were, and the one that is under way.
#[utoipa::path(
    tag = "runs",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "So many; without it 50."),
        ("state" = Option<String>, Query, description = "Only those of this state, such as held."),
    ),
    responses(
        (status = 200, description = "The newest first.", body = RunsAnswer),
        LedgerRefusals,
    )
)]
#[get("/api/v1/runs")]
pub(crate) async fn runs(
    request: HttpRequest,
    state: web::Data<ApiState>,
    ledger: web::Data<LedgerQuestions>,
) -> HttpResponse {
    let found = list(&request, &state, &ledger.0).await;
    found.map_or_else(Refused::answer, |runs| HttpResponse::Ok().json(runs))
}

async fn list(
    request: &HttpRequest,
    state: &ApiState,
    ledger: &Questions,
) -> Result<RunsAnswer, Refused> {
    let query = Parameters::of(request, &["limit", "state"])?;
    let count = query.optional("limit", "1 to 500", |count| {
        let count: usize = count.parse().ok()?;
        (1..=LISTED_MAX).contains(&count).then_some(count)
    })?;
    let states: Vec<_> = RunState::ALL.iter().map(|state| state.as_str()).collect();
    let of_state = query.optional("state", &states.join(", "), RunState::of)?;
    let count = count.unwrap_or(LISTED_DEFAULT);
    let found = state.runs.ledger().runs(count, of_state);
    let found = ledger.ask(request, found).await?;
    Ok(RunsAnswer {
        runs: found.into_iter().map(Into::into).collect(),
    })
}

/// One of them.
#[utoipa::path(
    tag = "runs",
    params(("id" = String, Path, description = "A UUID, as the list shows it.")),
    responses(
        (status = 200, description = "How it is.", body = RunAnswer),
        (status = 404, description = "There is none of that id.", body = Problem,
            content_type = "application/problem+json"),
        LedgerRefusals,
    )
)]
#[get("/api/v1/runs/{id}")]
pub(crate) async fn one(
    request: HttpRequest,
    state: web::Data<ApiState>,
    ledger: web::Data<LedgerQuestions>,
) -> HttpResponse {
    let found = look_up(&request, &state, &ledger.0).await;
    found.map_or_else(Refused::answer, |run| HttpResponse::Ok().json(run))
}

async fn look_up(
    request: &HttpRequest,
    state: &ApiState,
    ledger: &Questions,
) -> Result<RunAnswer, Refused> {
    let id = run_id(request)?;
    answer(request, state, ledger, id).await
}

/// The id in the path.
pub(super) fn run_id(request: &HttpRequest) -> Result<RunId, Refused> {
    Ok(path_parameter(request, "id", "a UUID", RunId::of)?)
}

/// How a run is now.
pub(super) async fn answer(
    request: &HttpRequest,
    state: &ApiState,
    ledger: &Questions,
    id: RunId,
) -> Result<RunAnswer, Refused> {
    let found = ledger.ask(request, state.runs.ledger().run(id)).await?;
    let found = found.ok_or_else(|| no_such_run(request, id))?;
    Ok(found.into())
}

pub(super) fn no_such_run(request: &HttpRequest, id: RunId) -> Refused {
    let detail = format!("there is no run {id}, or it is forgotten");
    let problem = Problem::new(StatusCode::NOT_FOUND, detail, request.path());
    problem.response().into()
}
