//! A client's connection: how long an answer may take to be taken, and what is
//! said when a request is refused before it is one.
//!
//! The server itself waits for room in a socket for ever, with the answer in
//! memory, and takes in without end the body of a request that is answered
//! already. So each connection has a clock that runs from every answer, and
//! reading and writing fail once it has run out. While an answer is being made
//! the clock stands: how long that takes is up to who makes it.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_http::ConnectionType;
use actix_web::{
    Error, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{Extensions, ServiceRequest, ServiceResponse},
    middleware::Next,
};
use bytes::{Buf as _, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

use crate::refusals;

/// A client has so long to take an answer; of an event stream, the next event.
/// Longer than the server keeps an idle connection: one whose answer has been
/// taken ends there, in an orderly way.
const ANSWER_TAKEN_WITHIN: Duration = Duration::from_secs(35);
/// A client that is refused may still be sending. Were the connection closed
/// at once, its system would throw away the answer together with the rest.
const REFUSAL_TAKEN_WITHIN: Duration = Duration::from_secs(1);

/// The connections of a server.
#[derive(Clone)]
pub(crate) struct Connections {
    open: Rc<Cell<usize>>,
    /// With more than so many open there is no place for idle ones.
    crowded_above: usize,
}

impl Connections {
    /// No connections yet; the server takes at most `connections_max` at a time.
    pub(crate) fn new(connections_max: usize) -> Self {
        Self {
            open: Rc::default(),
            crowded_above: connections_max * 3 / 4,
        }
    }

    fn is_crowded(&self) -> bool {
        self.open.get() > self.crowded_above
    }
}

/// When the connection is to be cut; none while an answer is being made.
#[derive(Clone, Default)]
pub(crate) struct AnswerClock(Rc<Cell<Option<Instant>>>);

impl AnswerClock {
    /// Starts it again from the beginning. An answer without an end does so
    /// with every piece; all others need not care.
    pub(crate) fn start(&self) {
        self.0.set(Some(Instant::now() + ANSWER_TAKEN_WITHIN));
    }

    /// The clock of the connection that a request has come in on; one that
    /// nobody looks at, if it has come in another way.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        request.conn_data().cloned().unwrap_or_default()
    }
}

/// A client's socket, with its clock.
pub(crate) struct Connection {
    socket: TcpStream,
    all: Connections,
    clock: AnswerClock,
    /// Wakes the server to look at the clock.
    alarm: Pin<Box<Sleep>>,
    /// What is left to write of the answer to a refused request.
    refusal: Option<Bytes>,
}

impl Connection {
    pub(crate) fn new(socket: TcpStream, all: Connections) -> Self {
        all.open.update(|open| open + 1);
        Self {
            socket,
            all,
            clock: AnswerClock::default(),
            alarm: Box::pin(sleep_until(Instant::now() + ANSWER_TAKEN_WITHIN)),
            refusal: None,
        }
    }

    /// Lets the requests of this connection know about it.
    pub(crate) fn describe(&self, data: &mut Extensions) {
        data.insert(self.clock.clone());
        data.insert(self.all.clone());
    }

    /// Fails once the client's time has run out, and wakes the task when it may have.
    fn check_clock(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        loop {
            let now = Instant::now();
            // Whatever is set later ends later than this.
            let end = self.clock.0.get().unwrap_or(now + ANSWER_TAKEN_WITHIN);
            if end <= now {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if self.alarm.is_elapsed() || self.alarm.deadline() > end {
                self.alarm.as_mut().reset(end);
            }
            if self.alarm.as_mut().poll(context).is_pending() {
                return Ok(());
            }
        }
    }

    /// Writes a problem document in the place of the server's empty `refusal`,
    /// and waits until the client has it.
    fn poll_refuse(
        &mut self,
        context: &mut Context<'_>,
        refusal: &[u8],
    ) -> Poll<io::Result<usize>> {
        let document = self.refusal.get_or_insert_with(|| {
            self.clock
                .0
                .set(Some(Instant::now() + REFUSAL_TAKEN_WITHIN));
            refusals::document(refusal)
        });
        while document.has_remaining() {
            let written = ready!(Pin::new(&mut self.socket).poll_write(context, document))?;
            document.advance(written);
        }
        ready!(Pin::new(&mut self.socket).poll_shutdown(context))?;
        let mut ignored = [0; 4096];
        loop {
            let mut ignored = ReadBuf::new(&mut ignored);
            ready!(Pin::new(&mut self.socket).poll_read(context, &mut ignored))?;
            if ignored.filled().is_empty() {
                return Poll::Ready(Ok(refusal.len()));
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.all.open.update(|open| open - 1);
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_clock(context)?;
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_clock(context)?;
        match refusals::start_in(bytes) {
            Some(0) => self.poll_refuse(context, bytes),
            Some(start) => Pin::new(&mut self.socket).poll_write(context, &bytes[..start]),
            None => Pin::new(&mut self.socket).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_clock(context)?;
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_clock(context)?;
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

/// Starts the clock of a connection with every answer. Where connections are
/// crowded the answer is the last one: an idle client would keep out another.
pub(crate) async fn watch_answers(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let clock = AnswerClock::of(request.request());
    let all: Option<Connections> = request.conn_data().cloned();
    clock.0.set(None);
    let answer = next.call(request).await;
    clock.start();
    let mut answer = answer?.map_into_boxed_body();
    if all.is_some_and(|all| all.is_crowded()) {
        let head = answer.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(answer)
}
