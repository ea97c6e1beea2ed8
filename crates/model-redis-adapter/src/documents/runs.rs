//! Entries of the ledger, for everybody.

use bytes::Bytes;
use contracts::models::{AsOf, RunDocument, RunFailure, RunStepDocument, VERSION};
use model_application::ports::{Run, RunStep};

pub(super) fn entry(run: &Run) -> Bytes {
    let document = RunDocument {
        v: VERSION,
        run: run.id.to_string(),
        state: run.state.as_str().to_owned(),
        trigger: run.trigger.as_str().to_owned(),
        by: run.by.clone(),
        queued_at: AsOf::of(run.queued_at),
        started_at: run.started_at.map(AsOf::of),
        ended_at: run.ended_at.map(AsOf::of),
        program: run.program.clone(),
        settings_hash: run.settings_hash.clone(),
        counts_hash: run.counts_hash.clone(),
        failure: run.failure.as_ref().map(|failure| RunFailure {
            step: failure.step.as_str().to_owned(),
            cause: failure.cause.clone(),
        }),
        steps: run.steps.iter().map(step).collect(),
    };
    serde_json::to_vec(&document)
        .expect("numbers, strings and lists of them")
        .into()
}

fn step(step: &RunStep) -> RunStepDocument {
    RunStepDocument {
        step: step.name.as_str().to_owned(),
        attempt: step.attempt,
        started_at: AsOf::of(step.started_at),
        took_ms: step.ended_at.map(|ended| {
            let took = ended.saturating_since(step.started_at);
            u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
        }),
        rows: step.rows,
        detail: step.detail.clone(),
    }
}
