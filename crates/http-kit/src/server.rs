//! The socket and the server on it, with every limit of a connection.

use std::{future::ready, io, net::TcpListener, time::Duration};

use actix_http::HttpService;
use actix_server::Server;
use actix_service::{ServiceFactoryExt as _, fn_service, map_config};
use actix_web::dev::AppConfig;
use service_kit::descriptors;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::{
    connections::{Connection, Connections},
    interface::Interface,
    routes,
};

/// One thread answers everything: a scrape, a probe and a few pages a second.
const WORKERS: usize = 1;
/// Further connections wait in the backlog; far above the number of event
/// streams, so that these cannot keep a probe from being answered.
const CONNECTIONS_MAX: usize = 256;
/// Each takes one descriptor. All of them together take at most half of what
/// the process may have: the rest is for what the service is there for.
const CONNECTIONS_SHARE: usize = 2;
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
    interface: Interface,
    stop: CancellationToken,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let connections_max = connections_max();
    let drain = stop.clone();
    // What `actix_web::HttpServer` does, around a connection of our own.
    let connection = move || {
        let (drain, all) = (drain.clone(), Connections::new(connections_max));
        let http = HttpService::build()
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(REQUEST_HEAD_TIMEOUT)
            .client_disconnect_timeout(DISCONNECT_TIMEOUT)
            // Not documented, but the one way to end idle connections at once.
            .graceful_shutdown_signal(move || drain.clone().cancelled_owned())
            .on_connect_ext(Connection::describe)
            .h1(map_config(routes::app(interface.clone()), |()| {
                AppConfig::default()
            }));
        fn_service(move |socket: TcpStream| {
            let client = socket.peer_addr().ok();
            ready(Ok((Connection::new(socket, all.clone()), client)))
        })
        .and_then(http)
    };
    let server = Server::build()
        .workers(WORKERS)
        .max_concurrent_connections(connections_max)
        .shutdown_timeout(SHUTDOWN_TIMEOUT_SECONDS)
        .shutdown_signal(stop.cancelled_owned())
        .listen("http", listener, connection)?
        .run();
    tracing::info!(server.address = %address, "the HTTP interface answers");
    server.await
}

/// How many clients are served at a time: as many as go well with the
/// descriptors that the process may have.
pub(crate) fn connections_max() -> usize {
    (descriptors::limit() / CONNECTIONS_SHARE).clamp(1, CONNECTIONS_MAX)
}
