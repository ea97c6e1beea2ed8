//! What is answered instead of what was asked for.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use http_kit::Problem;
use serde_json::{Value, json};
use user_application::{Fault, Refusal, ports::StoreError};
use utoipa::IntoResponses;

/// The database is back within seconds, or not soon.
const RETRY_AFTER_SECONDS: u32 = 2;

/// The answer to give instead.
pub(crate) struct Refused(Box<HttpResponse>);

/// What is answered instead of a profile, for the description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) enum ProfileRefusals {
    /// There is no such profile, or it is another's.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// `profile-deleted`: it was deleted after the user of this token has signed in. With the next sign-in it begins
    /// anew.
    #[response(status = 410, content_type = "application/problem+json")]
    Gone(Problem),
}

/// What is answered instead of a change, for the description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) enum ChangeRefusals {
    /// The body is no JSON, or a header cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// The body did not come in time.
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(Problem),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The body is of another type.
    #[response(status = 415, content_type = "application/problem+json")]
    OtherType(Problem),
    /// `invalid-document`: `errors` has a `pointer`, a `code` and a `detail` for each fault. Or `key-reused`.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Problem),
}

/// What is answered when nothing can be said, for the description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) enum StoreRefusals {
    /// `database-away`: come again when `Retry-After` says. A change may have been made: look.
    #[response(status = 503, content_type = "application/problem+json")]
    Away(Problem),
}

impl Refused {
    /// The answer to what the application refuses.
    pub(crate) fn new(request: &HttpRequest, refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        let problem = |status| Problem::new(status, detail.clone(), request.path());
        match refusal {
            Refusal::NotPermitted => problem(StatusCode::FORBIDDEN).response(),
            Refusal::NotFound => problem(StatusCode::NOT_FOUND).response(),
            Refusal::Gone => problem(StatusCode::GONE)
                .of_kind("profile-deleted")
                .response(),
            Refusal::Stale(version) => problem(StatusCode::PRECONDITION_FAILED)
                .of_kind("stale-version")
                .with("version", version.get())
                .response(),
            Refusal::Invalid(faults) => return Self::invalid(request, &faults),
            Refusal::KeyReused => problem(StatusCode::UNPROCESSABLE_ENTITY)
                .of_kind("key-reused")
                .response(),
            Refusal::Store(error) => unanswered(request, &error),
        }
        .into()
    }

    /// The answer to a document in which something is wrong.
    pub(crate) fn invalid(request: &HttpRequest, faults: &[Fault]) -> Self {
        let errors = faults.iter().map(
            |fault| json!({ "pointer": fault.pointer, "code": fault.code, "detail": fault.detail }),
        );
        let errors: Value = errors.collect();
        let detail = "what was sent cannot stand there; `errors` says where and why";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail, request.path())
            .of_kind("invalid-document")
            .with("errors", errors)
            .response()
            .into()
    }

    pub(crate) fn answer(self) -> HttpResponse {
        *self.0
    }
}

fn unanswered(request: &HttpRequest, error: &StoreError) -> HttpResponse {
    let problem = |status, detail: &str| Problem::new(status, detail, request.path());
    match error {
        // Health and the log tell of it once, and why.
        StoreError::Away(_) => {
            tracing::debug!(%error, "a request could not be answered");
            let detail = "this cannot be told or done now; /api/v1/health says why";
            problem(StatusCode::SERVICE_UNAVAILABLE, detail)
                .of_kind("database-away")
                .response_after(RETRY_AFTER_SECONDS)
        }
        StoreError::Failed(_) => {
            tracing::error!(%error, url.path = request.path(), "a request failed");
            let detail = "the request could not be answered";
            problem(StatusCode::INTERNAL_SERVER_ERROR, detail).response()
        }
    }
}

impl From<HttpResponse> for Refused {
    fn from(answer: HttpResponse) -> Self {
        Self(Box::new(answer))
    }
}

impl From<Box<HttpResponse>> for Refused {
    fn from(answer: Box<HttpResponse>) -> Self {
        Self(answer)
    }
}
