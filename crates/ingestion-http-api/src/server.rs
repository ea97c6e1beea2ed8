//! The socket and the server on it, with every limit of a connection.

use std::{io, net::TcpListener, time::Duration};

use actix_web::HttpServer;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::{ApiState, connections, events::EventStreams, hand_in::HandIns, routes};

/// One thread answers everything: a scrape, a probe and a few pages a second.
const WORKERS: usize = 1;
/// Further connections wait in the backlog; far above the number of event
/// streams, so that these cannot keep a probe from being answered.
const CONNECTIONS_MAX: usize = 256;
/// Longer than the pause between two scrapes or probes is not needed.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// A client that has not sent its request line and headers by then is cut off.
/// Their size is limited by actix-web: 128 KiB and 96 headers.
const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// A client that does not close its side after we have closed ours is cut off
/// by then; `connections` cuts off the one that does not take its answer.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Answers take milliseconds and event streams end at once, so only a client
/// that does not read is still there by then.
const SHUTDOWN_TIMEOUT_SECONDS: u64 = 3;

/// Why the HTTP interface cannot listen.
#[derive(Debug, Error)]
#[error("cannot listen on API_HOST={host} with API_PORT={port}: {cause}; {remedy}")]
pub struct ListenError {
    host: String,
    port: u16,
    cause: io::Error,
    remedy: &'static str,
}

/// Takes the port; nothing is answered before [`serve`].
///
/// # Errors
/// [`ListenError`] says which setting to change when the address cannot be had.
pub fn listen(host: &str, port: u16) -> Result<TcpListener, ListenError> {
    TcpListener::bind((host, port)).map_err(|cause| ListenError {
        host: host.to_owned(),
        port,
        remedy: match cause.kind() {
            io::ErrorKind::AddrInUse => {
                "another process has this port: stop it, or set API_PORT to a free one"
            }
            io::ErrorKind::PermissionDenied => {
                "this port is reserved: set API_PORT to one above 1023"
            }
            _ => "set API_HOST to an address of this machine, such as 0.0.0.0 for all of them",
        },
        cause,
    })
}

/// Answers on `listener` until `stop` is cancelled, and then for at most
/// three seconds more, to finish the answers that are under way.
///
/// Runs inside a tokio runtime and leaves signals to the caller.
///
/// # Errors
/// When the listener cannot be used or the server cannot go on.
pub async fn serve(
    listener: TcpListener,
    state: ApiState,
    stop: CancellationToken,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let event_streams = EventStreams::new(stop.clone());
    let hand_ins = HandIns::new();
    let app = move || routes::app(state.clone(), event_streams.clone(), hand_ins.clone());
    let server = HttpServer::new(app)
        .workers(WORKERS)
        .max_connections(CONNECTIONS_MAX)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(REQUEST_HEAD_TIMEOUT)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .shutdown_timeout(SHUTDOWN_TIMEOUT_SECONDS)
        .shutdown_signal(stop.cancelled_owned())
        .on_connect(connections::guard)
        .listen(listener)?
        .run();
    tracing::info!(server.address = %address, "the HTTP interface answers");
    server.await
}
