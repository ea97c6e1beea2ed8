//! Pages of a time as a backfill, in paused time: the real origin, walk and
//! client between a warehouse in memory and a simulated upstream. Processes die
//! at any await and are started again, calls go wrong, rows are odd, others call
//! beside. What was asked for is there in the end, no limit is passed, and the
//! share is kept.

#[path = "../month/transport.rs"]
mod transport;

mod process;
mod recorded;

use std::{sync::Arc, time::Duration};

use domain::{MatchId, Timestamp};
use etl_application::{
    backfill::{BackfillEnd, Span},
    ports::MatchDetails as _,
};
use etl_opendota_adapter::OpenDotaDetails;
use feed_simulator::{World, upstream::Limits};
use process::{BEGIN_SECONDS, Scene};
use tokio::time::{sleep, timeout};

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_unix_seconds(BEGIN_SECONDS + minutes * 60)
}

/// The matches of a time, all of which are over.
fn matches_of(world: &World, span: Span) -> std::ops::Range<i64> {
    world.first_id_at(span.from).get()..world.first_id_at(span.to).get()
}

/// Twenty pages, and what it takes to find them.
const SPAN: Span = Span {
    from: Timestamp::from_unix_seconds(BEGIN_SECONDS + 180 * 60),
    to: Timestamp::from_unix_seconds(BEGIN_SECONDS + 180 * 60 + 150),
};

#[tokio::test(start_paused = true)]
async fn what_started_in_a_time_is_loaded_once_by_processes_that_die() {
    let scene = Scene::new(1, Limits::WITHOUT_KEY, at(300));
    let faults = ["refuse:502", "refuse:429", "slow:45s", "accept-then-close"];
    let faults = faults.map(|fault| fault.parse().ok());
    let mut deaths = 0;
    for seconds in [20, 100, 200, 400] {
        scene.upstream.script([None, None]);
        scene.upstream.script(faults.clone());
        let process = scene.load(SPAN, None);
        deaths += u32::from(
            timeout(Duration::from_secs(seconds), process)
                .await
                .is_err(),
        );
    }
    assert!(deaths >= 3, "{deaths}");
    let before = scene.loaded();
    assert!(
        !before.is_empty(),
        "something is loaded before the last one begins"
    );
    let ended = scene.load(SPAN, None).await;
    assert_eq!(ended, BackfillEnd::Finished);
    let ids = matches_of(&scene.world, SPAN);
    assert_eq!(scene.loaded(), ids.clone().collect());
    for (id, answer) in scene.store.answers() {
        let found = scene.world.at(id);
        let summary = &answer.summary;
        assert_eq!(summary.whole().as_ref(), Some(&found.played));
        assert_eq!(summary.avg_rank_tier, found.avg_rank_tier);
        assert_eq!(summary.match_seq_num, Some(found.match_seq_num()));
        assert_eq!(&*answer.source, "opendota_pages");
    }
    let figures = scene.newest().await;
    assert_eq!((figures.records, figures.invalid), (2_100, 0));
    assert!(figures.calls > 100, "{figures:?}");

    // Again, all of it: other versions of the same.
    assert_eq!(scene.load(SPAN, None).await, BackfillEnd::Finished);
    assert_eq!(scene.loaded(), ids.collect());
    scene.assert_never_above_a_limit();
}

#[tokio::test(start_paused = true)]
async fn pages_keep_to_their_share_beside_details_that_take_the_rest() {
    let scene = Scene::new(2, Limits::WITHOUT_KEY, at(300));
    let client = scene.client();
    let details = OpenDotaDetails::new(Arc::clone(&client));
    let id = scene.world.first_id_at(scene.world.begin());
    let ask_always = async {
        loop {
            // Whatever it is told, it asks again soon.
            let _ = details.fetch(id).await;
            sleep(Duration::from_millis(300)).await;
        }
    };
    tokio::select! {
        ended = scene.load(SPAN, Some(client)) => assert_eq!(ended, BackfillEnd::Finished),
        () = ask_always => unreachable!("it asks always"),
    }
    assert_eq!(scene.loaded().len(), 2_100);
    let (pages, all) = scene.calls_by_minute();
    assert!(pages.values().all(|calls| *calls <= 21), "{pages:?}");
    let whole = &all.values().copied().collect::<Vec<_>>()[1..all.len() - 1];
    assert!(whole.iter().all(|calls| *calls == 42), "{all:?}");
    scene.assert_never_above_a_limit();
}

#[tokio::test(start_paused = true)]
async fn an_odd_row_is_named_and_its_neighbours_load() {
    let scene = Scene::new(3, Limits::WITH_KEY, at(300));
    let odd = "odd-row".parse().expect("a fault");
    scene.upstream.fail(odd);
    let short = Span {
        from: SPAN.from,
        to: Timestamp::from_unix_seconds(SPAN.from.unix_seconds() + 30),
    };
    assert_eq!(scene.load(short, None).await, BackfillEnd::Finished);
    let named = scene.named();
    let is_of = |reason: &str| named.iter().filter(|line| line.contains(reason)).count();
    assert!(
        is_of("start_time_invalid: start_time is \"soon\"") > 4,
        "{named:?}"
    );
    assert!(is_of("of the page below match") > 4, "{named:?}");
    assert_eq!(is_of("not_an_object"), is_of("of the page below match"));
    // Each page has lost one match, the odd one.
    let expected = matches_of(&scene.world, short).count();
    let lost = expected - scene.loaded().len();
    assert!((4..=6).contains(&lost), "{lost} of {expected}");
}

#[tokio::test(start_paused = true)]
async fn teams_of_years_ago_are_texts_and_load() {
    let scene = Scene::beginning(4, 1_672_531_200, Limits::WITH_KEY, 300);
    let from = scene.world.begin().unix_seconds() + 3_600;
    let span = Span {
        from: Timestamp::from_unix_seconds(from),
        to: Timestamp::from_unix_seconds(from + 20),
    };
    assert_eq!(scene.load(span, None).await, BackfillEnd::Finished);
    assert_eq!(scene.loaded(), matches_of(&scene.world, span).collect());
    assert!(
        scene
            .store
            .answers()
            .values()
            .all(|one| one.summary.whole().is_some())
    );
}

#[tokio::test(start_paused = true)]
async fn a_time_without_matches_ends_soon_and_one_that_runs_ends_at_the_newest() {
    let scene = Scene::new(5, Limits::WITH_KEY, at(300));
    let early = Span {
        from: Timestamp::from_unix_seconds(1_200_000_000),
        to: Timestamp::from_unix_seconds(1_200_000_060),
    };
    assert_eq!(scene.load(early, None).await, BackfillEnd::Finished);
    assert!(scene.loaded().is_empty());
    assert!(
        scene.newest().await.calls < 60,
        "{:?}",
        scene.newest().await
    );
    // What has not ended is in no page yet.
    let running = Span {
        from: at(299),
        to: at(301),
    };
    assert_eq!(scene.load(running, None).await, BackfillEnd::Finished);
    let over = |id: &i64| {
        let id = MatchId::try_new(*id).expect("it is above 0");
        scene.world.at(id).end_time() <= at(300)
    };
    let expected = matches_of(&scene.world, running).filter(over).count();
    assert!(scene.loaded().len() >= expected && expected > 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_the_next_day_says_so_once() {
    let limits = Limits {
        per_minute: 60,
        // So that a hundred are left beside the reserve.
        per_day: Some(1_000),
    };
    let scene = Scene::new(6, limits, at(300));
    let process = scene.load(SPAN, None);
    let waits = timeout(Duration::from_hours(6), process).await;
    assert!(waits.is_err(), "it waits for midnight");
    let told = scene.waits();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("calls are used up until 2026-01-02T00:00:05Z"),
        "{told:?}"
    );
    let found = scene.newest().await;
    assert!(found.calls > 0, "what there was is set down: {found:?}");
}
