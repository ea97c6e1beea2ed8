//! Who may write: the one who has the token.

use std::fmt::Display;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web,
};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use utoipa::IntoResponses;

use crate::{interface::Interface, problem::Problem, refused_tokens::RefusedTokens};

/// What [`authorize`] and [`read_body`](crate::read_body) answer instead, for
/// the description of every path that is written to.
#[derive(IntoResponses)]
pub enum WriteRefusals {
    /// The token is missing or wrong.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// The body did not come in time.
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(Problem),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
}

/// Asks whether whoever sent `request` has `token`; the log tells of those with another one.
///
/// # Errors
/// The answer to give instead: that the token is needed.
pub fn authorize(request: &HttpRequest, token: &SecretString) -> Result<(), Box<HttpResponse>> {
    let expected = token.expose_secret().as_bytes();
    // How long it takes tells the length of the token, and nothing of what is in it.
    match bearer_token(request) {
        Some(given) if bool::from(given.ct_eq(expected)) => return Ok(()),
        Some(_) => note_refused_token(request, &"it is not the API_TOKEN"),
        None => {}
    }
    let detail = "this needs the header `Authorization: Bearer` with the service's API_TOKEN";
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, detail, request.path()).response();
    let scheme = HeaderValue::from_static("Bearer");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, scheme);
    Err(Box::new(response))
}

/// The answer where there is no path, and where one is closed.
#[must_use]
pub fn nothing_here(path: &str) -> HttpResponse {
    let detail = "there is nothing here; /openapi.json lists every path";
    Problem::new(StatusCode::NOT_FOUND, detail, path).response()
}

/// Has the log tell that a token was refused that came with `request`, and why: a line for many of them, with where
/// they come from about, and never with the token.
pub fn note_refused_token(request: &HttpRequest, reason: &dyn Display) {
    let interface = request.app_data::<web::Data<Interface>>();
    let refused = request.app_data::<web::Data<RefusedTokens>>();
    if let Some((interface, refused)) = interface.zip(refused) {
        refused.note(request, &interface.service.trusted_proxies, reason);
    }
}

/// What `Authorization: Bearer` says, if it is there.
#[must_use]
pub fn bearer_token(request: &HttpRequest) -> Option<&[u8]> {
    let value = request.headers().get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}
