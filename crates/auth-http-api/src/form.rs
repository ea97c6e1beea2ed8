//! Parameters of requests.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use http_kit::read_body;

use crate::{interface::FORM_BYTES_MAX, refused::oauth_error};

/// Parameters in their order, decoded.
pub(crate) type Fields = Vec<(String, String)>;

const FORM: &str = "application/x-www-form-urlencoded";

/// Reads a query or a form; `None` if it is none.
pub(crate) fn read(text: &str) -> Option<Fields> {
    let fields = web::Query::<Fields>::from_query(text).ok()?;
    Some(fields.into_inner())
}

/// Reads a body that is a form.
pub(crate) async fn read_form(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Fields, Box<HttpResponse>> {
    let given = request.headers().get(header::CONTENT_TYPE);
    let given = given
        .and_then(|given| given.to_str().ok())
        .unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    let refuse = |description: &str| {
        let answer = oauth_error(StatusCode::BAD_REQUEST, "invalid_request", description);
        Box::new(answer)
    };
    if !essence.eq_ignore_ascii_case(FORM) {
        return Err(refuse("the body is not application/x-www-form-urlencoded"));
    }
    let body = read_body(request, payload, FORM_BYTES_MAX).await?;
    let fields = std::str::from_utf8(&body).ok().and_then(read);
    fields.ok_or_else(|| refuse("the body is no form"))
}
