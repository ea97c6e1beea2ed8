//! One's own sessions.

use actix_web::{HttpRequest, HttpResponse, delete, get, web};
use auth_application::{AddressPrefix, UserAgent, ports::BeganSession};
use auth_kit::{AccessRefusals, Principal};
use domain::Timestamp;
use http_kit::{Problem, rfc3339};
use serde_json::{Value, json};

use crate::{
    caller::{caller, user},
    documents::SessionsDocument,
    interface::Api,
    refused::{StoreRefusals, nothing, refused_account},
};

/// One's own sessions, the last used first.
#[utoipa::path(
    tag = "sessions",
    responses(
        (status = 200, description = "They.", body = SessionsDocument),
        AccessRefusals, StoreRefusals,
    ),
    security(("access_token" = []))
)]
#[get("/api/v1/sessions")]
pub(crate) async fn list(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let work = async {
        let who = user(&request, &api).await?;
        let sessions = api.auth.sessions(&who).await;
        let sessions = sessions.map_err(|refusal| refused_account(&request, refusal))?;
        let sessions: Vec<_> = sessions.iter().map(|it| document(it, &who)).collect();
        Ok(HttpResponse::Ok().json(json!({ "sessions": sessions })))
    };
    work.await.unwrap_or_else(|answer: Box<_>| *answer)
}

/// Logs out one of one's own sessions, which may be the one that asks. Its access tokens are taken until they expire,
/// by whoever looks at signatures alone.
#[utoipa::path(
    tag = "sessions",
    params(("id" = String, Path, description = "The id of a session.")),
    responses(
        (status = 204, description = "It has ended, now or before."),
        (status = 404, description = "There is no such session, or it is another's.", body = Problem,
            content_type = "application/problem+json"),
        AccessRefusals, StoreRefusals,
    ),
    security(("access_token" = []))
)]
#[delete("/api/v1/sessions/{id}")]
pub(crate) async fn log_out(
    request: HttpRequest,
    id: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    let work = async {
        let who = user(&request, &api).await?;
        // What is no id is no session's.
        let session = id.parse().map_err(|_| nothing(&request))?;
        let ended = api.auth.log_out(&who, session, &caller(&request)).await;
        ended.map_err(|refusal| refused_account(&request, refusal))?;
        Ok(HttpResponse::NoContent().finish())
    };
    work.await.unwrap_or_else(|answer: Box<_>| *answer)
}

/// Logs out everywhere: all of one's own sessions, with the one that asks.
#[utoipa::path(
    tag = "sessions",
    responses((status = 204, description = "They have ended."), AccessRefusals, StoreRefusals),
    security(("access_token" = []))
)]
#[delete("/api/v1/sessions")]
pub(crate) async fn log_out_everywhere(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let work = async {
        let who = user(&request, &api).await?;
        let ended = api.auth.log_out_everywhere(&who, &caller(&request)).await;
        ended.map_err(|refusal| refused_account(&request, refusal))?;
        Ok(HttpResponse::NoContent().finish())
    };
    work.await.unwrap_or_else(|answer: Box<_>| *answer)
}

fn document(began: &BeganSession, who: &Principal) -> Value {
    let BeganSession {
        session,
        began_at,
        caller,
    } = began;
    let at = |time: &Timestamp| rfc3339(time.as_unix_ms());
    json!({
        "id": session.id.to_string(),
        "client_id": session.client.as_str(),
        "created_at": at(began_at),
        "last_used_at": at(&session.last_used_at),
        "current": who.session == Some(session.id),
        "user_agent": caller.user_agent.as_ref().map(UserAgent::as_str),
        "address_prefix": caller.address.as_ref().map(AddressPrefix::as_str),
    })
}
