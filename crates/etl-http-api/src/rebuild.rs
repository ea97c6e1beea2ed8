//! Having a day built again.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::Day;
use http_kit::{Problem, Questions, WriteRefusals, authorize, nothing_here, path_parameter};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{ApiState, warehouse::WarehouseRefusals};

/// Where a day is marked.
pub const REBUILD_PATH: &str = "/api/v1/days/{day}/rebuild";

/// No match that is loaded is older: 2010-01-01.
const FIRST_DAY: Day = Day::from_days_since_epoch(14_610);

/// The day that is marked.
#[derive(Serialize, ToSchema)]
pub(crate) struct RebuildAnswer {
    /// Which day.
    #[schema(format = Date)]
    day: String,
}

/// Marks a day, so that its counters are built again from its facts.
///
/// There is such a path only where `API_TOKEN` is set. The day is built within
/// `COUNTERS_DELAY`; until then readers see its counters as they are.
#[utoipa::path(
    tag = "writing",
    params(("day" = String, Path, description = "Such as 2026-11-29.", format = Date)),
    responses(
        (status = 202, description = "It is marked.", body = RebuildAnswer),
        (status = 404, description = "No token is set.", body = Problem,
            content_type = "application/problem+json"),
        WriteRefusals,
        WarehouseRefusals,
    ),
    security(("token" = []))
)]
#[post("/api/v1/days/{day}/rebuild")]
pub(crate) async fn rebuild(
    request: HttpRequest,
    state: web::Data<ApiState>,
    questions: web::Data<Questions>,
) -> HttpResponse {
    let marked = mark(&request, &state, &questions).await;
    marked.map_or_else(
        |refused| *refused,
        |day| {
            let day = day.to_string();
            HttpResponse::Accepted().json(RebuildAnswer { day })
        },
    )
}

async fn mark(
    request: &HttpRequest,
    state: &ApiState,
    questions: &Questions,
) -> Result<Day, Box<HttpResponse>> {
    let Some(write) = &state.write else {
        return Err(nothing_here(request.path()).into());
    };
    authorize(request, &write.token)?;
    // A match may have begun tomorrow by the clock of whoever said so.
    let last = Day::of(state.clock.now()).next();
    let allowed = format!("a day such as 2026-11-29, from {FIRST_DAY} to {last}");
    let day = path_parameter(request, "day", &allowed, |day| {
        let day: Day = day.parse().ok()?;
        (FIRST_DAY..=last).contains(&day).then_some(day)
    })?;
    let days = BTreeSet::from([day]);
    questions
        .ask(request, write.facts.mark_dirty(&days))
        .await?;
    tracing::info!(%day, "marked to be built again, as asked over HTTP");
    Ok(day)
}
