//! Every match that the upstream ever exposes, over hours with late matches,
//! limits, faults and restarts.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::{MatchId, Timestamp};
use feed_simulator::{
    World,
    steam::{SteamConfig, SteamLimits, SteamUpstream},
};
use ingestion_steam_adapter::Start;
use tokio::time::{Instant, timeout};

use crate::support::{InProcess, Reading};

/// The matches start within three minutes, and the last one has ended after an
/// hour and appeared half an hour later; by then the second pass is to come.
const MATCHES: u32 = 2_000;
const LONG: Duration = Duration::from_hours(4);

fn upstream(faults: &[&str]) -> SteamUpstream {
    let fault = |text: &&str| text.parse().expect("a fault");
    SteamUpstream::new(SteamConfig {
        matches: MATCHES,
        late_per_mille: 50,
        limits: SteamLimits::REAL,
        faults: faults.iter().map(fault).collect(),
        fault_fraction: 0.1,
        ..SteamConfig::new(World::new(1))
    })
}

fn counts(ids: &[MatchId]) -> BTreeMap<MatchId, u32> {
    let mut counts = BTreeMap::new();
    for id in ids {
        *counts.entry(*id).or_default() += 1;
    }
    counts
}

/// What is missing, and how many were handed over more than once.
fn compare(upstream: &SteamUpstream, ids: &[MatchId]) -> (Vec<MatchId>, usize) {
    let found = counts(ids);
    let exposed = upstream.exposed();
    assert!(exposed.len() > 1_700, "{}", exposed.len());
    let missing = exposed.iter().map(|(_, id)| *id);
    let missing = missing.filter(|id| !found.contains_key(id)).collect();
    (missing, found.values().filter(|count| **count > 1).count())
}

#[tokio::test(start_paused = true)]
async fn every_match_is_handed_over_once_however_late_it_appears() {
    let upstream = upstream(&[]);
    let transport = Arc::new(InProcess(upstream.clone()));
    let mut reading = Reading::begin(transport, &["one", "two"], Start::At(0));
    let begun = Instant::now();
    while begun.elapsed() < LONG {
        let _quiet = timeout(LONG, reading.next()).await;
    }
    assert_eq!(compare(&upstream, &reading.ids), (Vec::new(), 0));
    assert!(reading.ends.is_empty(), "{:?}", reading.ends);
}

#[tokio::test(start_paused = true)]
async fn whatever_goes_wrong_and_whenever_it_dies_no_match_is_left_out() {
    let faults = [
        "refuse:429",
        "refuse:502",
        "accept-then-close",
        "slow:40s",
        "empty",
    ];
    let upstream = upstream(&faults);
    let transport = Arc::new(InProcess(upstream.clone()));
    let mut reading = Reading::begin(transport, &["one", "two"], Start::At(0));
    let begun = Instant::now();
    let mut kept = None;
    for nth in 0_u64.. {
        if begun.elapsed() > LONG {
            break;
        }
        // In the middle of a call or of a pause, in steps that never repeat.
        let life = Duration::from_millis(20_000 + nth * 7_919 % 600_000);
        let dies = Instant::now() + life;
        while tokio::time::timeout_at(dies, reading.next()).await.is_ok() {
            // Kept some batches after it was handed over, as in the pipeline.
            if nth % 3 > 0 {
                kept.clone_from(&reading.checkpoint);
            }
        }
        reading.restart(kept.clone());
    }
    let (missing, _repeated) = compare(&upstream, &reading.ids);
    assert_eq!(missing, []);
    assert!(!reading.ends.is_empty());
    let calls = upstream.calls();
    assert!(calls.limited * 10 < calls.answered, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn an_old_part_of_the_sequence_is_read_once() {
    let upstream = upstream(&[]);
    upstream.advance_to_end();
    let transport = Arc::new(InProcess(upstream.clone()));
    // A day after all of it has ended.
    let now = Timestamp::from_unix_seconds(upstream.now().unix_seconds() + 86_400);
    let mut reading = Reading::begin_at(now, transport, &["one", "two"], Start::At(0));
    let begun = Instant::now();
    while begun.elapsed() < LONG {
        let _quiet = timeout(LONG, reading.next()).await;
    }
    assert_eq!(compare(&upstream, &reading.ids), (Vec::new(), 0));
    // The second pass has come along.
    let place = reading.checkpoint.expect("it has a place").to_string();
    let mut parts = place.split(';').skip(1);
    assert_eq!(parts.next(), parts.next(), "{place}");
}
