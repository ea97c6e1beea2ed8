//! What administrators do with users.

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};
use auth_application::{
    AccountError,
    ports::{BlockReason, User},
};
use auth_kit::AccessRefusals;
use domain::{SteamId, Timestamp, UserId};
use http_kit::{Parameters, Problem, read_json, rfc3339};
use serde_json::{Value, json};

use crate::{
    caller::{administrator, caller},
    documents::{BlockOrder, EndedDocument, UsersDocument},
    interface::{Api, ORDER_BYTES_MAX},
    refused::{StoreRefusals, nothing, refused_account},
};

const JSON: &[&str] = &["application/json"];

/// Looks a user up by the id on Steam: one, or none.
#[utoipa::path(
    tag = "administration",
    params(("steam_id" = String, Query, description = "17 digits.")),
    responses(
        (status = 200, description = "Whom there is.", body = UsersDocument),
        (status = 400, description = "`steam_id` is missing, or none.", body = Problem,
            content_type = "application/problem+json"),
        AccessRefusals, StoreRefusals,
    ),
    security(("access_token" = []))
)]
#[get("/api/v1/admin/users")]
pub(crate) async fn look_up(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let work = async {
        administrator(&request, &api).await?;
        let parameters = Parameters::of(&request, &["steam_id"])?;
        let person: SteamId =
            parameters.required("steam_id", "the 17 digits of a person", |id| {
                id.parse().ok()
            })?;
        let users = match api.auth.user_of(person).await {
            Ok(user) => vec![document(&user)],
            Err(AccountError::NotFound) => Vec::new(),
            Err(refusal) => return Err(Box::new(refused_account(&request, refusal))),
        };
        Ok(HttpResponse::Ok().json(json!({ "users": users })))
    };
    work.await.unwrap_or_else(|answer| *answer)
}

/// Keeps a user out, and ends all sessions. Whoever is blocked already stays so for the first reason.
#[utoipa::path(
    tag = "administration",
    request_body = BlockOrder,
    params(("id" = String, Path, description = "The id of a user.")),
    responses(
        (status = 200, description = "How many sessions have ended.", body = EndedDocument),
        (status = 404, description = "There is no such user.", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid-document`: there is no such reason.", body = Problem,
            content_type = "application/problem+json"),
        AccessRefusals, StoreRefusals,
    ),
    security(("access_token" = []))
)]
#[post("/api/v1/admin/users/{id}/block")]
pub(crate) async fn block(
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    let work = async {
        let who = administrator(&request, &api).await?;
        let user = user(&request, &id)?;
        let order = read_json(&request, payload, ORDER_BYTES_MAX, JSON).await?;
        let reason = reason(&order).map_err(|detail| {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            let problem = Problem::new(status, detail, request.path());
            problem.of_kind("invalid-document").response()
        })?;
        let ended = api.auth.block(user, reason, Some(who.user)).await;
        ended_sessions(&request, ended)
    };
    work.await.unwrap_or_else(|answer| *answer)
}

/// Lets a user come in again.
#[utoipa::path(
    tag = "administration",
    params(("id" = String, Path, description = "The id of a user.")),
    responses(
        (status = 204, description = "The user may come in."),
        (status = 404, description = "There is no such user.", body = Problem,
            content_type = "application/problem+json"),
        AccessRefusals, StoreRefusals,
    ),
    security(("access_token" = []))
)]
#[post("/api/v1/admin/users/{id}/unblock")]
pub(crate) async fn unblock(
    request: HttpRequest,
    id: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    let work = async {
        let who = administrator(&request, &api).await?;
        let user = user(&request, &id)?;
        let unblocked = api.auth.unblock(user, Some(who.user)).await;
        unblocked.map_err(|refusal| refused_account(&request, refusal))?;
        Ok(HttpResponse::NoContent().finish())
    };
    work.await.unwrap_or_else(|answer: Box<_>| *answer)
}

/// Ends all sessions of a user, who may sign in again.
#[utoipa::path(
    tag = "administration",
    params(("id" = String, Path, description = "The id of a user.")),
    responses(
        (status = 200, description = "How many have ended.", body = EndedDocument),
        (status = 404, description = "There is no such user.", body = Problem,
            content_type = "application/problem+json"),
        AccessRefusals, StoreRefusals,
    ),
    security(("access_token" = []))
)]
#[post("/api/v1/admin/users/{id}/end-sessions")]
pub(crate) async fn end_sessions(
    request: HttpRequest,
    id: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    let work = async {
        administrator(&request, &api).await?;
        let user = user(&request, &id)?;
        let ended = api.auth.end_sessions_of(user, &caller(&request)).await;
        ended_sessions(&request, ended)
    };
    work.await.unwrap_or_else(|answer| *answer)
}

/// Whom it is about. What is no id is nobody's.
fn user(request: &HttpRequest, id: &str) -> Result<UserId, Box<HttpResponse>> {
    id.parse().map_err(|_| Box::new(nothing(request)))
}

fn ended_sessions(
    request: &HttpRequest,
    ended: Result<usize, AccountError>,
) -> Result<HttpResponse, Box<HttpResponse>> {
    let ended = ended.map_err(|refusal| refused_account(request, refusal))?;
    Ok(HttpResponse::Ok().json(json!({ "sessions_ended": ended })))
}

fn reason(order: &Value) -> Result<BlockReason, String> {
    let wrong = || "an order looks like {\"reason\": \"a text\"}, and has nothing else".to_owned();
    let members = order.as_object().filter(|members| members.len() == 1);
    let reason = members.and_then(|members| members.get("reason")?.as_str());
    BlockReason::try_new(reason.ok_or_else(wrong)?).map_err(|fault| fault.to_string())
}

fn document(user: &User) -> Value {
    let at = |time: Timestamp| rfc3339(time.as_unix_ms());
    json!({
        "id": user.id.to_string(),
        "steam_id": user.person.steam_id.to_string(),
        "name": user.person.name.as_ref().map(ToString::to_string),
        "picture": user.person.picture.as_ref().map(ToString::to_string),
        "created_at": at(user.created_at),
        "last_login_at": at(user.last_login_at),
        "blocked_at": user.blocked.as_ref().map(|blocked| at(blocked.at)),
        "blocked_reason": user.blocked.as_ref().map(|blocked| blocked.reason.as_str()),
    })
}
