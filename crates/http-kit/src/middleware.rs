//! What holds for every answer: security headers, HEAD, limits, problem documents.

use actix_web::{
    Error,
    body::{self, BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};

use crate::{interface::Interface, problem::Problem};

/// Only write paths read a body; elsewhere a client with more than this is mistaken.
const REQUEST_BODY_BYTES_MAX: usize = 64 * 1024;

/// The pages hold their script and style themselves, and no page ever asks
/// another host. `data:` is for the pictures inside of Swagger UI's style.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'unsafe-inline'; \
    style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

const SECURITY_HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::CACHE_CONTROL, "no-store"),
];

/// Headers of every answer that has none of its own.
pub(crate) async fn add_security_headers(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let add = |headers: &mut HeaderMap| {
        for (name, value) in SECURITY_HEADERS {
            if !headers.contains_key(&name) {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
    };
    match next.call(request).await {
        Ok(response) => {
            let mut response = response.map_into_boxed_body();
            add(response.headers_mut());
            Ok(response)
        }
        // It becomes an answer further outside.
        Err(mut error) => {
            error.add_response_mapper(move |mut response| {
                add(response.headers_mut());
                response
            });
            Err(error)
        }
    }
}

/// Answers HEAD as GET without its body.
pub(crate) async fn answer_head(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_head = request.method() == Method::HEAD;
    if is_head {
        request.head_mut().method = Method::GET;
    }
    let response = next.call(request).await?.map_into_boxed_body();
    // The server leaves out the body of a known size and keeps its length;
    // an event stream would go on for ever.
    let is_stream = response.response().body().size() == BodySize::Stream;
    Ok(if is_head && is_stream {
        response.map_body(|_, _| BoxBody::new(body::None::new()))
    } else {
        response
    })
}

/// Refuses a request that announces a large body.
pub(crate) async fn refuse_large_bodies(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length: Option<u64> = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let interface = request.app_data::<web::Data<Interface>>();
    let write_path = interface.and_then(|interface| {
        let path = interface.write_path(request.path())?;
        interface.is_open(path).then_some(path)
    });
    let bytes_max = write_path.map_or(REQUEST_BODY_BYTES_MAX, |it| it.body_bytes_max);
    if length.is_some_and(|bytes| bytes > bytes_max as u64) {
        let detail = format!("a request body has at most {bytes_max} bytes");
        let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail, request.path());
        return Ok(request.into_response(problem.response()));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// Turns errors of the framework into problem documents; ours are already, or pages for people.
pub(crate) async fn explain_errors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let instance = request.path().to_owned();
    let response = next.call(request).await?.map_into_boxed_body();
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let is_ours = content_type.is_some_and(|it| {
        it.as_bytes().ends_with(b"json") || it.as_bytes().starts_with(b"text/html")
    });
    if is_ours || !(status.is_client_error() || status.is_server_error()) {
        return Ok(response);
    }
    let detail = match response.response().error() {
        Some(error) if status.is_client_error() => error.to_string(),
        _ => "the request could not be answered".to_owned(),
    };
    let problem = Problem::new(status, detail, instance);
    Ok(response.into_response(problem.response()))
}
