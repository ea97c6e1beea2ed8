//! The figures of loading for Prometheus: every answer is written from one snapshot.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use etl_application::{
    CallOutcome, DeadLetterReason, EtlSnapshot, EtlStatus, TopicFigures, ports::WishState,
};
use http_kit::{Metrics, Writer};

use crate::ApiState;

/// Where the figures are from.
pub(crate) struct EtlMetrics {
    etl: Arc<EtlStatus>,
    version: &'static str,
    commit: &'static str,
}

impl EtlMetrics {
    pub(crate) fn of(state: &ApiState) -> Self {
        Self {
            etl: Arc::clone(&state.etl),
            version: state.service.version,
            commit: state.service.commit,
        }
    }
}

impl Metrics for EtlMetrics {
    fn write(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let snapshot = self.etl.snapshot();
        write_ledger(&snapshot, writer)?;
        write_reading(&snapshot, writer)?;
        write_storing(&snapshot, writer)?;
        write_days(&snapshot, writer)?;
        write_details(&snapshot, writer)?;
        write_backfills(&snapshot, writer)?;
        let build = [("version", self.version), ("commit", self.commit)];
        writer.info("etl_build", "What is running", build)
    }
}

fn write_ledger(snapshot: &EtlSnapshot, writer: &mut Writer<'_>) -> fmt::Result {
    let ledger = &snapshot.ledger;
    let by_topic = |figure: fn(&TopicFigures) -> u64| {
        let topics = ledger.topics.iter();
        topics.map(move |(topic, figures)| ([("topic", &**topic)], figure(figures)))
    };
    writer.counters(
        "etl_consumed",
        "Records read, what was read again included",
        by_topic(|topic| topic.consumed),
    )?;
    writer.counters(
        "etl_loaded",
        "Records of which everything that follows is in the warehouse",
        by_topic(|topic| topic.loaded),
    )?;
    writer.counters(
        "etl_dead_lettered",
        "Records set aside, acknowledged by the dead-letter topic",
        // From the start, at 0: a rate over a series that appears with its
        // first event misses that event.
        DeadLetterReason::ALL.iter().map(|reason| {
            let count = ledger.reasons.get(reason).copied().unwrap_or_default();
            ([("reason", reason.as_str())], count)
        }),
    )?;
    writer.gauge(
        "etl_pending",
        "Consumed, and neither loaded nor dead-lettered yet",
        &ledger.total().pending,
    )
}

fn write_reading(snapshot: &EtlSnapshot, writer: &mut Writer<'_>) -> fmt::Result {
    writer.gauges(
        "etl_lag_records",
        "Records behind the committed position, of this member's partitions",
        snapshot.partitions.iter().filter_map(|it| {
            let number = it.partition.to_string();
            let labels = [
                ("topic", Cow::Borrowed(&*it.topic)),
                ("partition", Cow::Owned(number)),
            ];
            Some((labels, it.lag?))
        }),
    )?;
    writer.gauges(
        "etl_seconds_behind",
        "How long ago the last record read had been written; 0 when all has been read",
        snapshot
            .behind()
            .into_iter()
            .map(|(topic, behind)| ([("topic", &**topic)], behind.as_secs_f64())),
    )
}

fn write_storing(snapshot: &EtlSnapshot, writer: &mut Writer<'_>) -> fmt::Result {
    let load = &snapshot.load;
    writer.counters(
        "etl_rows_inserted",
        "Rows that the warehouse has acknowledged, repeated ones included",
        load.rows
            .iter()
            .map(|(table, rows)| ([("table", *table)], *rows)),
    )?;
    writer.histograms(
        "etl_insert_seconds",
        "How long inserts took until they were acknowledged",
        load.inserts
            .iter()
            .map(|(table, took)| ([("table", *table)], took)),
    )?;
    writer.counters(
        "etl_insert_retries",
        "Attempts to store that failed, each followed by another one",
        load.retries
            .iter()
            .map(|(cause, count)| ([("cause", *cause)], *count)),
    )
}

fn write_days(snapshot: &EtlSnapshot, writer: &mut Writer<'_>) -> fmt::Result {
    let days = &snapshot.days;
    writer.gauge(
        "etl_dirty_days",
        "Days whose counters are behind their facts",
        &(days.dirty.len() as u64),
    )?;
    writer.histogram(
        "etl_day_build_seconds",
        "How long it took to build the counters of a day",
        &days.builds,
    )?;
    writer.counter(
        "etl_counter_mismatches",
        "How often a day did not add up and was not swapped in",
        days.mismatches,
    )
}

fn write_details(snapshot: &EtlSnapshot, writer: &mut Writer<'_>) -> fmt::Result {
    let figures = &snapshot.details;
    writer.gauges(
        "etl_wishes",
        "Wishes for details by what became of them, as the warehouse had them when it was asked \
         last",
        WishState::ALL
            .iter()
            .map(|state| ([("state", state.as_str())], figures.wishes.of_state(*state))),
    )?;
    if let Some(counted_at) = figures.counted_at {
        let age_ms = snapshot.at.as_unix_ms() - counted_at.as_unix_ms();
        let age = Duration::from_millis(u64::try_from(age_ms).unwrap_or_default());
        writer.gauge(
            "etl_wishes_age_seconds",
            "How long ago the warehouse was asked for the number of wishes",
            &age.as_secs_f64(),
        )?;
    }
    let Some(budget) = &figures.budget else {
        return Ok(());
    };
    writer.counters(
        "etl_calls",
        "Calls to an upstream of details, by what they came to",
        CallOutcome::ALL.iter().map(|outcome| {
            let count = figures.calls.get(outcome).copied().unwrap_or_default();
            let labels = [
                ("upstream", figures.upstream),
                ("outcome", outcome.as_str()),
            ];
            (labels, count)
        }),
    )?;
    let windows = [("minute", &budget.minute), ("day", &budget.day)];
    writer.gauges(
        "etl_budget_left",
        "Calls that an upstream still permits in this minute and this day, the reserve among them",
        windows.into_iter().filter_map(|(name, window)| {
            let labels = [("upstream", figures.upstream), ("window", name)];
            Some((labels, window.left?))
        }),
    )
}

fn write_backfills(snapshot: &EtlSnapshot, writer: &mut Writer<'_>) -> fmt::Result {
    writer.gauges(
        "etl_backfill_progress_ratio",
        "How much of a past range is loaded, of those that this process loads",
        snapshot
            .backfills
            .iter()
            .filter_map(|one| Some(([("id", one.id.to_string())], one.done?))),
    )
}
