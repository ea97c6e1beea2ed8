//! The figures of models for Prometheus.

use std::{borrow::Cow, fmt, sync::Arc};

use contracts::models::{HoldOutFigures, PriorFigures, SliceFigures};
use http_kit::{Metrics, Writer};
use model_application::Slice;

use crate::{ApiState, Published, Snapshot};

/// Where the figures are from.
pub(crate) struct ModelMetrics {
    published: Arc<Published>,
    version: &'static str,
    commit: &'static str,
}

impl ModelMetrics {
    pub(crate) fn of(state: &ApiState) -> Self {
        Self {
            published: Arc::clone(&state.published),
            version: state.service.version,
            commit: state.service.commit,
        }
    }
}

impl Metrics for ModelMetrics {
    fn write(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write_slices(&self.published.snapshot(), writer)?;
        let build = [("version", self.version), ("commit", self.commit)];
        writer.info("model_build", "What is running", build)
    }
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
