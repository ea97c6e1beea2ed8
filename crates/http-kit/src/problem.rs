//! Errors as problem documents, RFC 9457.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong, for a program and for a person (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    #[schema(value_type = String, format = "uri-reference")]
    kind: &'static str,
    /// The name of the status.
    title: String,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened, and what to do about it.
    detail: String,
    /// The path that was asked for; absent if the request could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uri-reference")]
    instance: Option<String>,
}

impl Problem {
    /// A problem at the path `instance`.
    #[must_use]
    pub fn new(status: StatusCode, detail: impl Into<String>, instance: impl Into<String>) -> Self {
        Self {
            instance: Some(instance.into()),
            ..Self::without_instance(status, detail)
        }
    }

    /// A problem with what was no request.
    pub(crate) fn without_instance(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            instance: None,
        }
    }

    /// The answer that something here does not work now, and when to come again.
    #[must_use]
    pub fn unavailable(
        detail: impl Into<String>,
        instance: impl Into<String>,
        retry_after_seconds: u32,
    ) -> HttpResponse {
        let mut response = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail, instance).response();
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, retry_after_seconds.into());
        response
    }

    /// The answer.
    #[must_use]
    pub fn response(&self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).expect("it was made from a status");
        HttpResponse::build(status)
            .insert_header((header::CONTENT_TYPE, PROBLEM_JSON))
            .json(self)
    }
}
