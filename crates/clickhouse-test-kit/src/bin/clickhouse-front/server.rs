//! HTTP as ClickHouse speaks it, as far as clients need it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use clickhouse_test_kit::protocol::{CompressedBlocks, Exception, codes::CANNOT_READ_ALL_DATA};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Response, StatusCode, body::Incoming, header::CONTENT_TYPE, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc},
    task::spawn_blocking,
    time::timeout,
};

use super::{
    library::Library,
    request::Request,
    session::{self, Piece},
};

/// Connections at the same time, and with them queries; others wait to be accepted.
pub(crate) const CONNECTIONS_MAX: usize = 64;
/// A query with everything in it; rows of an insert have no such limit.
const QUERY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Pieces of a body that wait for the engine.
const PIECES_MAX: usize = 4;
/// For the next request on a connection, and for the next piece of a body, as
/// ClickHouse does by default.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers until the process ends.
pub(crate) async fn serve(listener: TcpListener, library: Arc<Library>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = Arc::clone(&room).acquire_owned().await;
        let place = place.expect("nobody closes it");
        let Ok((stream, _)) = listener.accept().await else {
            // A client that was gone before it was accepted.
            continue;
        };
        let library = Arc::clone(&library);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&library)));
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new());
            server.header_read_timeout(RECEIVE_TIMEOUT);
            // It ends with an error when a client goes away, which is the client's right.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
            drop(place);
        });
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    library: Arc<Library>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_root = request.uri().path() == "/";
    let is_greeting = request.method() == Method::GET && request.uri().query().is_none();
    let answered = match request.uri().path() {
        "/ping" => Ok("Ok.\n".into()),
        "/" if is_greeting => Ok("Ok.\n".into()),
        _ if is_root => ask(request, library).await,
        path => {
            let mut response = Response::new(format!("There is no handle {path}\n").into());
            *response.status_mut() = StatusCode::NOT_FOUND;
            return Ok(response);
        }
    };
    Ok(match answered {
        Ok(body) => Response::new(Full::new(body)),
        Err(exception) => exception.into_response(),
    })
}

async fn ask(
    http_request: hyper::Request<Incoming>,
    library: Arc<Library>,
) -> Result<Bytes, Exception> {
    let url_query = http_request.uri().query().unwrap_or_default();
    let mut request = Request::of_url(url_query)?;
    if request.insert().is_some() {
        insert(http_request.into_body(), request, library).await?;
        return Ok(Bytes::new());
    }
    let content_type = http_request.headers().get(CONTENT_TYPE);
    let boundary = content_type.and_then(|it| multer::parse_boundary(it.to_str().ok()?).ok());
    let body = whole(http_request.into_body(), request.is_compressed).await?;
    match boundary {
        Some(boundary) => request.take_form(boundary, body).await?,
        None => request.query.push_str(&String::from_utf8_lossy(&body)),
    }
    let answer = spawn_blocking(move || session::query(&library, &request)).await;
    answer.unwrap_or_else(|_| Err(panicked())).map(Bytes::from)
}

/// Reads a body that is part of a query.
async fn whole(body: Incoming, is_compressed: bool) -> Result<Vec<u8>, Exception> {
    let read = timeout(
        RECEIVE_TIMEOUT,
        Limited::new(body, QUERY_BYTES_MAX).collect(),
    )
    .await;
    let refuse = |problem: String| Exception::of(CANNOT_READ_ALL_DATA, problem);
    let read = read.map_err(|late| refuse(late.to_string()))?;
    let body = read.map_err(|error| refuse(error.to_string()))?.to_bytes();
    if !is_compressed {
        return Ok(body.into());
    }
    let (mut blocks, mut unpacked) = (CompressedBlocks::default(), Vec::new());
    blocks.push(&body, &mut unpacked)?;
    blocks.finish()?;
    Ok(unpacked)
}

/// Passes a body on while it arrives.
async fn insert(
    mut body: Incoming,
    request: Request,
    library: Arc<Library>,
) -> Result<(), Exception> {
    let (pieces, received) = mpsc::channel(PIECES_MAX);
    let inserted = spawn_blocking(move || {
        let statement = request
            .insert()
            .expect("the caller has seen that it is one");
        session::insert(&library, &request, statement, received)
    });
    // Once the engine has refused, the rest is read for nobody: a client that
    // still writes would not hear the answer.
    let mut is_wanted = true;
    let is_whole = loop {
        match timeout(RECEIVE_TIMEOUT, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                if let (true, Ok(rows)) = (is_wanted, frame.into_data()) {
                    is_wanted = pieces.send(Piece::Rows(rows)).await.is_ok();
                }
            }
            Ok(None) => break true,
            Ok(Some(Err(_))) | Err(_) => break false,
        }
    };
    if is_whole {
        // Refused, it has nobody to hear of the end either.
        let _ = pieces.send(Piece::End).await;
    }
    drop(pieces);
    inserted.await.unwrap_or_else(|_| Err(panicked()))
}

fn panicked() -> Exception {
    Exception::unknown("the front panicked; its log says where")
}
