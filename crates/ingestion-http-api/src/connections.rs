//! Ends connections whose client does not take its answer.
//!
//! The server itself waits for room in a socket for ever, with the answer in
//! memory, and takes in without end the body of a request that is answered
//! already. So each connection has a guard: the clock runs from every answer,
//! and when it has run out the guard cuts the connection. While an answer is
//! being made the clock stands: how long that takes is up to who makes it.

use std::{
    any::Any,
    net::{Shutdown, TcpStream},
    os::fd::AsFd as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::{Extensions, ServiceRequest, ServiceResponse},
    middleware::Next,
    rt,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep_until},
};

/// A client has so long to take an answer; of an event stream, the next event.
/// Longer than the server keeps an idle connection: one whose answer has been
/// taken ends there, in an orderly way.
const ANSWER_TAKEN_WITHIN: Duration = Duration::from_secs(35);

/// When the connection is to be cut; none while an answer is being made.
#[derive(Clone, Default)]
pub(crate) struct AnswerClock(Arc<Mutex<Option<Instant>>>);

/// What watches a connection, as long as it is open.
struct Guard(JoinHandle<()>);

impl AnswerClock {
    /// Starts it again from the beginning.
    pub(crate) fn start(&self) {
        self.set(Some(Instant::now() + ANSWER_TAKEN_WITHIN));
    }

    fn stop(&self) {
        self.set(None);
    }

    fn set(&self, end: Option<Instant>) {
        // A whole value is replaced: a panic elsewhere spoils nothing.
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = end;
    }

    fn end(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The clock of the connection that a request has come in on; one that
    /// nobody looks at, if it has come in another way.
    pub(crate) fn of(connection: Option<&Self>) -> Self {
        connection.cloned().unwrap_or_default()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Gives a new connection its guard.
pub(crate) fn guard(connection: &dyn Any, data: &mut Extensions) {
    let stream = connection.downcast_ref::<rt::net::TcpStream>();
    let stream = stream.expect("the server listens for nothing but TCP");
    // A second handle of the same socket. Without one there are no more of
    // them, and soon no more connections either.
    let Ok(handle) = stream.as_fd().try_clone_to_owned() else {
        return;
    };
    let clock = AnswerClock::default();
    let task = rt::spawn(cut_when_out_of_time(handle.into(), clock.clone()));
    data.insert(clock);
    data.insert(Guard(task));
}

async fn cut_when_out_of_time(socket: TcpStream, clock: AnswerClock) {
    loop {
        let now = Instant::now();
        // Whatever is set later ends later than this.
        let end = clock.end().unwrap_or(now + ANSWER_TAKEN_WITHIN);
        if end <= now {
            // It may have gone by itself.
            let _ = socket.shutdown(Shutdown::Both);
            return;
        }
        sleep_until(end).await;
    }
}

/// Starts the clock of a connection with every answer.
pub(crate) async fn watch_answers(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let clock = AnswerClock::of(request.conn_data());
    clock.stop();
    let answer = next.call(request).await;
    clock.start();
    Ok(answer?.map_into_boxed_body())
}
