//! One client, from its upgrade request to the end of its connection.
//!
//! One task reads and writes at the same time: a client that stops reading must not keep its
//! pongs from being read. What is sent, and what a pong proves, is the feed's business.

use std::{any::Any, io, time::Duration};

use bytes::BufMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    net::TcpStream,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_tungstenite::{
    accept_hdr_async,
    tungstenite::{
        self,
        handshake::server::{ErrorResponse, Request, Response},
        http::{HeaderValue, StatusCode, header},
    },
};

use crate::{
    faults::{Fault, UpgradeFault},
    feed::Feed,
    session::{CLOSE_DURATION_MAX, Seat, Session, SessionEnd},
};

/// A client that connects and sends no request is not kept.
const UPGRADE_DURATION_MAX: Duration = Duration::from_secs(10);

/// A half-open socket is kept for longer than any client could hold on to it.
const HALF_OPEN_DURATION_MAX: Duration = Duration::from_mins(10);

/// Later than any test or demo lasts; tokio has no timer without an end.
const NEVER: Duration = Duration::from_hours(365 * 24);

/// Serves a client until it is gone.
pub(crate) async fn serve<S>(feed: &Feed, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (number, plan) = feed.change(|state| state.accept(feed.elapsed_ms()));
    // Also when this future is dropped, the feed must know that the connection is over.
    let seat = Seat { feed, number };
    if let Some(fault) = &plan.upgrade {
        seat.record(|record| record.faults.push(fault.to_string()));
    }
    let stream = match upgrade(&seat, stream, plan.upgrade).await {
        Ok(Some(stream)) => stream,
        Ok(None) => return,
        Err(error) => {
            tracing::debug!(connection = number, %error, "upgrade failed");
            return;
        }
    };
    seat.record(|record| record.upgraded = true);
    feed.change(|state| state.join(number));
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut session = Session::new(seat, plan.faults);
    let ended = converse(&mut session, &mut reader, &mut writer).await;
    tracing::debug!(connection = number, ?ended, "connection ended");
    if let Ok(SessionEnd::Broken(fault)) = ended {
        break_off(fault, session, reader, writer).await;
    }
}

/// Answers the upgrade request; `None` when a fault ended the connection.
async fn upgrade<S>(
    seat: &Seat<'_>,
    stream: S,
    fault: Option<UpgradeFault>,
) -> Result<Option<S>, tungstenite::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let refusal = match fault {
        None => None,
        Some(UpgradeFault::AcceptThenClose) => return Ok(None),
        Some(UpgradeFault::Slow(duration)) => {
            sleep(duration).await;
            None
        }
        Some(UpgradeFault::Refuse {
            status,
            retry_after,
        }) => Some(refusal(status, retry_after.as_deref())),
    };
    let refused = refusal.is_some();
    #[expect(clippy::result_large_err, reason = "tungstenite defines the callback")]
    let answer = |request: &Request, response: Response| {
        record_request(seat, request);
        refusal.map_or(Ok(response), Err)
    };
    match timeout(UPGRADE_DURATION_MAX, accept_hdr_async(stream, answer)).await {
        // The client has nothing to say before it has the answer, so no byte is lost with the library's buffer.
        Ok(Ok(websocket)) => Ok(Some(websocket.into_inner())),
        Ok(Err(tungstenite::Error::Http(_))) if refused => Ok(None),
        Ok(Err(error)) => Err(error),
        Err(_elapsed) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
    }
}

fn record_request(seat: &Seat<'_>, request: &Request) {
    let path = request.uri().path_and_query().map(ToString::to_string);
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    seat.record(|record| {
        record.path = path;
        record.headers = headers;
    });
}

fn refusal(status: u16, retry_after: Option<&str>) -> ErrorResponse {
    let mut response = ErrorResponse::new(None);
    // Values that HTTP does not allow fall back to ones that it does.
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    if let Some(value) = retry_after.and_then(|value| HeaderValue::from_str(value).ok()) {
        headers.insert(header::RETRY_AFTER, value);
    }
    response
}

/// Reads and writes at the same time until one side or a fault ends it.
async fn converse<S>(
    session: &mut Session<'_>,
    reader: &mut ReadHalf<S>,
    writer: &mut WriteHalf<S>,
) -> io::Result<SessionEnd>
where
    S: AsyncRead + AsyncWrite,
{
    loop {
        if let Some(ending) = session.turn(Instant::now()) {
            return Ok(ending);
        }
        let read_bytes_max = session.read_bytes_max();
        let has_output = !session.outgoing.is_empty();
        let wake_at = session.wake_at();
        tokio::select! {
            read = async { reader.read_buf(&mut (&mut session.incoming).limit(read_bytes_max)).await },
                if read_bytes_max > 0 =>
            {
                let bytes = read?;
                if bytes == 0 {
                    return Ok(SessionEnd::Gone);
                }
                session.received(bytes, Instant::now())?;
            }
            written = writer.write_buf(&mut session.outgoing), if has_output => {
                written?;
                // A stream with a buffer of its own, such as TLS, is told that a batch is complete.
                if session.outgoing.is_empty() {
                    writer.flush().await?;
                }
            }
            () = sleep_until(wake_at.unwrap_or_else(|| Instant::now() + NEVER)) => {}
            _ = session.control.changed() => {}
        }
    }
}

/// Ends a connection the way an abrupt fault does.
async fn break_off<S>(
    fault: Fault,
    session: Session<'_>,
    mut reader: ReadHalf<S>,
    mut writer: WriteHalf<S>,
) where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    match fault {
        Fault::HalfOpen => {
            // Nobody will prove anything here: the next connection is to have the feed.
            session.seat.leave();
            sleep(HALF_OPEN_DURATION_MAX).await;
        }
        Fault::EndOfStream => {
            session.seat.leave();
            // Unread input would turn the end of the stream into a reset, so it is read to its end.
            let until_end = async {
                writer.shutdown().await?;
                tokio::io::copy(&mut reader, &mut tokio::io::sink()).await
            };
            // Whether the client follows or is dropped makes no difference here.
            _ = timeout(CLOSE_DURATION_MAX, until_end).await;
        }
        // A reset. Streams other than TCP know nothing like it and are dropped.
        _ => {
            let stream = reader.unsplit(writer);
            if let Some(Err(error)) = (&stream as &dyn Any)
                .downcast_ref::<TcpStream>()
                .map(TcpStream::set_zero_linger)
            {
                tracing::warn!(%error, "the connection is closed instead of reset");
            }
        }
    }
}
