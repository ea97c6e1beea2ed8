//! Alive, ready and healthy: three questions with three answers.

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, web};
use health_kit::{HealthCheck, HealthStatus};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{interface::Interface, problem::Problem, timestamp::rfc3339};

/// A single word.
#[derive(Serialize, ToSchema)]
pub(crate) struct Word {
    /// `alive` or `ready`.
    status: &'static str,
}

/// How the service is: as bad as its worst check.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthAnswer {
    /// `healthy`, `degraded` or `unhealthy`.
    status: &'static str,
    /// Which service this is.
    service: String,
    /// Every part of it.
    checks: Vec<HealthCheckAnswer>,
}

/// How one part of the service is.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthCheckAnswer {
    /// Which part.
    name: Cow<'static, str>,
    /// `healthy`, `degraded` or `unhealthy`.
    status: &'static str,
    /// Why, and what to do about it.
    reason: String,
    /// Since when it has had this status.
    #[schema(format = DateTime)]
    since: String,
}

impl From<HealthCheck> for HealthCheckAnswer {
    fn from(check: HealthCheck) -> Self {
        Self {
            name: check.name,
            status: check.status.as_str(),
            reason: check.reason,
            since: rfc3339(check.since.as_unix_ms()),
        }
    }
}

/// Whether the process does its work.
///
/// Never depends on other systems: to be started again helps against none of their troubles.
#[utoipa::path(tag = "health", responses((status = 200, description = "It does.", body = Word)))]
#[get("/livez")]
pub(crate) async fn livez() -> web::Json<Word> {
    web::Json(Word { status: "alive" })
}

/// Whether the service can do its main work, and is not about to end.
#[utoipa::path(
    tag = "health",
    responses(
        (status = 200, description = "It can.", body = Word),
        (status = 503, description = "It cannot, or it is draining.", body = Problem,
            content_type = "application/problem+json"),
    )
)]
#[get("/readyz")]
pub(crate) async fn readyz(request: HttpRequest, interface: web::Data<Interface>) -> HttpResponse {
    match interface.service.readiness.obstacle() {
        Some(why) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, why, request.path()).response(),
        None => HttpResponse::Ok().json(Word { status: "ready" }),
    }
}

/// How every part of the service is, why, and since when.
#[utoipa::path(
    tag = "health",
    responses(
        (status = 200, description = "Everything is healthy.", body = HealthAnswer),
        (status = 503, description = "Something is degraded or unhealthy.", body = HealthAnswer),
    )
)]
#[get("/api/v1/health")]
pub(crate) async fn health(interface: web::Data<Interface>) -> HttpResponse {
    let report = interface.service.health.report();
    let status = match report.status {
        HealthStatus::Healthy => StatusCode::OK,
        HealthStatus::Degraded | HealthStatus::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    };
    HttpResponse::build(status).json(HealthAnswer {
        status: report.status.as_str(),
        service: interface.service.name.clone(),
        checks: report.checks.into_iter().map(Into::into).collect(),
    })
}
