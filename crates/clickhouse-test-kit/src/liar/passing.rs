//! How requests and answers pass through a liar, or do not.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, Response,
    body::Incoming,
    header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, TRANSFER_ENCODING},
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use reqwest::Client;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{Lie, script::Script};
use crate::protocol::{CompressedBlocks, Exception};

/// A whole request is in memory, and a whole answer: tests have small ones.
const BODY_BYTES_MAX: usize = 256 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than any client under test waits.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(2);
/// What no client takes for HTTP.
const GARBAGE: &[u8] = b"\x15\x03\x01\x00\x02\x02\x50 this is no answer\r\n\r\n";

/// The ClickHouse behind a liar.
#[derive(Clone)]
pub(super) struct Target {
    url: String,
    client: Client,
}

impl Target {
    pub(super) fn new(url: &str) -> Result<Self> {
        let client = Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            // A connection from before a restart would be one more lie.
            .pool_max_idle_per_host(0)
            .build()?;
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { url, client })
    }

    /// Asks what it was asked.
    async fn ask(&self, head: Parts, body: Bytes) -> Result<Response<Full<Bytes>>> {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let request = self
            .client
            .request(head.method, format!("{}{path}", self.url))
            .headers(end_to_end(head.headers))
            .body(body);
        let mut answer = request.send().await?;
        let mut response = Response::new(Full::default());
        *response.status_mut() = answer.status();
        *response.headers_mut() = end_to_end(std::mem::take(answer.headers_mut()));
        *response.body_mut() = Full::new(answer.bytes().await?);
        Ok(response)
    }
}

/// The headers that are not about one connection.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in [CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers
}

pub(super) async fn accept(listener: TcpListener, target: Target, script: Arc<Script>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (target, script) = (target.clone(), Arc::clone(&script));
        connections.spawn(async move {
            // However it ends, the client finds its connection cut.
            let _ = serve(client, target, script).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(client: TcpStream, target: Target, script: Arc<Script>) -> io::Result<()> {
    let is_garbage = AtomicBool::new(false);
    let service = service_fn(async |request| {
        let answer = pass(request, &target, &script).await?;
        is_garbage.store(answer.is_none(), Ordering::Relaxed);
        // An error of the service ends the connection, and nothing is written.
        answer.context("garbage comes instead")
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(client), service);
    let ended = (&mut connection).await;
    if ended.is_err() && is_garbage.load(Ordering::Relaxed) {
        let mut client = connection.into_parts().io.into_inner();
        client.write_all(GARBAGE).await?;
        client.shutdown().await?;
    }
    Ok(())
}

/// The answer to a request; none if it is to be garbage, an error if there is
/// to be none.
async fn pass(
    request: Request<Incoming>,
    target: &Target,
    script: &Script,
) -> Result<Option<Response<Full<Bytes>>>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
    let query = Query::of(&head);
    let readable = query.readable(&body);
    let lie = script.decide(query.is_insert(&readable), &readable);

    match lie {
        Some(Lie::DropBefore) => anyhow::bail!("it is not passed on"),
        Some(Lie::Refuse(code) | Lie::RefuseRecord(_, code)) => return Ok(Some(refusal(code))),
        Some(Lie::DropAfter | Lie::Garbage | Lie::Hold) | None => {}
    }
    let answer = target.ask(head, body).await?;
    match lie {
        Some(Lie::DropAfter) => anyhow::bail!("the answer is not passed on"),
        Some(Lie::Garbage) => return Ok(None),
        Some(Lie::Hold) => script.hold().await,
        _ => {}
    }
    Ok(Some(answer))
}

fn refusal(code: u32) -> Response<Full<Bytes>> {
    Exception::of(code, "refused on purpose").into_response()
}

/// What a URL says of its body.
struct Query {
    text: String,
    is_compressed: bool,
}

impl Query {
    fn of(head: &Parts) -> Self {
        let mut query = Self {
            text: String::new(),
            is_compressed: false,
        };
        let url = head.uri.query().unwrap_or_default();
        for (name, value) in url::form_urlencoded::parse(url.as_bytes()) {
            match &*name {
                "query" => query.text = value.into_owned(),
                "decompress" => query.is_compressed = value == "1",
                _ => {}
            }
        }
        query
    }

    /// The body as it is before compression.
    fn readable(&self, body: &Bytes) -> Bytes {
        let mut unpacked = Vec::new();
        let is_unpacked = self.is_compressed
            && CompressedBlocks::default()
                .push(body, &mut unpacked)
                .is_ok();
        if is_unpacked {
            unpacked.into()
        } else {
            body.clone()
        }
    }

    /// Whether the statement, in the URL or the body, is an insert.
    fn is_insert(&self, body: &[u8]) -> bool {
        let statement = match self.text.trim_start() {
            "" => body.trim_ascii_start(),
            text => text.as_bytes(),
        };
        let word = statement.get(..6).unwrap_or_default();
        word.eq_ignore_ascii_case(b"insert")
    }
}
