//! A run, as JSON.

use domain::Timestamp;
use http_kit::rfc3339;
use model_application::ports::{Failure, Run, RunStep};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// A run.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunAnswer {
    /// Its id; a later one is higher.
    run: String,
    /// `queued`, `running`, `published`, `held`, `unchanged`, `failed`, `interrupted` or
    /// `cancelled`.
    state: &'static str,
    /// Why it was begun: `schedule`, `manual`, `start` or `new_patch`.
    trigger: &'static str,
    /// By whom; null if by nobody.
    #[schema(required = true)]
    by: Option<String>,
    /// When it was asked for.
    #[schema(format = DateTime)]
    queued_at: String,
    /// When it began; null before that.
    #[schema(required = true, format = DateTime)]
    started_at: Option<String>,
    /// When it ended; null before that.
    #[schema(required = true, format = DateTime)]
    ended_at: Option<String>,
    /// Version and commit of the program.
    program: String,
    /// Tells settings apart.
    settings_hash: String,
    /// Tells counts apart; null before they are read.
    #[schema(required = true)]
    counts_hash: Option<String>,
    /// Where and why it did not publish; null if it did, or may yet.
    #[schema(required = true)]
    failure: Option<FailureAnswer>,
    /// What it has done, in order.
    steps: Vec<StepAnswer>,
    /// Figures of each slice; null before they are known.
    #[schema(required = true, value_type = Option<Object>)]
    figures: Option<Box<RawValue>>,
}

/// Where and why a run did not publish.
#[derive(Serialize, ToSchema)]
pub(crate) struct FailureAnswer {
    /// The step.
    pub(crate) step: &'static str,
    /// Why, in a sentence.
    pub(crate) cause: String,
}

/// An attempt at a step.
#[derive(Serialize, ToSchema)]
pub(crate) struct StepAnswer {
    /// `lock`, `read`, `check`, `estimate`, `judge`, `stage`, `switch` or `verify`.
    step: &'static str,
    /// The first is 1.
    attempt: u32,
    /// When it began.
    #[schema(format = DateTime)]
    started_at: String,
    /// When it ended; null while it goes on.
    #[schema(required = true, format = DateTime)]
    ended_at: Option<String>,
    /// How many rows or documents went through it.
    rows: u64,
    /// What else is to be said.
    detail: String,
}

pub(crate) fn written(at: Timestamp) -> String {
    rfc3339(at.as_unix_ms())
}

impl From<Run> for RunAnswer {
    fn from(run: Run) -> Self {
        Self {
            run: run.id.to_string(),
            state: run.state.as_str(),
            trigger: run.trigger.as_str(),
            by: run.by,
            queued_at: written(run.queued_at),
            started_at: run.started_at.map(written),
            ended_at: run.ended_at.map(written),
            program: run.program,
            settings_hash: run.settings_hash,
            counts_hash: run.counts_hash,
            failure: run.failure.map(Into::into),
            steps: run.steps.into_iter().map(Into::into).collect(),
            figures: run
                .figures
                .and_then(|json| RawValue::from_string(json).ok()),
        }
    }
}

impl From<Failure> for FailureAnswer {
    fn from(failure: Failure) -> Self {
        Self {
            step: failure.step.as_str(),
            cause: failure.cause,
        }
    }
}

impl From<RunStep> for StepAnswer {
    fn from(step: RunStep) -> Self {
        Self {
            step: step.name.as_str(),
            attempt: step.attempt,
            started_at: written(step.started_at),
            ended_at: step.ended_at.map(written),
            rows: step.rows,
            detail: step.detail,
        }
    }
}
