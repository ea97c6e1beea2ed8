//! What heroes have been given: the documents as they stand in Redis.

use std::convert::identity;

use actix_web::{HttpRequest, HttpResponse, get, http::header::ContentType, web};
use bytes::Bytes;
use contracts::models::SliceKeys;
use http_kit::{Parameters, Questions, path_parameter};

use crate::{
    ApiState,
    problems::{Refused, SliceRefusals, no_data, unknown_hero},
    published::{HeroDocuments, PackedDocuments, SliceModels, keys},
    target::{TARGET, Target},
};

/// Strength and advantages of a hero.
///
/// The same bytes as under `counters:patch_P:skill_S:hero_H` in Redis.
#[utoipa::path(
    tag = "models",
    params(
        ("hero" = u16, Path, minimum = 1, description = "The id of the hero."),
        ("patch" = Option<String>, Query, description = "Such as 7.36; without it the current one."),
        ("skill" = Option<String>, Query, description = "Such as high; without it all."),
        ("mode" = Option<String>, Query, description = "`default` or `turbo`."),
    ),
    responses(
        (status = 200, description = "The document.", body = serde_json::Value),
        SliceRefusals,
    )
)]
#[get("/api/v1/counters/{hero}")]
pub(crate) async fn counters(
    request: HttpRequest,
    state: web::Data<ApiState>,
    redis: web::Data<Questions>,
) -> HttpResponse {
    let kind = Kind {
        held: |heroes| &heroes.counters,
        key: |keys, hero| keys.counters(hero),
    };
    let answer = look_up(&request, &state, &redis, &kind).await;
    answer.map_or_else(Refused::answer, document)
}

/// Strength and synergies of a hero.
///
/// The same bytes as under `synergy:patch_P:skill_S:hero_H` in Redis.
#[utoipa::path(
    tag = "models",
    params(
        ("hero" = u16, Path, minimum = 1, description = "The id of the hero."),
        ("patch" = Option<String>, Query, description = "Such as 7.36; without it the current one."),
        ("skill" = Option<String>, Query, description = "Such as high; without it all."),
        ("mode" = Option<String>, Query, description = "`default` or `turbo`."),
    ),
    responses(
        (status = 200, description = "The document.", body = serde_json::Value),
        SliceRefusals,
    )
)]
#[get("/api/v1/synergies/{hero}")]
pub(crate) async fn synergies(
    request: HttpRequest,
    state: web::Data<ApiState>,
    redis: web::Data<Questions>,
) -> HttpResponse {
    let kind = Kind {
        held: |heroes| &heroes.synergies,
        key: |keys, hero| keys.synergy(hero),
    };
    let answer = look_up(&request, &state, &redis, &kind).await;
    answer.map_or_else(Refused::answer, document)
}

/// One of the two documents of a hero.
struct Kind {
    held: fn(&HeroDocuments) -> &PackedDocuments,
    key: fn(SliceKeys<'_>, u16) -> String,
}

pub(crate) fn document(json: Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(json)
}

async fn look_up(
    request: &HttpRequest,
    state: &ApiState,
    redis: &Questions,
    kind: &Kind,
) -> Result<Bytes, Refused> {
    let target = Target::of(&Parameters::of(request, &TARGET)?)?;
    let snapshot = state.published.snapshot();
    let (patch, slice) = target.slice(request, &snapshot)?;
    let hero = hero(request, slice)?;
    let key = (kind.key)(keys(slice.name, &patch.meta.patch), hero);
    if let Some(heroes) = &slice.heroes {
        let found = (kind.held)(heroes).get(hero);
        return found.ok_or_else(|| absent(request, &key));
    }
    let keys = [key];
    let found = redis.ask(request, state.published.publisher().published(&keys));
    let found = found.await?.into_iter().next().and_then(identity);
    found.ok_or_else(|| absent(request, &keys[0]))
}

fn absent(request: &HttpRequest, key: &str) -> Refused {
    no_data(request, format!("{key} is not there"))
}

fn hero(request: &HttpRequest, slice: &SliceModels) -> Result<u16, Refused> {
    let text = path_parameter(request, "hero", "an id", |text| Some(text.to_owned()))?;
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let id = text.parse().ok().filter(|_| is_number);
    let known = id.filter(|id| slice.hero_ids().binary_search(id).is_ok());
    known.ok_or_else(|| unknown_hero(request, &text))
}
