//! Where everything is, and the keys to judge tokens by.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{self, HeaderValue},
    web,
};
use identity::Scope;
use serde_json::json;

use crate::{
    documents::{KeySetDocument, ServerDocument},
    interface::Api,
    refused::{StoreRefusals, away},
};

/// Far shorter than a key is published before it signs.
const KEPT: HeaderValue = HeaderValue::from_static("max-age=300");

/// What this server is, for clients (RFC 8414).
#[utoipa::path(
    tag = "discovery",
    responses((status = 200, description = "The document.", body = ServerDocument))
)]
#[get("/.well-known/oauth-authorization-server")]
pub(crate) async fn server(api: web::Data<Api>) -> HttpResponse {
    let issuer = api.auth.settings().terms.issuer.as_str();
    let at = |path: &str| format!("{issuer}{path}");
    let answer = json!({
        "issuer": issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "revocation_endpoint": at("/revoke"),
        "introspection_endpoint": at("/introspect"),
        "jwks_uri": at("/.well-known/jwks.json"),
        "service_documentation": at("/redoc"),
        "scopes_supported": Scope::ALL.map(Scope::name),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "introspection_endpoint_auth_methods_supported": ["Bearer"],
        "authorization_response_iss_parameter_supported": true,
    });
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, KEPT))
        .json(answer)
}

/// The keys that access tokens are signed with (RFC 7517): the one that signs, the next one, and those whose last
/// token is not over yet.
#[utoipa::path(
    tag = "discovery",
    responses(
        (status = 200, description = "The set.", body = KeySetDocument, content_type = "application/jwk-set+json"),
        StoreRefusals,
    )
)]
#[get("/.well-known/jwks.json")]
pub(crate) async fn keys(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    // An empty set would be kept for minutes by whoever asks.
    let Some(keys) = api.keys.published() else {
        return away(&request);
    };
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, KEPT))
        .content_type("application/jwk-set+json")
        .body(keys)
}
