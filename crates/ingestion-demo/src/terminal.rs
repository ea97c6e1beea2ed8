//! What the demo says on the terminal.

use std::{fmt::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use command_kit::demo::{Terminal, grouped, print_line as print};
use feed_simulator::{IdDigest, Truth};
use ingestion_application::{IngestionSnapshot, IngestionStatus};

use super::{DUPLICATE_FRACTION, DemoArguments, INVALID_FRACTION};

/// Starts to print how far it is.
pub(super) fn start(ingestion: Arc<IngestionStatus>) -> Terminal {
    let mut before = (Duration::ZERO, ingestion.snapshot());
    Terminal::start(move |elapsed| {
        let now = (elapsed, ingestion.snapshot());
        let line = line(&before, &now);
        before = now;
        line
    })
}

/// Says what is shown, and where to look.
pub(super) fn print_beginning(arguments: &DemoArguments, partitions: usize, page: SocketAddr) {
    let rate = match arguments.rate {
        0.0 => "as fast as the socket takes them".to_owned(),
        rate => format!("{rate} matches a second"),
    };
    print(&format!(
        "ingestion-service demo: a simulated feed through the real pipeline into an embedded broker\n\
         \x20 feed    {rate}, seed {seed}, {duplicates}% duplicates, {invalid}% invalid frames\n\
         \x20 broker  librdkafka's mock cluster, {partitions} partitions, delivery at_least_once (it has no transactions)\n\
         \x20 page    http://{page}/\n\
         Ctrl-C ends it.\n",
        seed = arguments.seed,
        duplicates = DUPLICATE_FRACTION * 100.0,
        invalid = INVALID_FRACTION * 100.0,
    ));
}

/// Compares what was sent with what arrived; whether that is the same.
pub(super) fn print_end(truth: &Truth, topic: &IdDigest, snapshot: &IngestionSnapshot) -> bool {
    let ledger = snapshot.ledger;
    let checks = [
        ("matches", truth.ids_sent, topic.count()),
        ("duplicates", truth.sent.duplicates, ledger.duplicates),
        (
            "invalid frames",
            truth.sent.invalid_total(),
            ledger.dead_lettered,
        ),
    ];
    print(&format!("\n{:16}{:>14}{:>14}", "", "feed sent", "found"));
    for (what, sent, found) in checks {
        print(&format!(
            "{what:16}{:>14}{:>14}",
            grouped(sent),
            grouped(found)
        ));
    }
    let same_counts = checks.iter().all(|(_, sent, found)| sent == found);
    let same_ids = truth.ids_digest == *topic;
    let balanced = ledger.check().is_ok() && ledger.pending == 0;
    let verdict = match (same_counts, same_ids, balanced) {
        (true, true, true) => format!("all of {} matches delivered once", grouped(truth.ids_sent)),
        (_, _, false) => format!("FAILED: the ledger is out of balance or not empty: {ledger:?}"),
        (true, false, _) => "FAILED: as many matches, but not the same ones".to_owned(),
        (false, _, _) => "FAILED: what the feed sent is not what was found".to_owned(),
    };
    print(&format!("\n{verdict}"));
    same_counts && same_ids && balanced
}

fn line(before: &(Duration, IngestionSnapshot), now: &(Duration, IngestionSnapshot)) -> String {
    let ledger = &now.1.ledger;
    let published = ledger.published - before.1.ledger.published;
    #[expect(clippy::cast_precision_loss, reason = "a rate for the eye")]
    let rate = published as f64 / now.0.saturating_sub(before.0).as_secs_f64();
    let mut line = format!("{:>9}/s", grouped_rate(rate));
    let figures = [
        // Wide enough for some minutes at full speed: a line keeps its columns.
        ("received", ledger.received, 11),
        ("published", ledger.published, 11),
        ("duplicates", ledger.duplicates, 9),
        ("dead-lettered", ledger.dead_lettered, 7),
        ("pending", ledger.pending, 6),
    ];
    for (name, figure, width) in figures {
        // Writing to a string cannot fail.
        let _ = write!(line, "  {name} {:>width$}", grouped(figure));
    }
    let latency = &now.1.latency;
    let _ = write!(
        line,
        "  p50 {:>8}  p99 {:>8}",
        milliseconds(latency.p50),
        milliseconds(latency.p99)
    );
    for connection in now.1.sources.iter().flat_map(|it| &it.connection) {
        let _ = write!(line, "  feed {}", connection.state.as_str());
    }
    line
}

fn milliseconds(latency: Option<Duration>) -> String {
    latency.map_or("-".to_owned(), |latency| {
        format!("{:.1} ms", latency.as_secs_f64() * 1000.0)
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is no more than a count"
)]
fn grouped_rate(rate: f64) -> String {
    grouped(rate.round() as u64)
}
