//! What is answered instead: the kinds of problems that programs tell apart.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use http_kit::Problem;
use model_application::{Mode, Skill};
use utoipa::IntoResponses;

use crate::published::Snapshot;

/// When to come again.
pub(crate) const RETRY_AFTER_SECONDS: u32 = 5;

/// What is answered instead of what is published, for the description of every
/// path that tells of it.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) enum SliceRefusals {
    /// `unknown-skill`, `unknown-hero`, `hero-twice`, or something else that cannot be meant.
    #[response(status = 400, content_type = "application/problem+json")]
    CannotBeMeant(Problem),
    /// `unknown-patch`, with those that are `known`, or `no-data`.
    #[response(status = 404, content_type = "application/problem+json")]
    NotPublished(Problem),
    /// Nobody knows yet what is published, or Redis does not answer; `Retry-After` says
    /// when to come again.
    #[response(status = 503, content_type = "application/problem+json")]
    NotKnown(Problem),
}

/// The answer to give instead.
pub(crate) struct Refused(Box<HttpResponse>);

impl Refused {
    pub(crate) fn answer(self) -> HttpResponse {
        *self.0
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

pub(crate) fn bad_request(request: &HttpRequest, detail: impl Into<String>) -> Refused {
    let problem = Problem::new(StatusCode::BAD_REQUEST, detail, request.path());
    problem.response().into()
}

pub(crate) fn not_known_yet(request: &HttpRequest) -> Refused {
    let detail = "it is not known yet what is published; /api/v1/health says how Redis is";
    Problem::unavailable(detail, request.path(), RETRY_AFTER_SECONDS).into()
}

pub(crate) fn unknown_patch(request: &HttpRequest, patch: &str, snapshot: &Snapshot) -> Refused {
    let known = snapshot.known();
    let detail = format!(
        "patch {:?} is not published; known: {}",
        shown(patch),
        known.join(", ")
    );
    Problem::new(StatusCode::NOT_FOUND, detail, request.path())
        .of_kind("unknown-patch")
        .with("known", known)
        .response()
        .into()
}

pub(crate) fn unknown_skill(request: &HttpRequest, skill: &str) -> Refused {
    let known = Skill::EACH.map(Skill::as_str);
    let detail = format!("skill is {:?}; allowed: {}", shown(skill), known.join(", "));
    Problem::new(StatusCode::BAD_REQUEST, detail, request.path())
        .of_kind("unknown-skill")
        .with("known", known.to_vec())
        .response()
        .into()
}

pub(crate) fn unknown_mode(request: &HttpRequest, mode: &str) -> Refused {
    let known = Mode::EACH.map(Mode::as_str).join(", ");
    bad_request(
        request,
        format!("mode is {:?}; allowed: {known}", shown(mode)),
    )
}

pub(crate) fn unknown_hero(request: &HttpRequest, hero: &str) -> Refused {
    let detail = format!(
        "{:?} is no hero of this slice; /api/v1/slices lists its heroes",
        shown(hero)
    );
    Problem::new(StatusCode::BAD_REQUEST, detail, request.path())
        .of_kind("unknown-hero")
        .response()
        .into()
}

pub(crate) fn hero_twice(request: &HttpRequest, hero: u16) -> Refused {
    let detail = format!("hero {hero} is named twice; a hero is picked once, and not when banned");
    Problem::new(StatusCode::BAD_REQUEST, detail, request.path())
        .of_kind("hero-twice")
        .response()
        .into()
}

pub(crate) fn no_data(request: &HttpRequest, detail: impl Into<String>) -> Refused {
    Problem::new(StatusCode::NOT_FOUND, detail, request.path())
        .of_kind("no-data")
        .response()
        .into()
}

fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(64)]
}
