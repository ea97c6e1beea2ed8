//! What the demo says on the terminal.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use command_kit::demo::{grouped, print_line};
use etl_application::{EtlSnapshot, EtlStatus};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{
    DemoArguments,
    sender::{CORRECT_FRACTION, INVALID_FRACTION, REPEAT_FRACTION, Verdict},
};

const LINE_INTERVAL: Duration = Duration::from_secs(1);

/// One line a second.
pub(super) struct Terminal {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Terminal {
    /// Starts to print.
    pub(super) fn start(etl: Arc<EtlStatus>) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(print_lines(etl, stop.clone()));
        Self { stop, task }
    }

    /// Stops to print.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!("printing the lines has failed: {error}");
        }
    }
}

/// Says what is shown, and where to look.
pub(super) fn print_beginning(arguments: &DemoArguments, partitions: usize, page: SocketAddr) {
    let rate = match arguments.rate {
        0.0 => "as fast as they are taken".to_owned(),
        rate => format!("{rate} a second"),
    };
    print_line(&format!(
        "etl-service demo: summaries of a simulated week through the real service into an embedded warehouse\n\
         \x20 summaries  of {matches} matches, {rate}, seed {seed}, {repeats}% repeated, {corrections}% corrections, {invalid}% invalid\n\
         \x20 broker     librdkafka's mock cluster, {partitions} partitions\n\
         \x20 page       http://{page}/\n\
         \x20 counters   http://{page}/api/v1/stats/pairs?hero=10\n\
         Ctrl-C ends it.\n",
        matches = grouped(arguments.matches),
        seed = arguments.seed,
        repeats = REPEAT_FRACTION * 100.0,
        corrections = CORRECT_FRACTION * 100.0,
        invalid = INVALID_FRACTION * 100.0,
    ));
}

/// Compares what was sent with what was found; whether that is the same.
pub(super) fn print_end(verdict: &Verdict) -> bool {
    print_line(&format!("\n{:16}{:>14}{:>14}", "", "sent", "found"));
    for (what, sent, found) in &verdict.figures {
        print_line(&format!(
            "{what:16}{:>14}{:>14}",
            grouped(*sent),
            grouped(*found)
        ));
    }
    let are_same = verdict.figures.iter().all(|(_, sent, found)| sent == found);
    let text = if !verdict.is_complete {
        "FAILED: not all was loaded and counted in time".to_owned()
    } else if !are_same {
        "FAILED: what was sent is not what was found".to_owned()
    } else if !verdict.wrong_days.is_empty() {
        let days = verdict.wrong_days.iter().map(ToString::to_string);
        let days: Vec<_> = days.collect();
        format!(
            "FAILED: days that are not what was sent: {}",
            days.join(", ")
        )
    } else {
        "all of them loaded and counted, in effect once".to_owned()
    };
    print_line(&format!("\n{text}"));
    verdict.is_complete && are_same && verdict.wrong_days.is_empty()
}

async fn print_lines(etl: Arc<EtlStatus>, stop: CancellationToken) {
    let begun = Instant::now();
    let mut ticks = interval(LINE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        print_line(&line(begun.elapsed(), &etl.snapshot()));
    }
}

fn line(elapsed: Duration, snapshot: &EtlSnapshot) -> String {
    let total = snapshot.ledger.total();
    format!(
        "{:02}:{:02}  {:>8.0}/s  consumed {:>9}  loaded {:>9}  dead-lettered {:>5}  pending {:>6}  days dirty {:>3}  built {:>5}",
        elapsed.as_secs() / 60,
        elapsed.as_secs() % 60,
        snapshot.rates.loaded_per_second,
        grouped(total.consumed),
        grouped(total.loaded),
        grouped(total.dead_lettered),
        grouped(total.pending),
        snapshot.days.dirty.len(),
        snapshot.days.builds.count(),
    )
}
