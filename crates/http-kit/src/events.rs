//! Figures as server-sent events: at once, and then every second.

use std::{convert::Infallible, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use tokio::{
    sync::Semaphore,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{connections::AnswerClock, problem::Problem, server::connections_max};

/// Enough for every operator's browser; each costs a snapshot a second.
const EVENT_STREAMS_MAX: usize = 64;
/// People cannot read faster.
const EVENT_PERIOD: Duration = Duration::from_secs(1);

/// The event streams of all clients together.
#[derive(Clone)]
pub struct EventStreams {
    free: Arc<Semaphore>,
    max: usize,
    stop: CancellationToken,
}

impl EventStreams {
    /// Streams that end when `stop` is cancelled, so that none delays a shutdown.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        // Half of the places of clients are left to those who ask and go.
        let max = EVENT_STREAMS_MAX.min(connections_max() / 2);
        Self {
            free: Arc::new(Semaphore::new(max)),
            max,
            stop,
        }
    }

    /// Answers with events called `name` that hold what `look` finds, as JSON.
    ///
    /// A client too many is refused; `instead` is the path that tells the same once.
    ///
    /// # Panics
    /// The stream, when what was found is no JSON: keys that are no strings, or
    /// numbers without an end.
    pub fn answer<T: Serialize>(
        &self,
        request: &HttpRequest,
        name: &'static str,
        instead: &str,
        look: impl Fn() -> T + 'static,
    ) -> HttpResponse {
        let event = move || {
            let json = serde_json::to_string(&look());
            let json = json.expect("its keys are strings, its numbers finite");
            format!("event: {name}\ndata: {json}\n\n").into()
        };
        let Some(events) = self.open(AnswerClock::of(request), event) else {
            let detail = format!(
                "{} clients are reading events already; ask {instead} instead, or try again later",
                self.max
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

    /// The events of one client; none when there are too many clients.
    fn open<E: Fn() -> Bytes>(
        &self,
        clock: AnswerClock,
        event: E,
    ) -> Option<impl Stream<Item = Result<Bytes, Infallible>> + use<E>> {
        let place = Arc::clone(&self.free).try_acquire_owned().ok()?;
        // The first tick is at once.
        let mut ticks = interval(EVENT_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let events = stream::unfold((ticks, event, place, clock), async |mut state| {
            // Nobody asks for an event before the last one is on its way.
            state.3.start();
            state.0.tick().await;
            Some((Ok(state.1()), state))
        });
        Some(events.take_until(self.stop.clone().cancelled_owned()))
    }
}
