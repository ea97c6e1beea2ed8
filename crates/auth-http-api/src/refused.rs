//! What is answered instead of what was asked for.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use auth_application::{AccountError, TokenError};
use auth_kit::refused_token;
use http_kit::{Problem, TooOften};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// The database is back within seconds, or not soon.
pub(crate) const RETRY_AFTER_SECONDS: u32 = 2;

/// Why a client gets nothing (RFC 6749, 5.2).
#[derive(Serialize, ToSchema)]
pub(crate) struct OauthError<'a> {
    /// `invalid_request`, `invalid_client`, `invalid_grant`, `unsupported_grant_type` or `invalid_scope`.
    error: &'a str,
    /// What to do about it. Why a code or a refresh token is worth nothing is never said.
    error_description: &'a str,
}

/// What is answered to a request that is wrong, for the description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) enum TokenRefusals {
    /// The request is wrong, or what it shows is worth nothing.
    #[response(status = 400, content_type = "application/json")]
    Wrong(OauthError<'static>),
    /// The body did not come in time.
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(Problem),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
}

/// What is answered to everybody, for the description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) enum LimitRefusals {
    /// `too-many-requests`: there were too many from this network; come again when `Retry-After` says.
    #[response(status = 429, content_type = "application/problem+json")]
    TooOften(Problem),
}

/// What is answered when nothing can be said, for the description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) enum StoreRefusals {
    /// `temporarily-unavailable`: come again when `Retry-After` says. A change may have been made.
    #[response(status = 503, content_type = "application/problem+json")]
    Away(Problem),
}

/// An error as RFC 6749, 5.2, has it.
pub(crate) fn oauth_error(status: StatusCode, error: &str, description: &str) -> HttpResponse {
    let mut answer = HttpResponse::build(status).json(OauthError {
        error,
        error_description: description,
    });
    never_kept(&mut answer);
    answer
}

/// The answer to what the application refuses.
pub(crate) fn refused(request: &HttpRequest, refusal: TokenError) -> HttpResponse {
    match refusal.code() {
        Some(error) => oauth_error(StatusCode::BAD_REQUEST, error, &refusal.to_string()),
        None => away(request),
    }
}

/// The answer to a client that has sent what it should not have: those of this service have no secrets.
pub(crate) fn refused_authentication() -> HttpResponse {
    let description =
        "clients of this service have no secrets: send client_id in the form, and no Authorization";
    let mut answer = oauth_error(StatusCode::UNAUTHORIZED, "invalid_client", description);
    let headers = answer.headers_mut();
    // RFC 6749, 5.2, wants the scheme that was tried.
    let scheme = HeaderValue::from_static("Basic realm=\"clients\"");
    headers.insert(header::WWW_AUTHENTICATE, scheme);
    answer
}

/// The answer to a client that asks too often: a problem that is also an error as clients read them.
pub(crate) fn too_often(request: &HttpRequest, often: TooOften) -> HttpResponse {
    let problem = often.problem(request);
    let problem = problem.with("error", "temporarily_unavailable");
    problem.response_after(often.retry_after_seconds())
}

/// Nothing can be said now. Health and the log say why.
pub(crate) fn away(request: &HttpRequest) -> HttpResponse {
    let detail = "this cannot be told or done now; /api/v1/health says why";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail, request.path())
        .of_kind("temporarily-unavailable")
        .with("error", "temporarily_unavailable")
        .response_after(RETRY_AFTER_SECONDS)
}

/// The answer to whoever asks about sessions or users.
pub(crate) fn refused_account(request: &HttpRequest, refusal: AccountError) -> HttpResponse {
    match refusal {
        AccountError::SessionEnded => refused_token(request, &"its session has ended"),
        AccountError::NotFound => nothing(request),
        AccountError::Unavailable => away(request),
    }
}

/// There is no such session or user.
pub(crate) fn nothing(request: &HttpRequest) -> HttpResponse {
    let detail = AccountError::NotFound.to_string();
    Problem::new(StatusCode::NOT_FOUND, detail, request.path()).response()
}

/// Nobody on the way keeps the answer, also not whoever knows HTTP/1.0 only (RFC 6749, 5.1).
pub(crate) fn never_kept(answer: &mut HttpResponse) {
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
}
