//! The state of ingestion as it is shown: one snapshot for every reader.
//!
//! The HTTP answers, the metrics, the live page and the terminal are all
//! drawn from this one snapshot, so they cannot contradict each other.

use std::{sync::Arc, time::Duration};

use domain::{DeadLetterReason, LedgerFigures, SourceName, Timestamp};
use tokio::time::Instant;

use crate::{ConnectionSnapshot, LatencySnapshot, Ledger, SourceStatus, ports::Clock};

/// Takes snapshots of ingestion.
pub struct IngestionStatus {
    ledger: Arc<Ledger>,
    sources: Vec<Arc<SourceStatus>>,
    clock: Arc<dyn Clock>,
}

/// Ingestion at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct IngestionSnapshot {
    /// When it was taken.
    pub at: Timestamp,
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
    /// Its connection.
    pub connection: ConnectionSnapshot,
}

impl IngestionStatus {
    /// Shows `ledger` and the connections of `sources`.
    #[must_use]
    pub fn new(
        ledger: Arc<Ledger>,
        sources: Vec<Arc<SourceStatus>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            ledger,
            sources,
            clock,
        }
    }

    /// Ingestion, now; its figures are one consistent set.
    #[must_use]
    pub fn snapshot(&self) -> IngestionSnapshot {
        let ledger = self.ledger.snapshot();
        let sources = self.sources.iter().map(|status| {
            let source = status.source();
            let row = ledger.sources.iter().find(|row| row.source == source);
            SourceSnapshot {
                source,
                received: row.map_or(0, |row| row.received),
                duplicates: row.map_or(0, |row| row.duplicates),
                connection: status.snapshot(),
            }
        });
        IngestionSnapshot {
            at: self.clock.now(),
            ledger: ledger.figures,
            dead_lettered: ledger.dead_lettered,
            sources: sources.collect(),
            latency: ledger.latency,
            since_last_match: ledger
                .last_received
                .map(|at| Instant::now().saturating_duration_since(at)),
        }
    }
}
