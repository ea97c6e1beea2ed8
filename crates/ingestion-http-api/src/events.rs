//! The figures of ingestion as server-sent events.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, get, web};
use http_kit::{EventStreams, Problem};

use crate::{ApiState, ingestion::IngestionAnswer};

/// The same as `/api/v1/ingestion`, at once and then every second.
///
/// Each event is named `ingestion` and holds the JSON document in its data.
#[utoipa::path(
    tag = "ingestion",
    responses(
        (status = 200, description = "A stream of events without an end.",
            body = IngestionAnswer, content_type = "text/event-stream"),
        (status = 503, description = "Too many clients are reading already.",
            body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/api/v1/ingestion/events")]
pub(crate) async fn ingestion_events(
    request: HttpRequest,
    state: web::Data<ApiState>,
    streams: web::Data<EventStreams>,
) -> HttpResponse {
    let ingestion = Arc::clone(&state.ingestion);
    streams.answer(&request, "ingestion", "/api/v1/ingestion", move || {
        IngestionAnswer::from(ingestion.snapshot())
    })
}
