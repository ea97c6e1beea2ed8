//! The upgrade of a byte stream to a WebSocket (RFC 6455, section 4.1).
//!
//! The library writes the request, parses the answer and speaks the protocol
//! afterwards. Judging the answer is done here, since the library compares
//! whole lines where header fields are lists: in any order, over any number of
//! lines (RFC 9110, section 5.3).

use std::io;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error,
        handshake::{
            client::{Request, Response, generate_request},
            derive_accept_key,
            machine::TryParse as _,
        },
        http::{
            HeaderMap, HeaderName, StatusCode,
            header::{
                CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL,
                UPGRADE,
            },
        },
        protocol::{Role, WebSocketConfig},
    },
};

use super::connector::ByteStream;

/// How long the head of an answer may be; honest ones take a few hundred bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// How many interim answers may come first (RFC 9110, section 15.2).
const INTERIM_ANSWERS_MAX: usize = 8;

/// How an alert of TLS begins (RFC 8446, section 5.1).
const TLS_ALERT: &[u8] = &[21, 3];

/// A connection after the upgrade.
pub(super) type Socket = WebSocketStream<Box<dyn ByteStream>>;

/// Why there is no WebSocket.
pub(super) enum UpgradeError {
    /// The request cannot be written as HTTP.
    Request(Error),
    /// The connection broke or ended before the answer was whole.
    Io(io::Error),
    /// The upstream speaks HTTP and answers something else.
    Refused(Box<Response>),
    /// What came is no answer to this request, and why.
    Invalid(String),
}

impl From<io::Error> for UpgradeError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Sends `request` and waits for the answer; the caller sets the time limit.
pub(super) async fn upgrade(
    mut stream: Box<dyn ByteStream>,
    request: Request,
    config: WebSocketConfig,
) -> Result<Socket, UpgradeError> {
    let subprotocols = request.headers().clone();
    let (request, key) = generate_request(request).map_err(UpgradeError::Request)?;
    stream.write_all(&request).await?;
    stream.flush().await?;
    let mut read = BytesMut::with_capacity(4096);
    let response = read_answer(&mut stream, &mut read).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(UpgradeError::Refused(Box::new(response)));
    }
    check_answer(
        response.headers(),
        &subprotocols,
        &derive_accept_key(key.as_bytes()),
    )
    .map_err(|problem| UpgradeError::Invalid(problem.to_owned()))?;
    // Frames may have come right behind the answer.
    let frames = read.into();
    Ok(WebSocketStream::from_partially_read(stream, frames, Role::Client, Some(config)).await)
}

/// The head of the answer that counts; what was read behind it stays in `read`.
async fn read_answer(
    stream: &mut Box<dyn ByteStream>,
    read: &mut BytesMut,
) -> Result<Response, UpgradeError> {
    for _ in 0..=INTERIM_ANSWERS_MAX {
        let response = read_head(stream, read).await?;
        let status = response.status();
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
    }
    let problem = format!("it sent more than {INTERIM_ANSWERS_MAX} interim answers");
    Err(UpgradeError::Invalid(problem))
}

async fn read_head(
    stream: &mut Box<dyn ByteStream>,
    read: &mut BytesMut,
) -> Result<Response, UpgradeError> {
    loop {
        let parsed = Response::try_parse(read).map_err(|error| {
            UpgradeError::Invalid(if read.starts_with(TLS_ALERT) {
                "it speaks TLS; a feed with TLS has a URL with wss://".to_owned()
            } else {
                error.to_string()
            })
        })?;
        if let Some((length, response)) = parsed {
            read.advance(length);
            return Ok(response);
        }
        if read.len() >= HEAD_BYTES_MAX {
            let problem = "the head of its answer is longer than 16 KiB".to_owned();
            return Err(UpgradeError::Invalid(problem));
        }
        if stream.read_buf(read).await? == 0 {
            let problem = "the connection ended before the answer was whole";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, problem).into());
        }
    }
}

/// Checks all that RFC 6455, section 4.1, asks of a client.
fn check_answer(
    answer: &HeaderMap,
    request: &HeaderMap,
    accept_key: &str,
) -> Result<(), &'static str> {
    let names = |header: HeaderName, token: &str| {
        elements(answer, header).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
    };
    if !names(UPGRADE, "websocket") {
        return Err("the Upgrade header of its answer does not name websocket");
    }
    if !names(CONNECTION, "upgrade") {
        return Err("the Connection header of its answer does not name upgrade");
    }
    // This one must not come twice (section 11.3.3).
    let mut accepted = answer.get_all(SEC_WEBSOCKET_ACCEPT).iter();
    if accepted.next().is_none_or(|value| value != accept_key) || accepted.next().is_some() {
        return Err("the Sec-WebSocket-Accept header of its answer does not fit the request");
    }
    if elements(answer, SEC_WEBSOCKET_EXTENSIONS).next().is_some() {
        return Err("it uses an extension that was not asked for");
    }
    // One is chosen, or none: two of those asked for would be a third.
    let mut chosen = elements(answer, SEC_WEBSOCKET_PROTOCOL);
    let is_asked_for = |chosen: &[u8]| {
        elements(request, SEC_WEBSOCKET_PROTOCOL).any(|subprotocol| subprotocol == chosen)
    };
    if chosen.next().is_some_and(|first| !is_asked_for(first)) || chosen.next().is_some() {
        return Err("it chose a subprotocol that was not asked for");
    }
    Ok(())
}

/// The elements of a header field, over all its lines.
fn elements(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &[u8]> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}
