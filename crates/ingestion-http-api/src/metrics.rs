//! The figures of ingestion for Prometheus: every answer is written from one snapshot.

use std::{fmt, sync::Arc};

use http_kit::{Metrics, Writer};
use ingestion_application::{
    ConnectionState, DeadLetterReason, GapState, GapsSnapshot, IngestionSnapshot, IngestionStatus,
    Role, SourceSnapshot,
};

use crate::ApiState;

/// Where the figures are from.
pub(crate) struct IngestionMetrics {
    ingestion: Arc<IngestionStatus>,
    version: &'static str,
    commit: &'static str,
}

impl IngestionMetrics {
    pub(crate) fn of(state: &ApiState) -> Self {
        Self {
            ingestion: Arc::clone(&state.ingestion),
            version: state.service.version,
            commit: state.service.commit,
        }
    }
}

impl Metrics for IngestionMetrics {
    fn write(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let snapshot = self.ingestion.snapshot();
        writer.gauge(
            "ingestion_active",
            "Whether this instance publishes; 0 where another one does and this one stands by",
            &u32::from(snapshot.role == Role::Active),
        )?;
        write_ledger(&snapshot, writer)?;
        write_sources(&snapshot, writer)?;
        write_journal(&snapshot, writer)?;
        write_gaps(&snapshot.gaps, writer)?;
        writer.histogram(
            "ingestion_publish_latency_seconds",
            "From receipt to acknowledgement",
            &snapshot.latency.all,
        )?;
        let build = [("version", self.version), ("commit", self.commit)];
        writer.info("ingestion_build", "What is running", build)
    }
}

fn write_ledger(snapshot: &IngestionSnapshot, writer: &mut Writer<'_>) -> fmt::Result {
    let ledger = snapshot.ledger;
    let by_source = |figure: fn(&SourceSnapshot) -> u64| {
        let sources = snapshot.sources.iter();
        sources.map(move |it| ([("source", it.source.as_str())], figure(it)))
    };
    let reasons = DeadLetterReason::ALL.map(|reason| [("reason", reason.as_str())]);
    let imbalance = i128::from(ledger.received)
        - i128::from(ledger.published)
        - i128::from(ledger.duplicates)
        - i128::from(ledger.dead_lettered)
        - i128::from(ledger.pending);
    let imbalance = i64::try_from(imbalance).unwrap_or(i64::MAX);

    writer.counters(
        "ingestion_received",
        "Frames read from a feed, valid or not",
        by_source(|source| source.received),
    )?;
    writer.counter(
        "ingestion_published",
        "Matches acknowledged by Kafka",
        ledger.published,
    )?;
    writer.counters(
        "ingestion_duplicates",
        "Matches seen before",
        by_source(|source| source.duplicates),
    )?;
    writer.counters(
        "ingestion_summaries_published",
        "What feeds know of matches beside their ids, acknowledged by Kafka",
        by_source(|source| source.summaries),
    )?;
    writer.counters(
        "ingestion_passed_over",
        "What else a feed gave, which tells of no match and is no fault",
        by_source(|source| source.passed_over),
    )?;
    writer.counters(
        "ingestion_dead_lettered",
        "Frames and records set aside, acknowledged by the dead-letter topic",
        reasons.into_iter().zip(snapshot.dead_lettered),
    )?;
    writer.gauge(
        "ingestion_pending",
        "Received, and not yet published, duplicate or dead-lettered",
        &ledger.pending,
    )?;
    writer.gauge(
        "ingestion_ledger_imbalance",
        "Received less everything accounted for; anything but 0 is a loss or a double count",
        &imbalance,
    )
}

fn write_sources(snapshot: &IngestionSnapshot, writer: &mut Writer<'_>) -> fmt::Result {
    if let Some(since) = snapshot.since_last_match {
        writer.gauge(
            "ingestion_seconds_since_last_match",
            "How long ago something was last received",
            &since.as_secs_f64(),
        )?;
    }
    let sources = snapshot.sources.iter();
    writer.gauges(
        "ingestion_source_seconds_since_last_match",
        "How long ago something was last received from the feed",
        sources.filter_map(|it| {
            let since = it.since_last_match?.as_secs_f64();
            Some(([("source", it.source.as_str())], since))
        }),
    )?;
    let connections = || {
        let sources = snapshot.sources.iter();
        sources.filter_map(|it| Some((it.source.as_str(), it.connection.as_ref()?)))
    };
    writer.gauges(
        "ingestion_source_connected",
        "Whether the connection to the feed stands",
        connections().map(|(source, connection)| {
            let connected = connection.state == ConnectionState::Connected;
            ([("source", source)], u32::from(connected))
        }),
    )?;
    writer.counters(
        "ingestion_source_reconnects",
        "Ended connections and failed attempts, each followed by another attempt",
        connections().flat_map(|(source, connection)| {
            // From the start, at 0: a rate over a series that appears with
            // its first event misses that event.
            let counts = connection.disconnections.iter();
            counts.map(move |(reason, count)| {
                ([("source", source), ("reason", reason.as_str())], *count)
            })
        }),
    )?;
    writer.counters(
        "ingestion_source_calls",
        "Calls of an upstream that is asked call by call, by how they ended",
        connections().flat_map(|(source, connection)| {
            let calls = connection.calls.iter();
            calls.map(move |(outcome, count)| ([("source", source), ("outcome", *outcome)], *count))
        }),
    )?;
    writer.gauges(
        "ingestion_source_budget_left",
        "Calls that are still permitted in this window of time",
        connections().flat_map(|(source, connection)| {
            let windows = connection.budget_left.iter();
            windows.map(move |(window, left)| ([("source", source), ("window", *window)], *left))
        }),
    )?;
    writer.gauges(
        "ingestion_source_behind_seconds",
        "How far a part of the feed's work is behind",
        connections().flat_map(|(source, connection)| {
            let behind = connection.behind.iter();
            behind.map(move |(part, behind)| {
                ([("source", source), ("part", *part)], behind.as_secs_f64())
            })
        }),
    )
}

fn write_journal(snapshot: &IngestionSnapshot, writer: &mut Writer<'_>) -> fmt::Result {
    let journal = snapshot.journal;
    writer.gauge(
        "ingestion_journal_bytes",
        "What is on disk because Kafka has not acknowledged it",
        &journal.bytes,
    )?;
    writer.gauge(
        "ingestion_journal_oldest_seconds",
        "How long ago the oldest of it was received, at most; 0 when nothing is pending there",
        &journal.oldest.as_secs_f64(),
    )?;
    writer.counter(
        "ingestion_journal_lost",
        "Matches found damaged in the journal, and lost",
        journal.lost,
    )
}

fn write_gaps(gaps: &GapsSnapshot, writer: &mut Writer<'_>) -> fmt::Result {
    writer.gauges(
        "ingestion_gaps",
        "Times in which a feed could not be heard, by what has become of them",
        GapState::ALL.into_iter().map(|state| {
            let count = gaps.gaps.iter().filter(|gap| gap.state == state).count();
            ([("state", state.as_str())], count as u64)
        }),
    )?;
    writer.counter(
        "ingestion_gaps_lost",
        "Interruptions of which something is lost, also of earlier processes",
        gaps.lost_total,
    )
}
