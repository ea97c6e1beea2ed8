//! The API on a socket: as much of HTTP/1.1 as answers to `GET` need.
//!
//! A server of our own, because a connection that is closed without an answer is one of the
//! faults, and HTTP frameworks do not let that happen.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Answer, Outcome};
use crate::{logs::LogLines, start_error::StartError};

/// The largest request, headers included.
const REQUEST_BYTES_MAX: u64 = 16 * 1024;

/// A client that is connected and asks for nothing is not kept.
const IDLE_DURATION_MAX: Duration = Duration::from_mins(2);

/// Connections at a time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 256;

/// The pause after a failed accept: out of file descriptors does not get better by asking again.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// What is served: whoever answers `GET` of a path with its query.
pub trait Answers: Clone + Send + Sync + 'static {
    /// What the call comes to, without waiting.
    fn answer(&self, path_and_query: &str) -> Outcome;

    /// An answer without an end, if that is what is at the path; it is asked first.
    fn stream(&self, path_and_query: &str) -> Option<LogLines> {
        let _ = path_and_query;
        None
    }
}

/// An upstream that is being served. Dropping it ends it, its connections included.
pub struct UpstreamServer {
    address: SocketAddr,
    _stop: DropGuard,
}

impl UpstreamServer {
    /// Listens, and serves until it is dropped; port 0 takes a free one.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn start(upstream: impl Answers, address: SocketAddr) -> Result<Self, StartError> {
        let listen_error = |source| StartError::Listen {
            address,
            purpose: "the upstream over HTTP",
            source,
        };
        let listener = TcpListener::bind(address).await.map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let stop = CancellationToken::new();
        tokio::spawn(accept_until(stop.clone(), listener, upstream));
        Ok(Self {
            address,
            _stop: stop.drop_guard(),
        })
    }

    /// Where it is, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What paths of the API go behind, such as `http://127.0.0.1:40123/api`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/api", self.origin())
    }
}

/// Serves connections; they end with this future.
async fn accept_until(stop: CancellationToken, listener: TcpListener, upstream: impl Answers) {
    let mut connections = JoinSet::new();
    loop {
        let has_room = connections.len() < CONNECTIONS_MAX;
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept(), if has_room => match accepted {
                Ok((stream, _peer)) => _ = connections.spawn(serve(upstream.clone(), stream)),
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection");
                    sleep(ACCEPT_RETRY_DELAY).await;
                }
            },
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection's task has died");
                }
            }
        }
    }
    connections.shutdown().await;
}

async fn serve(upstream: impl Answers, stream: TcpStream) {
    if let Err(error) = converse(&upstream, stream).await {
        tracing::debug!(%error, "a client of the upstream is gone");
    }
}

/// Answers one request after the other.
async fn converse(upstream: &impl Answers, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(request) = timeout(IDLE_DURATION_MAX, read_request(&mut stream)).await?? {
        let outcome = match request.split(' ').collect::<Vec<_>>()[..] {
            ["GET", target, _version] => match upstream.stream(target) {
                Some(lines) => return pour(stream, lines).await,
                None => upstream.answer(target),
            },
            _ => Outcome::Answer(only_get(), Duration::ZERO),
        };
        let Outcome::Answer(answer, delay) = outcome else {
            break;
        };
        // A sleep of no time takes a millisecond all the same.
        if !delay.is_zero() {
            sleep(delay).await;
        }
        stream.write_all(&written(&answer)).await?;
        stream.flush().await?;
    }
    Ok(())
}

/// Tells lines until they are over, or the client is gone.
async fn pour(mut stream: BufReader<TcpStream>, mut lines: LogLines) -> io::Result<()> {
    stream
        .write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\
              Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n",
        )
        .await?;
    let mut unasked = [0; 64];
    loop {
        let piece = tokio::select! {
            piece = lines.next() => piece,
            // Whatever else the client says, and when it goes.
            read = stream.read(&mut unasked) => match read? {
                0 => return Ok(()),
                _ => continue,
            },
        };
        let Some(piece) = piece else {
            return stream.write_all(b"0\r\n\r\n").await;
        };
        // Chunks end anywhere.
        let (start, end) = piece.split_at(piece.len() / 2);
        for part in [start, end].into_iter().filter(|part| !part.is_empty()) {
            let head = format!("{:x}\r\n", part.len());
            let chunk = [head.as_bytes(), part, b"\r\n"].concat();
            stream.write_all(&chunk).await?;
        }
    }
}

/// The first line of the next request; nothing when the client has closed.
async fn read_request(stream: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut limited = stream.take(REQUEST_BYTES_MAX);
    let mut request = String::new();
    limited.read_line(&mut request).await?;
    let mut header = String::new();
    while header != "\r\n" {
        header.clear();
        if limited.read_line(&mut header).await? == 0 {
            // The end of the stream, or of our patience.
            return Ok(None);
        }
    }
    Ok(Some(request.trim_end().to_owned()))
}

fn only_get() -> Answer {
    Answer {
        status: 405,
        headers: vec![("Allow", "GET".to_owned())],
        body: String::new(),
    }
}

fn written(answer: &Answer) -> Vec<u8> {
    let Answer {
        status,
        headers,
        body,
    } = answer;
    let mut text = format!("HTTP/1.1 {status} \r\nContent-Length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| *name == "Content-Type") {
        text.push_str("Content-Type: application/json; charset=utf-8\r\n");
    }
    for (name, value) in headers {
        // A value cannot end its header.
        let value = value.replace(['\r', '\n'], " ");
        for part in [name, ": ", &value, "\r\n"] {
            text.push_str(part);
        }
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}
