//! Request bodies: read whole, within a size and a time.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use crate::problem::Problem;

/// A body that is not there by then is not waited for: 4 MiB take that long at
/// 3.4 Mbit/s, and over a slower line it comes in smaller pieces.
pub(crate) const BODY_TIME_MAX: Duration = Duration::from_secs(10);

/// Reads the body of `request`, of at most `bytes_max`, within 10 s.
///
/// # Errors
/// The answer to give instead: it is too large, too slow or broken off.
pub async fn read_body(
    request: &HttpRequest,
    mut payload: web::Payload,
    bytes_max: usize,
) -> Result<Bytes, Box<HttpResponse>> {
    let problem =
        |status, detail: String| Box::new(Problem::new(status, detail, request.path()).response());
    let read = async {
        let mut body = BytesMut::new();
        while let Some(piece) = payload.next().await {
            let piece = piece.map_err(|error| {
                problem(
                    StatusCode::BAD_REQUEST,
                    format!("the body broke off: {error}"),
                )
            })?;
            if body.len() + piece.len() > bytes_max {
                let detail =
                    format!("a body has at most {bytes_max} bytes here; send it in pieces");
                return Err(problem(StatusCode::PAYLOAD_TOO_LARGE, detail));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    };
    timeout(BODY_TIME_MAX, read).await.unwrap_or_else(|_| {
        let seconds = BODY_TIME_MAX.as_secs();
        let detail = format!("the body was not there within {seconds} seconds");
        Err(problem(StatusCode::REQUEST_TIMEOUT, detail))
    })
}
