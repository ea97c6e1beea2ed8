//! The figures of ingestion for Prometheus.
//!
//! Every answer is written from one snapshot, so its figures belong together.
//! Nothing is registered and nothing is kept between two answers.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use actix_web::{HttpRequest, HttpResponse, get, http::header, web};
use ingestion_application::{
    ConnectionState, DeadLetterReason, IngestionSnapshot, LATENCY_BUCKETS_SECONDS, LatencySnapshot,
    SourceSnapshot, ports::DisconnectReason,
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeGaugeValue, NoLabelSet, text},
    metrics::MetricType,
    registry::Registry,
};

use crate::ApiState;

/// The newer format, for who asks for it: there `_total` and `_info` are what they mean.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The older format, for everybody else.
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The figures for Prometheus, all of one moment.
///
/// `ingestion_seconds_since_last_match` is absent until something was received:
/// no number would be true.
#[utoipa::path(
    tag = "ingestion",
    responses((status = 200, description = "Prometheus text, or OpenMetrics for who accepts it.",
        content((String = "text/plain"), (String = "application/openmetrics-text"))))
)]
#[get("/metrics")]
pub(crate) async fn metrics(state: web::Data<ApiState>, request: HttpRequest) -> HttpResponse {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(IngestionMetrics {
        snapshot: state.ingestion.snapshot(),
        version: state.version,
        commit: state.commit,
    }));
    let mut answer = String::new();
    text::encode(&mut answer, &registry).expect("writing to a string cannot fail");
    if accepts_openmetrics(&request) {
        HttpResponse::Ok().content_type(OPENMETRICS).body(answer)
    } else {
        HttpResponse::Ok().content_type(PLAIN).body(plain(&answer))
    }
}

fn accepts_openmetrics(request: &HttpRequest) -> bool {
    let accepted = request.headers().get_all(header::ACCEPT);
    accepted
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("application/openmetrics-text"))
}

/// `OpenMetrics` text in the older format, in which a family has the name of its
/// samples and information is a gauge.
fn plain(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len());
    let mut help = "";
    for line in openmetrics.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "HELP", _, words] => help = words,
            ["#", "TYPE", family, kind] => {
                let (name, kind) = match kind {
                    "counter" => (format!("{family}_total"), kind),
                    "info" => (format!("{family}_info"), "gauge"),
                    _ => (family.to_owned(), kind),
                };
                // Writing to a string cannot fail.
                let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
            }
            ["#", ..] => {}
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

#[derive(Debug)]
struct IngestionMetrics {
    snapshot: IngestionSnapshot,
    version: &'static str,
    commit: &'static str,
}

impl Collector for IngestionMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut writer = Writer(encoder);
        self.write_ledger(&mut writer)?;
        self.write_sources(&mut writer)?;
        self.write_journal(&mut writer)?;
        writer.histogram(
            "ingestion_publish_latency_seconds",
            "From receipt to acknowledgement",
            &self.snapshot.latency,
        )?;
        let build = [("version", self.version), ("commit", self.commit)];
        writer.info("ingestion_build", "What is running", build)
    }
}

impl IngestionMetrics {
    fn write_ledger(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let ledger = self.snapshot.ledger;
        let by_source = |figure: fn(&SourceSnapshot) -> u64| {
            let sources = self.snapshot.sources.iter();
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
            "ingestion_dead_lettered",
            "Frames and records set aside, acknowledged by the dead-letter topic",
            reasons.into_iter().zip(self.snapshot.dead_lettered),
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

    fn write_sources(&self, writer: &mut Writer<'_>) -> fmt::Result {
        if let Some(since) = self.snapshot.since_last_match {
            writer.gauge(
                "ingestion_seconds_since_last_match",
                "How long ago something was last received",
                &since.as_secs_f64(),
            )?;
        }
        let connections = || {
            let sources = self.snapshot.sources.iter();
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
                let mut counts: BTreeMap<_, _> = DisconnectReason::ALL.map(|it| (it, 0)).into();
                counts.extend(connection.disconnections.iter().copied());
                counts.into_iter().map(move |(reason, count)| {
                    ([("source", source), ("reason", reason.as_str())], count)
                })
            }),
        )
    }
}

impl IngestionMetrics {
    fn write_journal(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let journal = self.snapshot.journal;
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
}

/// The labels of one series.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Writes families of metrics; the encoder adds `_total` and `_info` to names.
struct Writer<'a>(DescriptorEncoder<'a>);

impl Writer<'_> {
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.0
            .encode_descriptor(name, help, None, MetricType::Counter)?
            .encode_counter::<NoLabelSet, _, f64>(&value, None)
    }

    fn counters<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl Iterator<Item = (Labels<N>, u64)>,
    ) -> fmt::Result {
        let mut family = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in series {
            let mut series = family.encode_family(&labels)?;
            series.encode_counter::<NoLabelSet, _, f64>(&value, None)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &str, help: &str, value: &impl EncodeGaugeValue) -> fmt::Result {
        self.0
            .encode_descriptor(name, help, None, MetricType::Gauge)?
            .encode_gauge(value)
    }

    fn gauges<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl Iterator<Item = (Labels<N>, u32)>,
    ) -> fmt::Result {
        let mut family = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in series {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn histogram(&mut self, name: &str, help: &str, latency: &LatencySnapshot) -> fmt::Result {
        let bounds = LATENCY_BUCKETS_SECONDS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(latency.bucket_counts).collect();
        let count = latency.bucket_counts.iter().sum();
        self.0
            .encode_descriptor(name, help, None, MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(latency.sum.as_secs_f64(), count, &buckets, None)
    }

    fn info<const N: usize>(&mut self, name: &str, help: &str, labels: Labels<N>) -> fmt::Result {
        self.0
            .encode_descriptor(name, help, None, MetricType::Info)?
            .encode_info(&labels)
    }
}
