//! What a body asks.

use std::{collections::BTreeSet, sync::Arc};

use actix_web::{HttpRequest, web};
use contracts::models::AsOf;
use domain::HeroId;
use http_kit::read_body;
use model_application::{Lineup, LineupError};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use crate::{
    problems::{Refused, bad_request, hero_twice, unknown_hero},
    published::SliceModels,
};

/// A draft in words.
const BODY_BYTES_MAX: usize = 8 * 1024;
/// Captains' mode has 14.
const BANS_MAX: usize = 64;

/// Whose numbers an answer is made from.
#[derive(Serialize, ToSchema)]
pub(crate) struct NumbersAnswer {
    /// The run that computed them.
    run: String,
    /// When that run began.
    #[schema(value_type = String, format = DateTime)]
    as_of: AsOf,
    /// The patch.
    patch: String,
    /// The skill.
    skill: &'static str,
    /// The mode.
    mode: &'static str,
    /// Whose values the slice shows: its own or its parent's.
    from: String,
    /// How much of the possible intervals hold, in 0 … 1.
    level: f64,
}

impl NumbersAnswer {
    pub(crate) fn of(slice: &SliceModels, patch: &str, level: f64) -> Self {
        Self {
            run: slice.run.clone(),
            as_of: slice.as_of,
            patch: patch.to_owned(),
            skill: slice.name.skill.as_str(),
            mode: slice.name.mode.as_str(),
            from: slice.from.clone(),
            level,
        }
    }
}

/// The question in a body.
pub(crate) async fn read<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<T, Refused> {
    let body = read_body(request, payload, BODY_BYTES_MAX).await?;
    let question = serde_json::from_slice(&body);
    question.map_err(|error| bad_request(request, format!("the body is no question: {error}")))
}

/// The draft that ids mean.
pub(crate) fn lineup(
    request: &HttpRequest,
    slice: &SliceModels,
    radiant: &[u16],
    dire: &[u16],
) -> Result<Lineup, Refused> {
    let (radiant, dire) = (heroes(request, radiant)?, heroes(request, dire)?);
    let lineup = Lineup::try_new(&slice.model.roster, &radiant, &dire);
    lineup.map_err(|error| match error {
        LineupError::HeroTwice(hero) => hero_twice(request, hero.get()),
        LineupError::NotListed(hero) => unknown_hero(request, &hero.0.to_string()),
        LineupError::TooMany(_) => bad_request(request, error.to_string()),
    })
}

/// The bans that ids mean; two teams may have banned the same hero.
pub(crate) fn bans(
    request: &HttpRequest,
    slice: &Arc<SliceModels>,
    picked: &[&[u16]],
    bans: &[u16],
) -> Result<Vec<HeroId>, Refused> {
    if bans.len() > BANS_MAX {
        let detail = format!("{} bans; allowed: at most {BANS_MAX}", bans.len());
        return Err(bad_request(request, detail));
    }
    let bans: BTreeSet<_> = bans.iter().copied().collect();
    if let Some(twice) = bans
        .iter()
        .find(|ban| picked.iter().any(|side| side.contains(ban)))
    {
        return Err(hero_twice(request, *twice));
    }
    let bans: Vec<_> = bans.into_iter().collect();
    let bans = heroes(request, &bans)?;
    let unknown = bans
        .iter()
        .find(|ban| slice.model.roster.place(**ban).is_err());
    match unknown {
        Some(unknown) => Err(unknown_hero(request, &unknown.to_string())),
        None => Ok(bans),
    }
}

fn heroes(request: &HttpRequest, ids: &[u16]) -> Result<Vec<HeroId>, Refused> {
    let hero = |&id: &u16| HeroId::try_new(id).map_err(|_| unknown_hero(request, &id.to_string()));
    ids.iter().map(hero).collect()
}
