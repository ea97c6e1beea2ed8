//! What the demo says on the terminal.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use command_kit::demo::{Terminal, grouped, print_line};
use etl_application::{EtlSnapshot, EtlStatus};
use tokio::time::{Instant, interval};

use super::{
    DemoArguments,
    sender::{CORRECT_FRACTION, INVALID_FRACTION, REPEAT_FRACTION, Verdict},
};

/// How often it is looked for the first counters.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Starts to print how far it is.
pub(super) fn start(etl: Arc<EtlStatus>) -> Terminal {
    Terminal::start(move |_| line(&etl.snapshot()))
}

/// Says when the first counters were there, counted from `begun`.
pub(super) async fn tell_first_counters(etl: Arc<EtlStatus>, begun: Instant) {
    let mut looks = interval(LOOK_INTERVAL);
    while etl.snapshot().days.builds.count() == 0 {
        looks.tick().await;
    }
    let seconds = begun.elapsed().as_secs_f64();
    print_line(&format!("       first counters after {seconds:.1} s"));
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

fn line(snapshot: &EtlSnapshot) -> String {
    let total = snapshot.ledger.total();
    format!(
        "{:>8.0}/s  consumed {:>9}  loaded {:>9}  dead-lettered {:>5}  pending {:>6}  days dirty {:>3}  built {:>5}",
        snapshot.rates.loaded_per_second,
        grouped(total.consumed),
        grouped(total.loaded),
        grouped(total.dead_lettered),
        grouped(total.pending),
        snapshot.days.dirty.len(),
        snapshot.days.builds.count(),
    )
}
