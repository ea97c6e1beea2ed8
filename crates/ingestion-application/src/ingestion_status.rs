//! The state of ingestion as it is shown: one snapshot for every reader.
//!
//! The HTTP answers, the metrics, the live page and the terminal are all
//! drawn from this one snapshot, so they cannot contradict each other.

use std::{sync::Arc, time::Duration};

use domain::Timestamp;
use health_kit::Clock;
use tokio::time::Instant;

use crate::{
    Backlog, ConnectionSnapshot, DeadLetterReason, Gaps, GapsSnapshot, LatencySnapshot, Ledger,
    LedgerFigures, Role, SourceName, SourceStatus, ports::Journal,
};

/// Takes snapshots of ingestion.
pub struct IngestionStatus {
    ledger: Arc<Ledger>,
    sources: Vec<Arc<SourceStatus>>,
    journal: Arc<dyn Journal>,
    gaps: Option<Arc<Gaps>>,
    /// None where nobody else could publish.
    backlog: Option<Arc<Backlog>>,
    clock: Arc<dyn Clock>,
}

/// Ingestion at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct IngestionSnapshot {
    /// When it was taken.
    pub at: Timestamp,
    /// Whether it is this instance that publishes.
    pub role: Role,
    /// What became of everything received.
    pub ledger: LedgerFigures,
    /// Dead letters by reason, in the order of [`DeadLetterReason::ALL`].
    pub dead_lettered: [u64; DeadLetterReason::ALL.len()],
    /// Every feed.
    pub sources: Vec<SourceSnapshot>,
    /// From receipt to acknowledgement.
    pub latency: LatencySnapshot,
    /// How long ago something was last received; none if nothing ever was.
    pub since_last_match: Option<Duration>,
    /// What is on disk.
    pub journal: JournalSnapshot,
    /// What feeds have missed, and what becomes of it.
    pub gaps: GapsSnapshot,
}

/// The journal at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JournalSnapshot {
    /// Bytes on disk.
    pub bytes: u64,
    /// How long ago its oldest pending match was received, at most; zero without one.
    pub oldest: Duration,
    /// Matches found damaged since the start, and lost.
    pub lost: u64,
}

/// A feed at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSnapshot {
    /// Which feed.
    pub source: SourceName,
    /// Frames read from it.
    pub received: u64,
    /// Of these, matches seen before.
    pub duplicates: u64,
    /// Summaries of it that were published.
    pub summaries: u64,
    /// What else it gave that tells of no match and is no fault.
    pub passed_over: u64,
    /// How long ago something was last received from it; none if nothing was by
    /// this process.
    pub since_last_match: Option<Duration>,
    /// Its connection; none where matches come in on request, or from an
    /// earlier run with other feeds.
    pub connection: Option<ConnectionSnapshot>,
}

impl IngestionStatus {
    /// Shows `ledger`, the connections of `sources` and what `journal` holds.
    #[must_use]
    pub fn new(
        ledger: Arc<Ledger>,
        sources: Vec<Arc<SourceStatus>>,
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            ledger,
            sources,
            journal,
            gaps: None,
            backlog: None,
            clock,
        }
    }

    /// The same with what the feeds have missed.
    #[must_use]
    pub fn with_gaps(self, gaps: Arc<Gaps>) -> Self {
        Self {
            gaps: Some(gaps),
            ..self
        }
    }

    /// The same, which shows whether it is `backlog`'s turn to publish.
    #[must_use]
    pub fn with_role_of(self, backlog: Arc<Backlog>) -> Self {
        Self {
            backlog: Some(backlog),
            ..self
        }
    }

    /// Ingestion, now; its figures are one consistent set.
    #[must_use]
    pub fn snapshot(&self) -> IngestionSnapshot {
        let ledger = self.ledger.snapshot();
        let now = Instant::now();
        let since = |at: Option<Instant>| at.map(|at| now.saturating_duration_since(at));
        let connected = self.sources.iter().map(|status| {
            let source = status.source();
            let row = ledger.sources.iter().find(|row| row.source == source);
            SourceSnapshot {
                source,
                received: row.map_or(0, |row| row.received),
                duplicates: row.map_or(0, |row| row.duplicates),
                summaries: row.map_or(0, |row| row.summaries),
                passed_over: row.map_or(0, |row| row.passed_over),
                since_last_match: since(row.and_then(|row| row.last_received)),
                connection: Some(status.snapshot()),
            }
        });
        let others = ledger.sources.iter().filter(|row| {
            let mut connected = self.sources.iter();
            !connected.any(|status| status.source() == row.source)
        });
        let sources = connected.chain(others.map(|row| SourceSnapshot {
            source: row.source,
            received: row.received,
            duplicates: row.duplicates,
            summaries: row.summaries,
            passed_over: row.passed_over,
            since_last_match: since(row.last_received),
            connection: None,
        }));
        let at = self.clock.now();
        IngestionSnapshot {
            at,
            role: self.backlog.as_ref().map_or(Role::Active, |it| it.role()),
            ledger: ledger.figures,
            dead_lettered: ledger.dead_lettered,
            sources: sources.collect(),
            latency: ledger.latency,
            since_last_match: since(ledger.last_received),
            journal: self.journal_at(at),
            gaps: self.gaps(),
        }
    }

    /// What the feeds have missed, now.
    #[must_use]
    pub fn gaps(&self) -> GapsSnapshot {
        let gaps = self.gaps.as_ref();
        gaps.map_or_else(GapsSnapshot::default, |it| it.snapshot())
    }

    fn journal_at(&self, now: Timestamp) -> JournalSnapshot {
        let figures = self.journal.figures();
        let age_ms = figures.oldest.map_or(0, |oldest| {
            now.as_unix_ms().saturating_sub(oldest.as_unix_ms())
        });
        JournalSnapshot {
            bytes: figures.bytes,
            oldest: Duration::from_millis(u64::try_from(age_ms).unwrap_or(0)),
            lost: figures.lost,
        }
    }
}
