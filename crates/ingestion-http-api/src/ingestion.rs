//! The figures of ingestion as JSON.

use std::collections::BTreeMap;

use actix_web::{get, web};
use domain::Timestamp;
use ingestion_application::{
    DeadLetterReason, IngestionSnapshot, LedgerFigures, SourceSnapshot,
    ports::{Disconnection, UpstreamInUse},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{ApiState, gaps::GapAnswer};

/// A look at what is newest; the list itself is a path of its own.
const GAPS_SHOWN: usize = 10;

/// Ingestion at one moment; all figures belong to that one moment.
#[derive(Serialize, ToSchema)]
pub(crate) struct IngestionAnswer {
    /// When that was.
    #[schema(format = DateTime)]
    at: String,
    /// `active` where this instance publishes, `standby` where another one does.
    role: &'static str,
    /// What became of everything received.
    ledger: LedgerAnswer,
    /// Dead letters by reason.
    dead_letters: BTreeMap<&'static str, u64>,
    /// How long ago something was last received; null if nothing ever was.
    #[schema(required = true)]
    seconds_since_last_match: Option<f64>,
    /// From receipt to acknowledgement.
    latency: LatencyAnswer,
    /// What is on disk.
    journal: JournalAnswer,
    /// Every feed.
    sources: Vec<SourceAnswer>,
    /// The newest ten times in which a feed could not be heard, and what becomes of
    /// them; all are at `/api/v1/ingestion/gaps`.
    gaps: Vec<GapAnswer>,
}

/// What is on disk because Kafka has not acknowledged it.
#[derive(Serialize, ToSchema)]
pub(crate) struct JournalAnswer {
    /// How much that is.
    bytes: u64,
    /// How long ago the oldest of it was received, at most; 0 when nothing is pending there.
    oldest_seconds: f64,
    /// Matches found damaged since the start, and lost.
    lost: u64,
}

/// received = published + duplicates + `dead_lettered` + pending, in every answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct LedgerAnswer {
    /// Frames read from a feed, valid or not.
    received: u64,
    /// Matches acknowledged by Kafka.
    published: u64,
    /// Matches seen before.
    duplicates: u64,
    /// Frames and records set aside, acknowledged by the dead-letter topic.
    dead_lettered: u64,
    /// Received, and none of the three yet.
    pending: u64,
}

/// How long recent matches took from receipt to acknowledgement.
#[derive(Serialize, ToSchema)]
pub(crate) struct LatencyAnswer {
    /// Half of them took at most so long; null without recent matches.
    #[schema(required = true)]
    p50_seconds: Option<f64>,
    /// 99 of 100 took at most so long; null without recent matches.
    #[schema(required = true)]
    p99_seconds: Option<f64>,
}

/// One feed.
#[derive(Serialize, ToSchema)]
pub(crate) struct SourceAnswer {
    /// Which feed.
    source: &'static str,
    /// `connecting`, `connected` or `reconnecting`; `standing_by` where the active instance
    /// asks it; `on_request` where there is no connection.
    state: &'static str,
    /// Since when; null where there is no connection.
    #[schema(format = DateTime, required = true)]
    since: Option<String>,
    /// Which upstream it is connected to; null where there is none, or only one kind.
    #[schema(required = true)]
    upstream: Option<UpstreamAnswer>,
    /// Frames read from it.
    received: u64,
    /// Of these, matches seen before.
    duplicates: u64,
    /// What it knew of matches beside their ids, acknowledged by Kafka: also of
    /// duplicates.
    summaries: u64,
    /// What else it gave, which tells of no match and is no fault.
    passed_over: u64,
    /// How long ago something was last received from it; null if nothing was since the start.
    #[schema(required = true)]
    seconds_since_last_match: Option<f64>,
    /// Why it had to reconnect, and how often: ended connections and failed attempts.
    reconnects: BTreeMap<&'static str, u64>,
    /// The last of these ends; null if there was none.
    #[schema(required = true)]
    last_disconnection: Option<DisconnectionAnswer>,
    /// Calls by how they ended, of a feed that is asked call by call.
    calls: BTreeMap<&'static str, u64>,
    /// Calls that are still permitted, by window of time.
    budget_left: BTreeMap<&'static str, u64>,
    /// How far each part of the feed's work is behind: by list, how long ago all of
    /// it was seen; of Steam's second pass, for how long it has been due.
    behind_seconds: BTreeMap<&'static str, f64>,
}

/// The upstream that a feed is connected to.
#[derive(Serialize, ToSchema)]
pub(crate) struct UpstreamAnswer {
    /// Its host and port.
    name: String,
    /// Its place by preference, from 1 on.
    preference: usize,
    /// How many upstreams the feed can be read from.
    of: usize,
}

/// The end of a connection, or of an attempt at one.
#[derive(Serialize, ToSchema)]
pub(crate) struct DisconnectionAnswer {
    /// The kind.
    reason: &'static str,
    /// What happened.
    detail: String,
    /// How long the pause before the next attempt was to be.
    retry_in_seconds: f64,
}

/// What became of everything received, and how the feeds are.
#[utoipa::path(
    tag = "ingestion",
    responses((status = 200, description = "The figures, now.", body = IngestionAnswer))
)]
#[get("/api/v1/ingestion")]
pub(crate) async fn ingestion(state: web::Data<ApiState>) -> web::Json<IngestionAnswer> {
    web::Json(state.ingestion.snapshot().into())
}

pub(crate) fn rfc3339(at: Timestamp) -> String {
    http_kit::rfc3339(at.as_unix_ms())
}

impl From<IngestionSnapshot> for IngestionAnswer {
    fn from(snapshot: IngestionSnapshot) -> Self {
        let reasons = DeadLetterReason::ALL.map(DeadLetterReason::as_str);
        Self {
            at: rfc3339(snapshot.at),
            role: snapshot.role.as_str(),
            ledger: snapshot.ledger.into(),
            dead_letters: reasons.into_iter().zip(snapshot.dead_lettered).collect(),
            seconds_since_last_match: snapshot.since_last_match.map(|it| it.as_secs_f64()),
            latency: LatencyAnswer {
                p50_seconds: snapshot.latency.p50.map(|it| it.as_secs_f64()),
                p99_seconds: snapshot.latency.p99.map(|it| it.as_secs_f64()),
            },
            journal: JournalAnswer {
                bytes: snapshot.journal.bytes,
                oldest_seconds: snapshot.journal.oldest.as_secs_f64(),
                lost: snapshot.journal.lost,
            },
            sources: snapshot.sources.into_iter().map(Into::into).collect(),
            gaps: snapshot
                .gaps
                .gaps
                .into_iter()
                .take(GAPS_SHOWN)
                .map(Into::into)
                .collect(),
        }
    }
}

impl From<LedgerFigures> for LedgerAnswer {
    fn from(figures: LedgerFigures) -> Self {
        Self {
            received: figures.received,
            published: figures.published,
            duplicates: figures.duplicates,
            dead_lettered: figures.dead_lettered,
            pending: figures.pending,
        }
    }
}

impl From<SourceSnapshot> for SourceAnswer {
    fn from(source: SourceSnapshot) -> Self {
        let connection = source.connection.as_ref();
        let reconnects = connection
            .map(|it| &it.disconnections)
            .into_iter()
            .flatten();
        Self {
            source: source.source.as_str(),
            state: connection.map_or("on_request", |it| it.state.as_str()),
            since: connection.map(|it| rfc3339(it.since)),
            upstream: connection
                .and_then(|it| it.upstream.clone())
                .map(Into::into),
            received: source.received,
            duplicates: source.duplicates,
            summaries: source.summaries,
            passed_over: source.passed_over,
            seconds_since_last_match: source.since_last_match.map(|it| it.as_secs_f64()),
            reconnects: reconnects
                .filter(|(_, count)| *count > 0)
                .map(|(reason, count)| (reason.as_str(), *count))
                .collect(),
            calls: connection
                .into_iter()
                .flat_map(|it| it.calls.iter().copied())
                .collect(),
            budget_left: connection
                .into_iter()
                .flat_map(|it| it.budget_left.iter().copied())
                .collect(),
            behind_seconds: connection
                .into_iter()
                .flat_map(|it| &it.behind)
                .map(|(part, behind)| (*part, behind.as_secs_f64()))
                .collect(),
            last_disconnection: connection
                .and_then(|it| it.last_disconnection.clone())
                .map(Into::into),
        }
    }
}

impl From<UpstreamInUse> for UpstreamAnswer {
    fn from(upstream: UpstreamInUse) -> Self {
        Self {
            name: upstream.name,
            preference: upstream.preference,
            of: upstream.of,
        }
    }
}

impl From<Disconnection> for DisconnectionAnswer {
    fn from(disconnection: Disconnection) -> Self {
        Self {
            reason: disconnection.reason.as_str(),
            detail: disconnection.detail,
            retry_in_seconds: disconnection.retry_in.as_secs_f64(),
        }
    }
}
