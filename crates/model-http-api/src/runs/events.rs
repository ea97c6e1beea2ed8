//! Runs as server-sent events, step by step.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, get, web};
use futures_util::stream;
use http_kit::{EventStreams, Problem};
use model_application::{
    ports::StepName,
    runs::{RunEvent, RunEventKind},
};
use serde::Serialize;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use utoipa::ToSchema;

use super::{
    answers::{FailureAnswer, written},
    overview::OverviewAnswer,
};
use crate::ApiState;

/// Something that has happened to a run.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunEventAnswer {
    /// To which one.
    run: String,
    /// When.
    at: String,
    /// `queued`, `step_began`, `step_done`, `step_failed`, `switched` or `ended`.
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// How long an attempt took.
    #[serde(skip_serializing_if = "Option::is_none")]
    took_seconds: Option<f64>,
    /// Why an attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// After which pause it is tried again; absent if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    again_in_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureAnswer>,
}

/// What happens to runs, step by step, and how they are.
///
/// An event `runs` says how they are on the whole, at once and then every second. An
/// event `run` says what has happened to one, at once; for whoever reads too slowly
/// the oldest are left out.
#[utoipa::path(
    tag = "runs",
    responses(
        (status = 200, description = "A stream of events without an end: `runs`, and in between `run`.",
            body = OverviewAnswer, content_type = "text/event-stream"),
        (status = 503, description = "Too many clients are reading already.",
            body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/api/v1/runs/events")]
pub(crate) async fn run_events(
    request: HttpRequest,
    state: web::Data<ApiState>,
    streams: web::Data<EventStreams>,
) -> HttpResponse {
    let heard = stream::unfold(state.runs.events().listen(), |mut events| async {
        let event = next(&mut events).await?;
        Some((("run", RunEventAnswer::from(&*event)), events))
    });
    let runs = Arc::clone(&state.runs);
    let look = move || OverviewAnswer::from(runs.status().snapshot());
    streams.answer_and_tell(&request, "runs", "/api/v1/runs", look, heard)
}

/// The next one that was not passed over.
async fn next(events: &mut Receiver<Arc<RunEvent>>) -> Option<Arc<RunEvent>> {
    loop {
        match events.recv().await {
            Ok(event) => return Some(event),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}

impl From<&RunEvent> for RunEventAnswer {
    fn from(event: &RunEvent) -> Self {
        let RunEvent { run, at, kind } = event;
        let of = |what| Self {
            run: run.to_string(),
            at: written(*at),
            what,
            trigger: None,
            by: None,
            step: None,
            attempt: None,
            rows: None,
            detail: None,
            took_seconds: None,
            cause: None,
            again_in_seconds: None,
            patch: None,
            state: None,
            failure: None,
        };
        let of_step = |what, step: StepName, attempt| Self {
            step: Some(step.as_str()),
            attempt: Some(attempt),
            ..of(what)
        };
        match kind.clone() {
            RunEventKind::Queued { trigger, by } => Self {
                trigger: Some(trigger.as_str()),
                by,
                ..of("queued")
            },
            RunEventKind::StepBegan { step, attempt } => of_step("step_began", step, attempt),
            RunEventKind::StepDone {
                step,
                attempt,
                rows,
                detail,
                took,
            } => Self {
                rows: Some(rows),
                detail: Some(detail),
                took_seconds: Some(took.as_secs_f64()),
                ..of_step("step_done", step, attempt)
            },
            RunEventKind::StepFailed {
                step,
                attempt,
                cause,
                again_in,
            } => Self {
                cause: Some(cause),
                again_in_seconds: again_in.map(|pause| pause.as_secs_f64()),
                ..of_step("step_failed", step, attempt)
            },
            RunEventKind::Switched { patch } => Self {
                patch: Some(patch),
                ..of("switched")
            },
            RunEventKind::Ended { state, failure } => Self {
                state: Some(state.as_str()),
                failure: failure.map(Into::into),
                ..of("ended")
            },
        }
    }
}
