//! The figures of loading as server-sent events.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, get, web};
use http_kit::{EventStreams, Problem};

use crate::{ApiState, figures::EtlAnswer};

/// The same as `/api/v1/etl`, at once and then every second.
///
/// Each event is named `etl` and holds the JSON document in its data.
#[utoipa::path(
    tag = "etl",
    responses(
        (status = 200, description = "A stream of events without an end.",
            body = EtlAnswer, content_type = "text/event-stream"),
        (status = 503, description = "Too many clients are reading already.",
            body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/api/v1/etl/events")]
pub(crate) async fn etl_events(
    request: HttpRequest,
    state: web::Data<ApiState>,
    streams: web::Data<EventStreams>,
) -> HttpResponse {
    let etl = Arc::clone(&state.etl);
    streams.answer(&request, "etl", "/api/v1/etl", move || {
        EtlAnswer::from(etl.snapshot())
    })
}
