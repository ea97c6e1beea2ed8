//! Frames that are handed in: lines of a replay, payloads of dead letters.
//!
//! What is answered as taken is received, like a frame that was read from a
//! feed. What is not taken is the sender's, who goes on from there.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    post, web,
};
use http_kit::{PROBLEM_JSON, Problem, WriteRefusals, authorize, nothing_here, read_body};
use ingestion_application::{HandedIn, REPLAY, Refusal};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use crate::ApiState;

/// So many bodies are in memory at a time, 16 MiB; further senders come again.
const HAND_INS_MAX: usize = 4;
/// Where lines are handed in.
pub const REPLAY_PATH: &str = "/api/v1/replay";
/// Where payloads of dead letters are handed in.
pub const REDRIVE_PATH: &str = "/api/v1/redrive";

/// What is handed in at once has at most so many bytes; whoever has more
/// sends it in pieces.
pub const HAND_IN_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What is handed in at once has at most so many frames. A body of the
/// smallest matches has fewer; one of millions of empty lines would take more
/// memory for their places than for itself.
pub const HAND_IN_FRAMES_MAX: usize = 200_000;
/// When to come again.
const RETRY_AFTER_SECONDS: &str = "1";
/// Of status 503, in the description of the interface.
const NOT_ALL_TAKEN: &str = "Not all were taken; with `Retry-After` it helps to send the rest \
    again, without it the service is ending, or is a standby of the instance that takes them.";

/// The requests of all clients together that hand something in.
#[derive(Clone)]
pub(crate) struct HandIns {
    free: Arc<Semaphore>,
    /// So long a request waits for room before its sender is told to come again.
    room_time_max: Duration,
}

impl HandIns {
    pub(crate) fn new(room_time_max: Duration) -> Self {
        Self {
            free: Arc::new(Semaphore::new(HAND_INS_MAX)),
            room_time_max,
        }
    }
}

/// What was taken of a body.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HandInAnswer {
    /// How many frames were taken, from the first on; all of them with status 200.
    taken: usize,
    /// How many of these are invalid, and become dead letters.
    invalid: usize,
}

/// Why not everything was taken, and what was.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HandInProblem {
    #[serde(flatten)]
    problem: Problem,
    #[serde(flatten)]
    answer: HandInAnswer,
}

/// Takes the lines of the body as if a feed had sent each of them.
///
/// There is such a path only where `API_TOKEN` is set. A line ends in a line
/// feed, and a carriage return before it belongs to the end; each is one
/// frame, and an empty one is an invalid frame. An invalid frame becomes a dead
/// letter, as it would coming from a feed. Duplicates are dropped later, and
/// counted in the ledger.
#[utoipa::path(
    tag = "writing",
    request_body(content = String, content_type = "application/jsonl",
        description = "A JSON object with `match_id` a line; at most 4 MiB, at most 200,000 lines."),
    responses(
        (status = 200, description = "All are received.", body = HandInAnswer),
        WriteRefusals,
        (status = 503, description = NOT_ALL_TAKEN, body = HandInProblem,
            content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
#[post("/api/v1/replay")]
pub(crate) async fn replay(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<ApiState>,
    hand_ins: web::Data<HandIns>,
) -> HttpResponse {
    answer(take(&request, payload, &state, &hand_ins, Content::Lines).await)
}

/// Takes the payloads of dead letters as if a feed had sent each of them.
///
/// There is such a path only where `API_TOKEN` is set. Payloads may be any
/// bytes, so each follows its length: four bytes, the most significant first.
/// All payloads of a body are judged as frames of one feed.
/// What is invalid still becomes a dead letter again, with the source `redrive`.
#[utoipa::path(
    tag = "writing",
    request_body(content = String, content_type = "application/octet-stream",
        description = "Length and bytes of each payload; at most 4 MiB."),
    params(("source" = Option<String>, Query,
        description = "The feed they came from, as their dead letters name it; without it they \
            are judged as the lines of a replay are.")),
    responses(
        (status = 200, description = "All are received.", body = HandInAnswer),
        (status = 400, description = "The lengths do not add up, or no feed here has this name; \
            nothing was taken.",
            body = Problem, content_type = "application/problem+json"),
        WriteRefusals,
        (status = 503, description = NOT_ALL_TAKEN, body = HandInProblem,
            content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
#[post("/api/v1/redrive")]
pub(crate) async fn redrive(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<ApiState>,
    hand_ins: web::Data<HandIns>,
) -> HttpResponse {
    answer(take(&request, payload, &state, &hand_ins, Content::Payloads).await)
}

fn answer(outcome: Result<HttpResponse, Box<HttpResponse>>) -> HttpResponse {
    outcome.unwrap_or_else(|refused| *refused)
}

async fn take(
    request: &HttpRequest,
    payload: web::Payload,
    state: &ApiState,
    hand_ins: &HandIns,
    content: Content,
) -> Result<HttpResponse, Box<HttpResponse>> {
    let Some(write) = &state.write else {
        return Err(Box::new(nothing_here(request.path())));
    };
    authorize(request, &write.token)?;
    let Ok(_place) = hand_ins.free.try_acquire() else {
        let detail = format!("{HAND_INS_MAX} requests hand something in already");
        return Ok(refused(request, Some(RETRY_AFTER_SECONDS), detail, NOTHING));
    };
    let source = source_of(request)?;
    let body = read_body(request, payload, HAND_IN_BYTES_MAX).await?;
    let frames = content.split(&body).map_err(|(status, detail)| {
        Box::new(Problem::new(status, detail, request.path()).response())
    })?;
    let room_time_max = hand_ins.room_time_max;
    let HandedIn {
        taken,
        invalid,
        refusal,
    } = match content {
        Content::Lines => write.hand_in.replay(&frames, room_time_max).await,
        Content::Payloads => {
            let redriven = write.hand_in.redrive(&source, &frames, room_time_max).await;
            redriven.map_err(|unknown| {
                let (status, detail) = (StatusCode::BAD_REQUEST, unknown.to_string());
                Box::new(Problem::new(status, detail, request.path()).response())
            })?
        }
    };
    let answer = HandInAnswer { taken, invalid };
    match refusal {
        None => Ok(HttpResponse::Ok().json(answer)),
        Some(Refusal::NoRoom) => {
            let detail = "there was no room for all of them: Kafka and the journal are behind";
            Ok(refused(request, Some(RETRY_AFTER_SECONDS), detail, answer))
        }
        Some(Refusal::Never(why)) => Ok(refused(request, None, why.to_string(), answer)),
    }
}

#[derive(Deserialize)]
struct RedriveQuery {
    source: Option<String>,
}

/// The source that handed the payloads over at first, as the query says.
fn source_of(request: &HttpRequest) -> Result<String, Box<HttpResponse>> {
    let query = web::Query::<RedriveQuery>::from_query(request.query_string());
    let query = query.map_err(|error| {
        let detail = format!("the query cannot be read: {error}");
        Box::new(Problem::new(StatusCode::BAD_REQUEST, detail, request.path()).response())
    })?;
    let source = query.into_inner().source;
    Ok(source.unwrap_or_else(|| REPLAY.as_str().to_owned()))
}

const NOTHING: HandInAnswer = HandInAnswer {
    taken: 0,
    invalid: 0,
};

fn refused(
    request: &HttpRequest,
    retry_after: Option<&'static str>,
    detail: impl Into<String>,
    answer: HandInAnswer,
) -> HttpResponse {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let problem = Problem::new(status, detail, request.path());
    let mut response = HttpResponse::build(status);
    if let Some(seconds) = retry_after {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    response
        .insert_header((header::CONTENT_TYPE, PROBLEM_JSON))
        .json(HandInProblem { problem, answer })
}

/// What a body holds.
#[derive(Debug, Clone, Copy)]
enum Content {
    /// Lines; what follows the last line feed is one, unless it is empty.
    Lines,
    /// Payloads, each after its length.
    Payloads,
}

impl Content {
    /// The frames of a body.
    ///
    /// # Errors
    /// What is wrong with it.
    fn split(self, mut body: &[u8]) -> Result<Vec<&[u8]>, (StatusCode, String)> {
        let mut frames = Vec::new();
        while !body.is_empty() {
            let next = match self {
                Self::Lines => Some(first_line(body)),
                Self::Payloads => first_payload(body),
            };
            let Some((frame, rest)) = next else {
                let detail = format!("the body ends within payload {}", frames.len() + 1);
                return Err((StatusCode::BAD_REQUEST, detail));
            };
            if frames.len() == HAND_IN_FRAMES_MAX {
                let detail =
                    format!("a body has at most {HAND_IN_FRAMES_MAX} frames; send it in pieces");
                return Err((StatusCode::PAYLOAD_TOO_LARGE, detail));
            }
            frames.push(frame);
            body = rest;
        }
        Ok(frames)
    }
}

/// A line without its end, and what follows it.
fn first_line(body: &[u8]) -> (&[u8], &[u8]) {
    let end = body.iter().position(|byte| *byte == b'\n');
    let (line, rest) = match end {
        Some(end) => (&body[..end], &body[end + 1..]),
        None => (body, &[][..]),
    };
    (line.strip_suffix(b"\r").unwrap_or(line), rest)
}

/// A payload without its length, and what follows it.
fn first_payload(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = body.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*size)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: Content, body: &[u8], expected: Result<&[&[u8]], &str>) {
        let found = content.split(body);
        let found = found.as_deref().map_err(|(_, detail)| detail.as_str());
        assert_eq!(found, expected, "{:?}", body.escape_ascii().to_string());
    }

    #[test]
    fn a_body_is_taken_apart_into_its_lines() {
        let check = |body: &str, expected: &[&[u8]]| {
            check(Content::Lines, body.as_bytes(), Ok(expected));
        };
        check("", &[]);
        check("a", &[b"a"]);
        check("a\n", &[b"a"]);
        check("a\r\nb\n", &[b"a", b"b"]);
        check("a\n\nb\r", &[b"a", b"", b"b"]);
        check("\n", &[b""]);
    }

    #[test]
    fn a_body_is_taken_apart_into_its_payloads() {
        let check = |body: &[u8], expected| check(Content::Payloads, body, expected);
        check(b"", Ok(&[]));
        check(b"\0\0\0\x02\xff\n\0\0\0\0", Ok(&[b"\xff\n", b""]));
        check(b"\0\0\0", Err("the body ends within payload 1"));
        check(
            b"\0\0\0\x01a\xff\xff\xff\xffb",
            Err("the body ends within payload 2"),
        );
    }

    #[test]
    fn a_body_of_too_many_frames_is_refused() {
        let lines = vec![b'\n'; HAND_IN_FRAMES_MAX];
        assert_eq!(
            Content::Lines.split(&lines).map(|it| it.len()),
            Ok(HAND_IN_FRAMES_MAX)
        );
        let lines = vec![b'\n'; HAND_IN_FRAMES_MAX + 1];
        let refused = Content::Lines.split(&lines).map(|it| it.len());
        assert_eq!(
            refused.map_err(|(status, _)| status),
            Err(StatusCode::PAYLOAD_TOO_LARGE)
        );
    }
}
