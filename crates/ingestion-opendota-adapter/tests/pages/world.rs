//! Every row that the upstream ever exposes, over hours with late rows, limits,
//! faults and restarts. Time is paused.

use std::{sync::Arc, time::Duration};

use domain::MatchId;
use feed_simulator::{
    World,
    upstream::{self, Limits, Upstream, UpstreamConfig},
};
use ingestion_application::FoundMatch;
use ingestion_opendota_adapter::pages::Plan;
use opendota_client::PageList;
use tokio::time::{Instant, timeout_at};

use crate::support::{BEGIN, InProcess, Reading, SMALL};

/// The matches start within three minutes; the last row is there after an hour and
/// a half.
const MATCHES: u32 = 2_500;
const LONG: Duration = Duration::from_mins(135);

fn upstream(limits: Limits, faults: &[&str]) -> Upstream {
    let fault = |text: &&str| text.parse().expect("a fault");
    Upstream::new(UpstreamConfig {
        matches: Some(MATCHES),
        hidden_per_mille: 100,
        late_per_mille: 50,
        limits,
        faults: faults.iter().map(fault).collect(),
        fault_fraction: 0.1,
        ..UpstreamConfig::new(World::new(1), BEGIN)
    })
}

/// What is missing of the list, and how many were handed over more than once.
fn compare(
    upstream: &Upstream,
    list: upstream::PageList,
    reading: &Reading,
) -> (Vec<MatchId>, usize) {
    let exposed = upstream.exposed(list);
    let missing = exposed
        .into_iter()
        .filter(|id| !reading.ids.contains_key(id));
    let repeated = reading.ids.values().filter(|count| **count > 1);
    (missing.collect(), repeated.count())
}

fn assert_within_limits(upstream: &Upstream) {
    let calls = upstream.calls();
    assert_eq!(
        (calls.minute_limited, calls.day_limited),
        (0, 0),
        "{calls:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn every_row_is_handed_over_once_wherever_and_however_late_it_appears() {
    let upstream = upstream(Limits::WITH_KEY, &[]);
    let transport = Arc::new(InProcess(upstream.clone()));
    let mut reading = Reading::begin(transport, true, &[PageList::Public], SMALL);
    reading.pass(LONG).await;
    assert!(upstream.exposed(upstream::PageList::Public).len() > 2_000);
    assert_eq!(
        compare(&upstream, upstream::PageList::Public, &reading),
        (Vec::new(), 0)
    );
    assert!(reading.ends.is_empty(), "{:?}", reading.ends);
    assert_within_limits(&upstream);
    let whole = reading.last.values();
    assert!(
        whole
            .into_iter()
            .all(|it| matches!(it, FoundMatch::Summary(_)))
    );
}

/// A plan that takes whatever is below the highest id for known is the defect of
/// many a poller: this world finds it.
#[tokio::test(start_paused = true)]
async fn a_watermark_at_the_highest_id_is_found() {
    let upstream = upstream(Limits::WITH_KEY, &[]);
    let transport = Arc::new(InProcess(upstream.clone()));
    let watermark = Plan {
        reach: 0,
        pages_max: 1,
        ..SMALL
    };
    let mut reading = Reading::begin(transport, true, &[PageList::Public], watermark);
    reading.pass(LONG).await;
    let (missing, _) = compare(&upstream, upstream::PageList::Public, &reading);
    assert!(missing.len() > 100, "{} are missing", missing.len());
}

#[tokio::test(start_paused = true)]
async fn all_lists_are_read_side_by_side() {
    let upstream = upstream(Limits::WITH_KEY, &[]);
    let transport = Arc::new(InProcess(upstream.clone()));
    let mut reading = Reading::begin(transport, true, &PageList::ALL, SMALL);
    reading.pass(LONG).await;
    for list in [
        upstream::PageList::Public,
        upstream::PageList::Pro,
        upstream::PageList::Parsed,
    ] {
        assert!(!upstream.exposed(list).is_empty(), "{list:?}");
        assert_eq!(compare(&upstream, list, &reading).0, [], "{list:?}");
    }
    assert_within_limits(&upstream);
}

#[tokio::test(start_paused = true)]
async fn whatever_goes_wrong_and_whenever_it_dies_no_row_is_left_out() {
    let faults = [
        "refuse:429",
        "refuse:502",
        "accept-then-close",
        "slow:40s",
        "empty",
        "odd-row",
        "null-row",
    ];
    let upstream = upstream(Limits::WITH_KEY, &faults);
    let transport = Arc::new(InProcess(upstream.clone()));
    let mut reading = Reading::begin(transport.clone(), true, &[PageList::Public], SMALL);
    let begun = Instant::now();
    let mut kept = None;
    for nth in 0_u64.. {
        if begun.elapsed() > LONG {
            break;
        }
        // In the middle of a call, a round or a pause, in steps that never repeat.
        let life = Duration::from_millis(20_000 + nth * 7_919 % 900_000);
        let dies = Instant::now() + life;
        while timeout_at(dies, reading.next()).await.is_ok() {
            // Kept some batches after it was handed over, as in the pipeline.
            if nth % 3 > 0 {
                kept.clone_from(&reading.checkpoint);
            }
        }
        reading.restart(transport.clone(), kept.clone());
    }
    let (missing, _repeated) = compare(&upstream, upstream::PageList::Public, &reading);
    assert_eq!(missing, []);
    assert!(!reading.ends.is_empty() && !reading.odd.is_empty());
    assert_within_limits(&upstream);
}

/// Without a key: two thousand calls have to last for a day.
#[tokio::test(start_paused = true)]
async fn the_calls_of_a_day_last_to_its_end() {
    let upstream = upstream(Limits::WITHOUT_KEY, &["refuse:502", "refuse:429"]);
    let transport = Arc::new(InProcess(upstream.clone()));
    let mut reading = Reading::begin(transport, false, &[PageList::Public], SMALL);
    let mut so_far = 0;
    // From twenty past one in the afternoon on, for more than a day.
    for hour in 0..26 {
        reading.pass(Duration::from_hours(1)).await;
        let calls = upstream.calls().calls;
        let of_hour = calls - so_far;
        so_far = calls;
        // The day begins with what is left of it for fewer hours.
        assert!(of_hour > 20, "{of_hour} calls in hour {hour}");
        assert!(of_hour < 260, "{of_hour} calls in hour {hour}");
    }
    assert_within_limits(&upstream);
    assert_eq!(
        compare(&upstream, upstream::PageList::Public, &reading).0,
        []
    );
}
