//! Errors as problem documents, RFC 9457.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong, for a program and for a person (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// A word for the kind of problem; `about:blank` where the status says it.
    #[serde(rename = "type")]
    #[schema(value_type = String, format = "uri-reference")]
    kind: &'static str,
    /// The name of the kind, or of the status.
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
    /// What else a program may want to know.
    #[serde(flatten)]
    #[schema(ignore)]
    further: Map<String, Value>,
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
            further: Map::new(),
        }
    }

    /// The same, of a kind that the interface tells apart from others of its
    /// status: words in lower case with hyphens between, such as `hero-twice`.
    #[must_use]
    pub fn of_kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        let mut letters = kind.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        self.title = first.into_iter().chain(letters).collect::<String>();
        self.title = self.title.replace('-', " ");
        self
    }

    /// The same, with a member of its own for programs; none that every problem has.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.further.insert(name.to_owned(), value.into());
        self
    }

    /// The answer that something here does not work now, and when to come again.
    #[must_use]
    pub fn unavailable(
        detail: impl Into<String>,
        instance: impl Into<String>,
        retry_after_seconds: u32,
    ) -> HttpResponse {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail, instance);
        problem.response_after(retry_after_seconds)
    }

    /// The answer, and when to come again.
    #[must_use]
    pub fn response_after(&self, retry_after_seconds: u32) -> HttpResponse {
        let mut response = self.response();
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_of_a_kind_has_its_name_and_its_members() {
        let problem = Problem::new(StatusCode::NOT_FOUND, "there is no dive 7", "/dives/7");
        let problem = problem.of_kind("unknown-dive").with("known", vec![1, 2]);
        assert_eq!(
            serde_json::to_value(problem).expect("it is JSON"),
            json!({
                "type": "unknown-dive", "title": "Unknown dive", "status": 404,
                "detail": "there is no dive 7", "instance": "/dives/7", "known": [1, 2],
            })
        );
    }
}
