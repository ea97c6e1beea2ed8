//! Figures as server-sent events: at once, and then every second, and whatever is told
//! in between.

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
        let nothing = stream::pending::<(&'static str, ())>();
        self.answer_and_tell(request, name, instead, look, nothing)
    }

    /// The same, and besides what `told` gives, each at once: its name and what it holds.
    ///
    /// `told` is asked as fast as the client reads, and MUST itself limit what waits there.
    ///
    /// # Panics
    /// As with [`answer`](Self::answer).
    pub fn answer_and_tell<T: Serialize, U: Serialize>(
        &self,
        request: &HttpRequest,
        name: &'static str,
        instead: &str,
        look: impl Fn() -> T + 'static,
        told: impl Stream<Item = (&'static str, U)> + 'static,
    ) -> HttpResponse {
        let look = move || event(name, &look());
        let told = told.map(|(name, what)| event(name, &what));
        let Some(events) = self.open(AnswerClock::of(request), look, told) else {
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
    fn open<E: Fn() -> Bytes, S: Stream<Item = Bytes> + 'static>(
        &self,
        clock: AnswerClock,
        look: E,
        told: S,
    ) -> Option<impl Stream<Item = Result<Bytes, Infallible>> + use<E, S>> {
        let place = Arc::clone(&self.free).try_acquire_owned().ok()?;
        // The first tick is at once.
        let mut ticks = interval(EVENT_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Whoever tells nothing more does not end the looks.
        let told = Box::pin(told.chain(stream::pending()));
        let state = (ticks, look, told, place, clock);
        let events = stream::unfold(state, async |mut state| {
            let (ticks, look, told, _, clock) = &mut state;
            // Nobody asks for an event before the last one is on its way.
            clock.start();
            let event = tokio::select! {
                _ = ticks.tick() => look(),
                told = told.next() => told.unwrap_or_default(),
            };
            Some((Ok(event), state))
        });
        Some(events.take_until(self.stop.clone().cancelled_owned()))
    }
}

fn event(name: &str, what: &impl Serialize) -> Bytes {
    let json = serde_json::to_string(what).expect("its keys are strings, its numbers finite");
    format!("event: {name}\ndata: {json}\n\n").into()
}
