//! The figures of models for Prometheus.

use std::{borrow::Cow, fmt, sync::Arc};

use contracts::models::{HoldOutFigures, PriorFigures, SliceFigures};
use http_kit::{Metrics, Writer};
use model_application::{
    Slice,
    ports::{RunState, StepName, Trigger},
    runs::{RunsSnapshot, RunsStatus, Standing},
};

use crate::{ApiState, Published, Snapshot};

/// Where the figures are from.
pub(crate) struct ModelMetrics {
    published: Arc<Published>,
    runs: Arc<RunsStatus>,
    version: &'static str,
    commit: &'static str,
}

impl ModelMetrics {
    pub(crate) fn of(state: &ApiState) -> Self {
        Self {
            published: Arc::clone(&state.published),
            runs: Arc::clone(state.runs.status()),
            version: state.service.version,
            commit: state.service.commit,
        }
    }
}

impl Metrics for ModelMetrics {
    fn write(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let runs = self.runs.snapshot();
        write_runs(&runs, writer)?;
        write_publishing(&runs, writer)?;
        write_slices(&self.published.snapshot(), writer)?;
        let build = [("version", self.version), ("commit", self.commit)];
        writer.info("model_build", "What is running", build)
    }
}

fn write_runs(runs: &RunsSnapshot, writer: &mut Writer<'_>) -> fmt::Result {
    let counts = &runs.counts;
    let outcomes = RunState::ALL.iter().filter(|state| state.is_finished());
    writer.counters(
        "model_runs",
        "Runs that have ended, by how and why they were begun",
        // From the start, at 0: a rate over a series that appears with its first event
        // misses that event.
        outcomes.flat_map(|&outcome| {
            Trigger::ALL.iter().map(move |&trigger| {
                let count = counts.runs.get(&(outcome, trigger)).copied();
                let labels = [("outcome", outcome.as_str()), ("trigger", trigger.as_str())];
                (labels, count.unwrap_or_default())
            })
        }),
    )?;
    writer.histograms(
        "model_run_seconds",
        "How long attempts at a step took",
        counts
            .steps
            .iter()
            .map(|(step, took)| ([("step", step.as_str())], took)),
    )?;
    writer.counters(
        "model_retries",
        "Attempts at a step that failed, each followed by another one",
        StepName::ALL.iter().map(|step| {
            let count = counts.retries.get(step).copied().unwrap_or_default();
            ([("step", step.as_str())], count)
        }),
    )?;
    writer.counter(
        "model_skipped_schedules",
        "How often it was time while a run was under way",
        runs.schedule.skipped,
    )?;
    writer.counters(
        "model_matches_excluded",
        "Matches that runs left out",
        counts
            .excluded
            .iter()
            .map(|(reason, count)| ([("reason", &**reason)], *count)),
    )?;
    let none = std::iter::empty::<([(&str, &str); 0], f64)>;
    match runs.last_success {
        Some(at) => {
            #[expect(clippy::cast_precision_loss, reason = "far fewer than 2⁵³")]
            let seconds = at.as_unix_ms() as f64 / 1000.0;
            writer.gauge(LAST_SUCCESS.0, LAST_SUCCESS.1, &seconds)?;
        }
        None => writer.gauges(LAST_SUCCESS.0, LAST_SUCCESS.1, none())?,
    }
    match runs.data_age() {
        Some(age) => writer.gauge(DATA_AGE.0, DATA_AGE.1, &age.as_secs_f64()),
        None => writer.gauges(DATA_AGE.0, DATA_AGE.1, none()),
    }
}

const LAST_SUCCESS: (&str, &str) = (
    "model_last_success_timestamp_seconds",
    "When a run last found that readers see what there is to see; absent before that",
);
const DATA_AGE: (&str, &str) = (
    "model_data_age_seconds",
    "How old the newest counters are; absent before they were read",
);

fn write_publishing(runs: &RunsSnapshot, writer: &mut Writer<'_>) -> fmt::Result {
    writer.counter(
        "model_keys_published",
        "Documents that readers were given",
        runs.counts.keys_published,
    )?;
    let last_switch = runs.counts.last_switch.unwrap_or_default();
    writer.gauge(
        "model_switch_seconds",
        "How long the last switch took; 0 before the first",
        &last_switch.as_secs_f64(),
    )?;
    let epoch = match runs.standing {
        Standing::Leader { epoch, .. } => epoch,
        _ => 0,
    };
    writer.gauge(
        "model_leader",
        "1 where this instance may publish",
        &u64::from(runs.standing.may_run()),
    )?;
    writer.gauge(
        "model_epoch",
        "The number of this instance's leadership; 0 where it is not the leader",
        &epoch,
    )
}

/// Each slice that is published: its patch, its name and its figures.
fn each(snapshot: &Snapshot) -> impl Iterator<Item = (&str, &str, &SliceFigures)> {
    snapshot.patches.iter().flat_map(|patch| {
        let slices = patch.meta.slices.iter();
        slices.map(|(name, figures)| (&*patch.meta.patch, &**name, figures))
    })
}

/// What a slice is called among those of all patches.
fn label(patch: &str, name: &str) -> Cow<'static, str> {
    format!("patch_{patch}:{name}").into()
}

fn write_slices(snapshot: &Snapshot, writer: &mut Writer<'_>) -> fmt::Result {
    writer.gauges(
        "model_matches_used",
        "Matches from which a published slice was computed",
        each(snapshot).filter_map(|(patch, name, figures)| {
            let name: Slice = name.parse().ok()?;
            let labels = [
                ("patch", Cow::Owned(patch.to_owned())),
                ("skill", Cow::Borrowed(name.skill.as_str())),
                ("mode", Cow::Borrowed(name.mode.as_str())),
            ];
            Some((labels, figures.matches))
        }),
    )?;
    let judged = || {
        each(snapshot)
            .filter_map(|(patch, name, figures)| Some((label(patch, name), figures.holdout?)))
    };
    writer.gauges(
        "model_holdout_log_loss",
        "Log loss on matches that the model has not seen, in nats a match",
        judged().flat_map(
            |(
                slice,
                HoldOutFigures {
                    log_loss,
                    heroes_only,
                    constant,
                    ..
                },
            )| {
                let predictors = [
                    ("model", log_loss),
                    ("heroes_only", heroes_only),
                    ("constant", constant),
                ];
                predictors.map(|(predictor, loss)| {
                    let labels = [("slice", slice.clone()), ("predictor", predictor.into())];
                    (labels, loss.to_f64())
                })
            },
        ),
    )?;
    writer.gauges(
        "model_holdout_ece",
        "How far probabilities are from frequencies on those matches, 0 to 1",
        judged().map(|(slice, figures)| ([("slice", slice)], figures.ece.to_f64())),
    )?;
    writer.gauges(
        "model_prior_sd",
        "How far effects spread before anything is known of one, in log-odds",
        each(snapshot).flat_map(|(patch, name, figures)| {
            let PriorFigures {
                strength,
                advantage,
                synergy,
            } = figures.prior_sd;
            let effects = [
                ("strength", strength),
                ("advantage", advantage),
                ("synergy", synergy),
            ];
            effects.map(|(effect, sd)| {
                let labels = [("slice", label(patch, name)), ("effect", effect.into())];
                (labels, sd.to_f64())
            })
        }),
    )
}
