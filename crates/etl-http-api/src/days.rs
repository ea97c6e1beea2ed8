//! How the days are: what was counted, and what is behind.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::{Day, LeftOut};
use etl_application::ports::DayState;
use http_kit::{Parameters, Questions, rfc3339};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ApiState,
    filter::{check_order, day},
    warehouse::WarehouseRefusals,
};

/// More days than a year has, and so many that an answer stays below 200 KB.
const DAYS_MAX: i32 = 400;
/// So many days are told of when none are named.
const DAYS_DEFAULT: i32 = 30;

/// The days of a range that have facts.
#[derive(Serialize, ToSchema)]
pub(crate) struct DaysAnswer {
    /// The first day of the range.
    #[schema(format = Date)]
    from: String,
    /// The last one.
    #[schema(format = Date)]
    to: String,
    /// Those with facts, the earliest first.
    days: Vec<DayAnswer>,
}

/// One day: matches = counted + everything left out.
#[derive(Serialize, ToSchema)]
pub(crate) struct DayAnswer {
    /// Which day, UTC.
    #[schema(format = Date)]
    day: String,
    /// All matches of the day when it was built; null if it never was.
    #[schema(required = true)]
    matches: Option<u64>,
    /// How many of them are in the counters; null if it never was built.
    #[schema(required = true)]
    counted: Option<u64>,
    /// How many are not, by reason; null if it never was built.
    #[schema(required = true)]
    left_out: Option<BTreeMap<&'static str, u64>>,
    /// When it was built last; null if never.
    #[schema(required = true, format = DateTime)]
    built_at: Option<String>,
    /// Since when its counters are behind its facts; null if they are not.
    #[schema(required = true, format = DateTime)]
    dirty_since: Option<String>,
}

/// What is known of the days of a range.
///
/// At most 400 days a request. Without `to` the range ends today, without
/// `from` it has 30 days.
#[utoipa::path(
    tag = "warehouse",
    params(
        ("from" = Option<String>, Query, description = "The first day, such as 2026-11-01.", format = Date),
        ("to" = Option<String>, Query, description = "The last day.", format = Date),
    ),
    responses(
        (status = 200, description = "The days that have facts.", body = DaysAnswer),
        WarehouseRefusals,
    )
)]
#[get("/api/v1/days")]
pub(crate) async fn days(
    request: HttpRequest,
    state: web::Data<ApiState>,
    questions: web::Data<Questions>,
) -> HttpResponse {
    let answer = look_up(&request, &state, &questions).await;
    answer.map_or_else(|refused| *refused, |days| HttpResponse::Ok().json(days))
}

async fn look_up(
    request: &HttpRequest,
    state: &ApiState,
    questions: &Questions,
) -> Result<DaysAnswer, Box<HttpResponse>> {
    let query = Parameters::of(request, &["from", "to"])?;
    let today = || Day::of(state.clock.now());
    let to = day(&query, "to")?.unwrap_or_else(today);
    let from = day(&query, "from")?.unwrap_or_else(|| {
        Day::from_days_since_epoch(to.days_since_epoch().saturating_sub(DAYS_DEFAULT - 1))
    });
    check_order(&query, from, to)?;
    let count = i64::from(to.days_since_epoch()) - i64::from(from.days_since_epoch()) + 1;
    if count > i64::from(DAYS_MAX) {
        let detail =
            format!("from {from} to {to} are {count} days; allowed: {DAYS_MAX} days a request");
        return Err(query.refuse(detail).into());
    }
    let found = questions
        .ask(request, state.counters.days(from, to))
        .await?;
    Ok(DaysAnswer {
        from: from.to_string(),
        to: to.to_string(),
        days: found.into_iter().map(Into::into).collect(),
    })
}

impl From<DayState> for DayAnswer {
    fn from(state: DayState) -> Self {
        let build = state.build.as_ref();
        // Every reason, so that what is 0 is seen to be 0.
        let left_out = build.map(|build| {
            let count = |reason: LeftOut| build.left_out.get(&reason).copied().unwrap_or_default();
            LeftOut::ALL
                .into_iter()
                .map(|reason| (reason.as_str(), count(reason)))
                .collect()
        });
        Self {
            day: state.day.to_string(),
            matches: build.map(|build| build.matches),
            counted: build.map(|build| build.counted),
            left_out,
            built_at: state.built_at.map(|at| rfc3339(at.as_unix_ms())),
            dirty_since: state.dirty_since.map(|at| rfc3339(at.as_unix_ms())),
        }
    }
}
