//! As much of HTTP/1.1 as browsers and clients of this need, one request a connection.
//!
//! A server of our own, because an answer in drops and no answer at all are among the faults, and HTTP
//! frameworks do not let that happen.

use std::{io, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::simulator::State;

const REQUEST_BYTES_MAX: u64 = 64 * 1024;
const READ_DURATION_MAX: Duration = Duration::from_secs(30);
const CONNECTIONS_MAX: usize = 256;
/// The pause after a failed accept: out of file descriptors does not get better by asking again.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) body: String,
}

pub(crate) struct Response {
    /// 0 for none at all.
    status: u16,
    content_type: &'static str,
    location: Option<String>,
    body: String,
    delay: Duration,
    drops: Option<Duration>,
}

impl Response {
    pub(crate) fn text(status: u16, body: String) -> Self {
        Self {
            status,
            content_type: "text/plain;charset=utf-8",
            location: None,
            body,
            delay: Duration::ZERO,
            drops: None,
        }
    }

    pub(crate) fn html(body: String) -> Self {
        let content_type = "text/html;charset=utf-8";
        Self {
            content_type,
            ..Self::text(200, body)
        }
    }

    pub(crate) fn json(value: &Value) -> Self {
        let content_type = "application/json;charset=utf-8";
        Self {
            content_type,
            ..Self::text(200, value.to_string())
        }
    }

    pub(crate) fn redirect(location: String) -> Self {
        Self {
            location: Some(location),
            ..Self::text(302, String::new())
        }
    }

    pub(crate) fn none() -> Self {
        Self::text(0, String::new())
    }

    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    pub(crate) fn in_drops(self, drops: Duration) -> Self {
        let drops = Some(drops);
        Self { drops, ..self }
    }

    /// Whether it is just this.
    pub(crate) fn is(&self, status: u16, body: &str) -> bool {
        self.status == status && self.body == body
    }
}

/// Serves until what it gives is dropped; connections end with it.
pub(crate) fn serve(listener: TcpListener, state: Arc<State>) -> DropGuard {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let has_room = connections.len() < CONNECTIONS_MAX;
            tokio::select! {
                () = stopped.cancelled() => break,
                accepted = listener.accept(), if has_room => match accepted {
                    Ok((stream, _peer)) => _ = connections.spawn(converse(stream, Arc::clone(&state))),
                    Err(error) => {
                        tracing::warn!(%error, "failed to accept a connection");
                        sleep(ACCEPT_RETRY_DELAY).await;
                    }
                },
                Some(_ended) = connections.join_next() => {}
            }
        }
        connections.shutdown().await;
    });
    stop.drop_guard()
}

async fn converse(stream: TcpStream, state: Arc<State>) {
    let talk = async {
        let mut stream = BufReader::new(stream);
        let read = timeout(READ_DURATION_MAX, read(&mut stream)).await??;
        if let Some(request) = read {
            write(&mut stream, state.answer(&request)).await?;
        }
        io::Result::Ok(())
    };
    if let Err(error) = talk.await {
        tracing::debug!(%error, "a client is gone");
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut limited = stream.take(REQUEST_BYTES_MAX);
    let mut line = String::new();
    limited.read_line(&mut line).await?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let (method, target) = (method.to_owned(), target.to_owned());
    let mut length = 0;
    loop {
        let mut header = String::new();
        if limited.read_line(&mut header).await? == 0 {
            return Ok(None);
        }
        if header == "\r\n" {
            break;
        }
        let (name, value) = header.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = Vec::new();
    limited.take(length).read_to_end(&mut body).await?;
    Ok(Some(Request {
        method,
        target,
        body: String::from_utf8_lossy(&body).into_owned(),
    }))
}

async fn write(stream: &mut BufReader<TcpStream>, response: Response) -> io::Result<()> {
    // A sleep of no time takes a millisecond all the same.
    if !response.delay.is_zero() {
        sleep(response.delay).await;
    }
    if response.status == 0 {
        return Ok(());
    }
    let location = response
        .location
        .map_or_else(String::new, |to| format!("Location: {to}\r\n"));
    let head = format!(
        "HTTP/1.1 {} \r\nContent-Type: {}\r\nContent-Length: {}\r\n{location}Cache-Control: no-store\r\nConnection: close\r\n\r\n",
        response.status,
        response.content_type,
        response.body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    match response.drops {
        None => stream.write_all(response.body.as_bytes()).await?,
        Some(pause) => {
            for byte in response.body.bytes() {
                sleep(pause).await;
                stream.write_all(&[byte]).await?;
                stream.flush().await?;
            }
        }
    }
    stream.shutdown().await
}
