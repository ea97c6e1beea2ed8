//! Clients get tokens, and give them back.

use actix_web::{HttpRequest, HttpResponse, http::header, post, web};
use auth_application::{TokenAnswer, TokenError};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::{
    caller::caller,
    documents::{RevocationForm, TokenDocument, TokenForm},
    form::read_form,
    interface::Api,
    limits::Endpoint,
    refused::{
        LimitRefusals, OauthError, StoreRefusals, TokenRefusals, never_kept, refused,
        refused_authentication, too_often,
    },
};

/// Gives tokens for a code (RFC 6749, 4.1.3) or for a refresh token (6), which works once.
///
/// A refresh token whose answer got lost may be sent once more within seconds. A code or a refresh token that comes
/// again otherwise ends its session.
#[utoipa::path(
    tag = "tokens",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The tokens.", body = TokenDocument),
        (status = 401, description = "`invalid_client`: clients have no secrets here, and one was sent.",
            body = OauthError, content_type = "application/json"),
        TokenRefusals, LimitRefusals, StoreRefusals,
    )
)]
#[post("/token")]
pub(crate) async fn token(
    request: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> HttpResponse {
    if let Err(often) = api.limits.admit(&request, Endpoint::Token) {
        return too_often(&request, often);
    }
    if request.headers().contains_key(header::AUTHORIZATION) {
        return refused_authentication();
    }
    let fields = match read_form(&request, payload).await {
        Ok(fields) => fields,
        Err(answer) => return *answer,
    };
    match api.auth.token(&fields, &caller(&request)).await {
        Ok(answer) => given(&answer),
        Err(refusal) => {
            if matches!(
                refusal,
                TokenError::InvalidGrant | TokenError::InvalidClient
            ) {
                api.limits.failed(&request);
            }
            refused(&request, refusal)
        }
    }
}

/// Takes a token back, of either kind: its session ends (RFC 7009).
///
/// The answer is the same whether there was such a token or not.
#[utoipa::path(
    tag = "tokens",
    request_body(content = RevocationForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "It is worth nothing, now or since before."),
        TokenRefusals, LimitRefusals, StoreRefusals,
    )
)]
#[post("/revoke")]
pub(crate) async fn revoke(
    request: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> HttpResponse {
    if let Err(often) = api.limits.admit(&request, Endpoint::Revoke) {
        return too_often(&request, often);
    }
    let fields = match read_form(&request, payload).await {
        Ok(fields) => fields,
        Err(answer) => return *answer,
    };
    match api.auth.revoke(&fields, &caller(&request)).await {
        Ok(()) => HttpResponse::Ok().finish(),
        Err(refusal) => refused(&request, refusal),
    }
}

fn given(answer: &TokenAnswer) -> HttpResponse {
    let mut response = HttpResponse::Ok().json(json!({
        "access_token": answer.access.as_str(),
        "token_type": "Bearer",
        "expires_in": answer.expires_in.as_secs(),
        "refresh_token": answer.refresh.written().expose_secret(),
        "scope": answer.scopes.to_string(),
    }));
    never_kept(&mut response);
    response
}
