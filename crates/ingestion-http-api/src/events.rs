//! The figures of ingestion as server-sent events.

use std::{convert::Infallible, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{StatusCode, header},
    web,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http_kit::{AnswerClock, Problem, connections_max};
use ingestion_application::IngestionStatus;
use tokio::{
    sync::Semaphore,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{ApiState, ingestion::IngestionAnswer};

/// Enough for every operator's browser; each costs a snapshot a second.
const EVENT_STREAMS_MAX: usize = 64;
/// People cannot read faster.
const EVENT_PERIOD: Duration = Duration::from_secs(1);

/// The event streams of all clients together.
#[derive(Clone)]
pub(crate) struct EventStreams {
    free: Arc<Semaphore>,
    max: usize,
    stop: CancellationToken,
}

impl EventStreams {
    /// Streams that end when `stop` is cancelled, so that none delays a shutdown.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        // Half of the places of clients are left to those who ask and go.
        let max = EVENT_STREAMS_MAX.min(connections_max() / 2);
        Self {
            free: Arc::new(Semaphore::new(max)),
            max,
            stop,
        }
    }

    /// The events of one client; none when there are too many clients.
    fn open(
        &self,
        ingestion: Arc<IngestionStatus>,
        clock: AnswerClock,
    ) -> Option<impl Stream<Item = Result<Bytes, Infallible>> + use<>> {
        let place = Arc::clone(&self.free).try_acquire_owned().ok()?;
        // The first tick is at once.
        let mut ticks = interval(EVENT_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let events = stream::unfold((ticks, ingestion, place, clock), async |mut state| {
            // Nobody asks for an event before the last one is on its way.
            state.3.start();
            state.0.tick().await;
            Some((Ok(event(&state.1)), state))
        });
        Some(events.take_until(self.stop.clone().cancelled_owned()))
    }
}

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
    let Some(events) = streams.open(Arc::clone(&state.ingestion), AnswerClock::of(&request)) else {
        let detail = format!(
            "{} clients are reading events already; \
             ask /api/v1/ingestion instead, or try again later",
            streams.max
        );
        let status = StatusCode::SERVICE_UNAVAILABLE;
        return Problem::new(status, detail, request.path()).response();
    };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        // A proxy that gathers answers would show nothing for minutes.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(events)
}

fn event(ingestion: &IngestionStatus) -> Bytes {
    let answer = IngestionAnswer::from(ingestion.snapshot());
    let json = serde_json::to_string(&answer).expect("its keys are strings, its numbers finite");
    format!("event: ingestion\ndata: {json}\n\n").into()
}
