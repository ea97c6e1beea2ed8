//! Who may write: the one who has the token.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;

use crate::{ApiState, WriteAccess, problem::Problem, routes::nothing_here};

/// What the state allows to whoever sent `request`.
///
/// # Errors
/// The answer to give instead: that there is no such path, where no token is
/// set, and that the token is needed, where it is not given.
pub(crate) fn authorize<'a>(
    request: &HttpRequest,
    state: &'a ApiState,
) -> Result<&'a WriteAccess, Box<HttpResponse>> {
    let Some(write) = &state.write else {
        return Err(Box::new(nothing_here(request.path())));
    };
    let expected = write.token.expose_secret().as_bytes();
    // How long it takes tells the length of the token, and nothing of what is in it.
    let is_right = bearer_token(request).is_some_and(|given| bool::from(given.ct_eq(expected)));
    if is_right {
        return Ok(write);
    }
    let detail = "this needs the header `Authorization: Bearer` with the service's API_TOKEN";
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, detail, request.path()).response();
    let scheme = HeaderValue::from_static("Bearer");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, scheme);
    Err(Box::new(response))
}

fn bearer_token(request: &HttpRequest) -> Option<&[u8]> {
    let value = request.headers().get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}
