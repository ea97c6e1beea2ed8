//! One profile: looked at, changed, deleted.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, put, web};
use auth_kit::{AccessRefusals, Scope};
use http_kit::{Problem, expected_tags, is_known, read_json, tagged};
use serde_json::Value;
use user_application::{Edit, Version};

use crate::{
    answer::{answer, show},
    caller::{caller, whose},
    documents::ProfileDocument,
    figures::Operation,
    interface::{ApiState, PROFILE_BYTES_MAX},
    refused::{ChangeRefusals, ProfileRefusals, Refused, StoreRefusals},
};

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// A profile: one's own by its id or as `me`, which begins with the first look. Administrators see everybody's.
#[utoipa::path(
    tag = "profiles",
    params(
        ("id" = String, Path, description = "A user's id, or `me`."),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what is there already."),
    ),
    responses(
        (status = 200, description = "The profile; `ETag` is its version.", body = ProfileDocument,
            headers(("ETag" = String, description = "The version, in quotes."))),
        (status = 304, description = "It is as it was."),
        AccessRefusals, ProfileRefusals, StoreRefusals,
    ),
    security(("access_token" = []))
)]
#[get("/api/v1/profiles/{id}")]
pub(crate) async fn look(request: HttpRequest, state: web::Data<ApiState>) -> HttpResponse {
    let work = async {
        let caller = caller(&request, &state.verifier, Scope::ProfileRead).await?;
        let looked = state.profiles.look(&caller, whose(&request)?).await;
        let profile = looked.map_err(|refusal| Refused::new(&request, refusal))?;
        let tag = profile.version.to_string();
        if is_known(&request, &tag) {
            return Ok(tagged(HttpResponse::NotModified().finish(), tag));
        }
        Ok(show(&profile))
    };
    answer(&request, Operation::Look, work).await
}

/// Replaces what its owner decides of a profile by this document, which may be the one that was read before, changed.
#[utoipa::path(
    tag = "profiles",
    request_body = ProfileDocument,
    params(
        ("id" = String, Path, description = "A user's id, or `me`."),
        ("If-Match" = String, Header, description = "The `ETag` of what was read before."),
    ),
    responses(
        (status = 200, description = "The profile as it is now.", body = ProfileDocument,
            headers(("ETag" = String, description = "The new version, in quotes."))),
        (status = 412, description = "`stale-version`: somebody has changed it since; `version` is the one it has.",
            body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing.", body = Problem,
            content_type = "application/problem+json"),
        AccessRefusals, ProfileRefusals, ChangeRefusals, StoreRefusals,
    ),
    security(("access_token" = []))
)]
#[put("/api/v1/profiles/{id}")]
pub(crate) async fn replace(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<ApiState>,
) -> HttpResponse {
    let work = change(&request, payload, &state, &[JSON], Edit::Replace);
    answer(&request, Operation::Replace, work).await
}

/// Changes what this document names (RFC 7396): what is null there is as it is at first, what is missing stays.
#[utoipa::path(
    tag = "profiles",
    request_body(content = Value, content_type = "application/merge-patch+json"),
    params(
        ("id" = String, Path, description = "A user's id, or `me`."),
        ("If-Match" = String, Header, description = "The `ETag` of what was read before."),
    ),
    responses(
        (status = 200, description = "The profile as it is now.", body = ProfileDocument,
            headers(("ETag" = String, description = "The new version, in quotes."))),
        (status = 412, description = "`stale-version`: somebody has changed it since; `version` is the one it has.",
            body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing.", body = Problem,
            content_type = "application/problem+json"),
        AccessRefusals, ProfileRefusals, ChangeRefusals, StoreRefusals,
    ),
    security(("access_token" = []))
)]
#[patch("/api/v1/profiles/{id}")]
pub(crate) async fn patch(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<ApiState>,
) -> HttpResponse {
    let work = change(&request, payload, &state, &[MERGE_PATCH, JSON], Edit::Patch);
    answer(&request, Operation::Patch, work).await
}

/// Deletes a profile: everything but that it was, and when. Whoever signs in afterwards begins anew.
#[utoipa::path(
    tag = "profiles",
    params(("id" = String, Path, description = "A user's id, or `me`.")),
    responses(
        (status = 204, description = "It is gone, now or since before."),
        (status = 404, description = "It is another's.", body = Problem, content_type = "application/problem+json"),
        AccessRefusals, StoreRefusals,
    ),
    security(("access_token" = []))
)]
#[delete("/api/v1/profiles/{id}")]
pub(crate) async fn remove(request: HttpRequest, state: web::Data<ApiState>) -> HttpResponse {
    let work = async {
        let caller = caller(&request, &state.verifier, Scope::ProfileWrite).await?;
        let removed = state.profiles.remove(&caller, whose(&request)?).await;
        removed.map_err(|refusal| Refused::new(&request, refusal))?;
        Ok(HttpResponse::NoContent().finish())
    };
    answer(&request, Operation::Remove, work).await
}

async fn change(
    request: &HttpRequest,
    payload: web::Payload,
    state: &ApiState,
    types: &[&str],
    edit: fn(Value) -> Edit,
) -> Result<HttpResponse, Refused> {
    let caller = caller(request, &state.verifier, Scope::ProfileWrite).await?;
    let whose = whose(request)?;
    let expected = expected_tags(request)?;
    let body = read_json(request, payload, PROFILE_BYTES_MAX, types).await?;
    // A tag that none of ours is stands for no version.
    let versions = expected.iter().filter_map(|tag| tag.parse().ok());
    let versions: Vec<_> = versions.map(Version::new).collect();
    let edit = edit(body);
    let changed = state.profiles.change(&caller, whose, &versions, &edit);
    let changed = changed.await;
    let profile = changed.map_err(|refusal| Refused::new(request, refusal))?;
    Ok(show(&profile))
}
