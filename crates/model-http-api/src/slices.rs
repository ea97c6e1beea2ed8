//! What is published, how old and how good it is.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, get, web};
use contracts::models::{AsOf, Decimal, HoldOutFigures, PriorFigures, SliceFigures};
use domain::Timestamp;
use http_kit::rfc3339;
use model_application::{Slice, runs::PublishedPatch};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ApiState,
    problems::{SliceRefusals, not_known_yet},
    published::PatchModels,
};

/// Everything that is published.
#[derive(Serialize, ToSchema)]
pub(crate) struct SlicesAnswer {
    /// When it was seen to be so.
    #[schema(format = DateTime)]
    seen_at: String,
    /// The newest patch with data; null if nothing is published.
    #[schema(required = true)]
    current: Option<String>,
    /// The newest first.
    patches: Vec<PatchAnswer>,
}

/// A patch.
#[derive(Serialize, ToSchema)]
pub(crate) struct PatchAnswer {
    /// Its name.
    patch: String,
    /// Whose values these are.
    run: String,
    /// When that run began, or when a later one found the same counts.
    #[schema(value_type = String, format = DateTime)]
    as_of: AsOf,
    /// How long ago that is.
    age_seconds: i64,
    /// Matches of the whole window that were left out, by reason.
    excluded: BTreeMap<String, u64>,
    /// Its slices, by name.
    slices: BTreeMap<String, SliceAnswer>,
}

/// A slice.
#[derive(Serialize, ToSchema)]
pub(crate) struct SliceAnswer {
    /// Whose values are shown: its own or its parent's, which has more matches.
    from: String,
    /// Matches that were used.
    matches: u64,
    /// What they are worth, as each is weighted by its age.
    effective_matches: u64,
    /// From when to when they began.
    #[schema(value_type = [String; 2])]
    window: [AsOf; 2],
    /// Matches of the slice that were left out, by reason.
    excluded: BTreeMap<String, u64>,
    /// How far effects spread, in log-odds.
    #[schema(value_type = Object)]
    prior_sd: PriorFigures<Decimal<3>>,
    /// As how many games that counts.
    #[schema(value_type = Object)]
    prior_games: PriorFigures<u64>,
    /// What matches say that the model has not seen; null where nothing was held out.
    #[schema(required = true, value_type = Option<Object>)]
    holdout: Option<HoldOutFigures>,
    /// What was predicted of those matches and what came of it, by rising predictions; empty
    /// where this process has not judged them.
    calibration: Vec<BinAnswer>,
    /// The heroes' ids, ascending.
    heroes: Vec<u16>,
}

/// Matches of which about the same was predicted.
#[derive(Serialize, ToSchema)]
pub(crate) struct BinAnswer {
    /// How many.
    matches: u64,
    /// The mean probability of the Radiant's victory, in 0 … 1.
    #[schema(value_type = f64)]
    predicted: Decimal<4>,
    /// The share that the Radiant won, in 0 … 1.
    #[schema(value_type = f64)]
    found: Decimal<4>,
}

/// What is published, how old it is, and how good on matches that the model has not seen.
#[utoipa::path(
    tag = "models",
    responses(
        (status = 200, description = "Every slice of every patch.", body = SlicesAnswer),
        SliceRefusals,
    )
)]
#[get("/api/v1/slices")]
pub(crate) async fn slices(request: HttpRequest, state: web::Data<ApiState>) -> HttpResponse {
    let snapshot = state.published.snapshot();
    let Some(seen_at) = snapshot.seen_at else {
        return not_known_yet(&request).answer();
    };
    let now = state.clock.now();
    let patches = snapshot.patches.iter();
    let patches = patches.map(|models| {
        let judged = state.runs.status().published(&models.meta.patch);
        patch(models, judged.as_deref(), now)
    });
    HttpResponse::Ok().json(SlicesAnswer {
        seen_at: rfc3339(seen_at.as_unix_ms()),
        current: snapshot.index.as_ref().map(|index| index.current.clone()),
        patches: patches.collect(),
    })
}

fn patch(models: &PatchModels, judged: Option<&PublishedPatch>, now: Timestamp) -> PatchAnswer {
    let meta = &models.meta;
    let judged = judged.filter(|judged| judged.result.run.to_string() == meta.run);
    let named = meta.slices.iter().map(|(name, figures)| {
        let slice: Option<Slice> = name.parse().ok();
        let heroes = slice.and_then(|slice| models.slice(slice));
        let heroes = heroes.map(|slice| slice.hero_ids()).unwrap_or_default();
        let bins = slice
            .zip(judged)
            .map(|(slice, judged)| bins(slice, judged))
            .unwrap_or_default();
        (name.clone(), answer(figures, heroes, bins))
    });
    PatchAnswer {
        patch: meta.patch.clone(),
        run: meta.run.clone(),
        as_of: meta.as_of,
        age_seconds: (now.as_unix_ms() - meta.as_of.at().as_unix_ms()) / 1000,
        excluded: meta.excluded.clone(),
        slices: named.collect(),
    }
}

fn bins(slice: Slice, judged: &PublishedPatch) -> Vec<BinAnswer> {
    let holdout = judged.result.slices.get(&slice);
    let holdout = holdout.and_then(|values| values.holdout.as_ref());
    let bins = holdout.map(|holdout| holdout.calibration.as_slice());
    let bins = bins.unwrap_or_default().iter();
    bins.map(|bin| BinAnswer {
        matches: bin.matches,
        predicted: Decimal(bin.predicted.into()),
        found: Decimal(bin.found.into()),
    })
    .collect()
}

fn answer(figures: &SliceFigures, heroes: Vec<u16>, calibration: Vec<BinAnswer>) -> SliceAnswer {
    let figures = figures.clone();
    SliceAnswer {
        from: figures.from,
        matches: figures.matches,
        effective_matches: figures.effective_matches,
        window: figures.window,
        excluded: figures.excluded,
        prior_sd: figures.prior_sd,
        prior_games: figures.prior_games,
        holdout: figures.holdout,
        calibration,
        heroes,
    }
}
