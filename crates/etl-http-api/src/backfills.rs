//! Having past ranges loaded.

use actix_web::{HttpRequest, HttpResponse, delete, get, http::StatusCode, post, web};
use domain::Timestamp;
use etl_application::backfill::{
    BackfillFigures, BackfillId, BackfillRange, Backfills, BeginError, CancelError, SequencePart,
    Span,
};
use http_kit::{
    Problem, Questions, WriteRefusals, authorize, nothing_here, path_parameter, read_body, rfc3339,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ApiState, WriteAccess, warehouse::WarehouseRefusals};

/// Where backfills are begun and listed.
pub const BACKFILLS_PATH: &str = "/api/v1/backfills";
/// Where one is shown and cancelled.
pub const BACKFILL_PATH: &str = "/api/v1/backfills/{id}";
/// A range in words.
pub(crate) const BODY_BYTES_MAX: usize = 4 * 1024;
/// So many are listed.
const LISTED_MAX: usize = 100;

/// What is to be loaded.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackfillQuestion {
    /// From where.
    origin: OriginWord,
    /// The first moment, RFC 3339; of `steam` also `from_seq`.
    #[schema(format = DateTime)]
    from: Option<String>,
    /// The first moment after it; now, if it is not given.
    #[schema(format = DateTime)]
    to: Option<String>,
    /// The first `match_seq_num`, of `steam` alone, and instead of a time.
    from_seq: Option<u64>,
    /// The first `match_seq_num` after them.
    to_seq: Option<u64>,
}

/// Where a service can load from.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OriginWord {
    /// The topic of summaries, once more.
    Topic,
    /// The public matches that started then, asked of `OpenDota`.
    Opendota,
    /// A part of Steam's sequence: these numbers, or the matches that ended then.
    Steam,
}

/// A past range, and how far it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct BackfillAnswer {
    /// What it is called, a UUID.
    id: String,
    /// Where its records come from, as one gives it to the command.
    origin: String,
    /// Who loads it and goes on with it: `service` or `command`.
    owner: &'static str,
    /// `running`, `finished`, `cancelled` or `failed`.
    state: &'static str,
    /// When it began.
    #[schema(format = DateTime)]
    begun_at: String,
    /// Records loaded.
    records: u64,
    /// Records that could not be loaded.
    invalid: u64,
    /// Calls to an upstream that it took; 0 where nobody is called.
    calls: u64,
    /// How much of the range is done, from 0 to 1; null where nobody knows.
    #[schema(required = true)]
    done_ratio: Option<f64>,
    /// How fast it goes; null of one that does not run in this process.
    #[schema(required = true)]
    records_per_second: Option<f64>,
    /// When its end is to be expected; null where nobody knows.
    #[schema(required = true, format = DateTime)]
    ends_at: Option<String>,
}

/// Past ranges.
#[derive(Serialize, ToSchema)]
pub(crate) struct BackfillsAnswer {
    /// The newest first, at most 100.
    backfills: Vec<BackfillAnswer>,
}

impl From<BackfillFigures> for BackfillAnswer {
    fn from(figures: BackfillFigures) -> Self {
        let written = |at: Timestamp| rfc3339(at.as_unix_ms());
        Self {
            id: figures.id.to_string(),
            origin: figures.origin,
            owner: figures.owner.as_str(),
            state: figures.state.as_str(),
            begun_at: written(figures.id.begun_at()),
            records: figures.records,
            invalid: figures.invalid,
            calls: figures.calls,
            done_ratio: figures.done,
            records_per_second: figures.records_per_second,
            ends_at: figures.ends_at.map(written),
        }
    }
}

/// Loads a past range beside what arrives, and goes on with it after a restart.
///
/// A range that this service loads already is answered as it is.
#[utoipa::path(
    tag = "writing",
    request_body = BackfillQuestion,
    responses(
        (status = 202, description = "It is loaded.", body = BackfillAnswer),
        (status = 404, description = "No token is set.", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "Four run already, a command loads this range, or it needs a setting that is not set.",
            body = Problem, content_type = "application/problem+json"),
        WriteRefusals,
        WarehouseRefusals,
    ),
    security(("token" = []))
)]
#[post("/api/v1/backfills")]
pub(crate) async fn begin(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<ApiState>,
    questions: web::Data<Questions>,
) -> HttpResponse {
    let begun = async {
        let write = permitted(&request, &state)?;
        let body = read_body(&request, payload, BODY_BYTES_MAX).await?;
        let range = range(&body, state.clock.now())
            .map_err(|detail| Box::new(problem(&request, StatusCode::BAD_REQUEST, detail)))?;
        let asked = async {
            match write.backfills.begin(&range).await {
                Ok(begun) => Ok(Ok(begun)),
                Err(
                    error @ (BeginError::TooMany(_)
                    | BeginError::Elsewhere { .. }
                    | BeginError::Impossible(_)),
                ) => Ok(Err(error)),
                Err(error) => Err(error),
            }
        };
        let begun = questions.ask(&request, asked).await?;
        begun.map_err(|error| Box::new(problem(&request, StatusCode::CONFLICT, error.to_string())))
    };
    let begun = begun.await;
    begun.map_or_else(
        |refused| *refused,
        |begun| HttpResponse::Accepted().json(BackfillAnswer::from(begun)),
    )
}

/// Past ranges that were loaded or are, wherever they run.
#[utoipa::path(
    tag = "writing",
    responses(
        (status = 200, description = "The newest first.", body = BackfillsAnswer),
        (status = 404, description = "No token is set.", body = Problem,
            content_type = "application/problem+json"),
        WriteRefusals,
        WarehouseRefusals,
    ),
    security(("token" = []))
)]
#[get("/api/v1/backfills")]
pub(crate) async fn newest(
    request: HttpRequest,
    state: web::Data<ApiState>,
    questions: web::Data<Questions>,
) -> HttpResponse {
    let newest = async {
        let write = permitted(&request, &state)?;
        questions
            .ask(&request, write.backfills.newest(LISTED_MAX))
            .await
    };
    newest.await.map_or_else(
        |refused| *refused,
        |newest: Vec<_>| {
            HttpResponse::Ok().json(BackfillsAnswer {
                backfills: newest.into_iter().map(Into::into).collect(),
            })
        },
    )
}

/// One of them.
#[utoipa::path(
    tag = "writing",
    params(("id" = String, Path, description = "A UUID, as the list shows it.")),
    responses(
        (status = 200, description = "How it is.", body = BackfillAnswer),
        (status = 404, description = "There is none of that id, or no token is set.",
            body = Problem, content_type = "application/problem+json"),
        WriteRefusals,
        WarehouseRefusals,
    ),
    security(("token" = []))
)]
#[get("/api/v1/backfills/{id}")]
pub(crate) async fn one(
    request: HttpRequest,
    state: web::Data<ApiState>,
    questions: web::Data<Questions>,
) -> HttpResponse {
    with_id(&request, &state, &questions, async |backfills, id| {
        backfills.one(id).await
    })
    .await
}

/// Has one stop after its batch, wherever it runs; what it has loaded stays.
#[utoipa::path(
    tag = "writing",
    params(("id" = String, Path, description = "A UUID, as the list shows it.")),
    responses(
        (status = 200, description = "How it is now.", body = BackfillAnswer),
        (status = 404, description = "There is none of that id, or no token is set.",
            body = Problem, content_type = "application/problem+json"),
        WriteRefusals,
        WarehouseRefusals,
    ),
    security(("token" = []))
)]
#[delete("/api/v1/backfills/{id}")]
pub(crate) async fn cancel(
    request: HttpRequest,
    state: web::Data<ApiState>,
    questions: web::Data<Questions>,
) -> HttpResponse {
    with_id(
        &request,
        &state,
        &questions,
        async |backfills, id| match backfills.cancel(id).await {
            Ok(ended) => Ok(Some(ended)),
            Err(CancelError::NoSuch(_)) => Ok(None),
            Err(error) => Err(error),
        },
    )
    .await
}

/// Answers what comes of a question about one.
async fn with_id<E: std::fmt::Display>(
    request: &HttpRequest,
    state: &ApiState,
    questions: &Questions,
    ask: impl AsyncFnOnce(&Backfills, BackfillId) -> Result<Option<BackfillFigures>, E>,
) -> HttpResponse {
    let found = async {
        let write = permitted(request, state)?;
        let id = path_parameter(request, "id", "a UUID", |id| id.parse().ok())?;
        let found = questions.ask(request, ask(&write.backfills, id)).await?;
        let none = || format!("there is no backfill {id}");
        found.ok_or_else(|| Box::new(problem(request, StatusCode::NOT_FOUND, none())))
    };
    found.await.map_or_else(
        |refused| *refused,
        |found| HttpResponse::Ok().json(BackfillAnswer::from(found)),
    )
}

fn permitted<'a>(
    request: &HttpRequest,
    state: &'a ApiState,
) -> Result<&'a WriteAccess, Box<HttpResponse>> {
    let Some(write) = &state.write else {
        return Err(nothing_here(request.path()).into());
    };
    authorize(request, &write.token)?;
    Ok(write)
}

fn problem(request: &HttpRequest, status: StatusCode, detail: String) -> HttpResponse {
    Problem::new(status, detail, request.path()).response()
}

/// The range that a body means.
fn range(body: &[u8], now: Timestamp) -> Result<BackfillRange, String> {
    let question: BackfillQuestion =
        serde_json::from_slice(body).map_err(|error| format!("the body is no range: {error}"))?;
    if question.from_seq.is_some() || question.to_seq.is_some() {
        return numbers(&question);
    }
    let first = question.from.ok_or("from says where the range begins")?;
    let moment = |name: &str, text: &str| {
        let at: Result<jiff::Timestamp, _> = text.parse();
        let at = at.map_err(|_| format!("{name} is no time such as 2026-11-01T00:00:00Z"))?;
        Ok::<_, String>(Timestamp::from_unix_ms(at.as_millisecond()))
    };
    let span = Span {
        from: moment("from", &first)?,
        to: question.to.map_or(Ok(now), |to| moment("to", &to))?,
    };
    if span.from >= span.to {
        return Err("from is not before to: there is nothing between them".to_owned());
    }
    match question.origin {
        OriginWord::Topic => Ok(BackfillRange::Topic(span)),
        OriginWord::Opendota => Ok(BackfillRange::OpenDota(span)),
        OriginWord::Steam => Ok(BackfillRange::Steam(SequencePart::Times(span))),
    }
}

/// The range that numbers of a sequence mean.
fn numbers(question: &BackfillQuestion) -> Result<BackfillRange, String> {
    let has_time = question.from.is_some() || question.to.is_some();
    if has_time || !matches!(question.origin, OriginWord::Steam) {
        return Err("from_seq and to_seq are of steam, and instead of from and to".to_owned());
    }
    let both = question.from_seq.zip(question.to_seq);
    let (from, to) = both.ok_or("from_seq and to_seq belong together")?;
    let part = SequencePart::of_numbers(from, to)
        .ok_or("from_seq is not before to_seq, or that is beyond 9223372036854775807")?;
    Ok(BackfillRange::Steam(part))
}
