//! Never above a limit: many callers, restarts and others on the address.

use std::sync::Arc;

use domain::MatchId;
use etl_application::ports::{DetailsError, MatchDetails as _};
use etl_opendota_adapter::OpenDotaDetails;
use feed_simulator::upstream::{Limits, Outcome};

use crate::support::Scene;

const CALLERS: usize = 8;

/// Fetches matches with several callers at a time until there is no room, and
/// puts the clock to when there is again. Gives how many calls were made.
async fn fetch_until_no_room(scene: &Scene, details: &Arc<OpenDotaDetails>, id: MatchId) -> u64 {
    let before = scene.upstream.calls().calls;
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let details = Arc::clone(details);
            tokio::spawn(async move {
                loop {
                    match details.fetch(id).await {
                        Ok(_) => {}
                        Err(DetailsError::NoRoom { until }) => return until,
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    let mut latest = scene.upstream.now();
    for caller in callers {
        latest = latest.max(caller.await.expect("it ends without a panic"));
    }
    let calls = scene.upstream.calls().calls - before;
    scene.upstream.advance_to(latest);
    calls
}

#[tokio::test]
async fn a_day_of_calls_stays_within_what_is_left_by_the_reserve() {
    let scene = Scene::start(Limits::WITHOUT_KEY).await;
    let id = scene.ids().next().expect("endless");
    let midnight = scene.world.begin().unix_seconds() + 24 * 3_600;
    let mut details = Arc::new(scene.details());
    let mut calls = 0;
    let mut round = 0;
    while scene.upstream.now().unix_seconds() < midnight {
        round += 1;
        if round % 20 == 0 {
            details = Arc::new(scene.details());
        }
        if round % 7 == 0 {
            // Somebody else on this address, within the reserve.
            for _ in 0..10 {
                let answer = scene.upstream.answer("/api/matches/1");
                assert!(matches!(answer, Outcome::Answer(_, _)));
            }
        }
        calls += fetch_until_no_room(&scene, &details, id).await;
    }
    let counts = scene.upstream.calls();
    assert_eq!(
        (counts.minute_limited, counts.day_limited),
        (0, 0),
        "{counts:?}"
    );
    // What others have used, and what starts have left, is not for us.
    let most = 3_000 * 7 / 10;
    assert!(
        (1_500..=most).contains(&calls),
        "{calls} of {most}, {counts:?}"
    );
}

#[tokio::test]
async fn a_start_in_the_minute_of_another_process_waits_for_the_next() {
    let scene = Scene::start(Limits::WITHOUT_KEY).await;
    let id = scene.ids().next().expect("endless");
    assert!(scene.details().fetch(id).await.is_ok());
    let later = scene.details();
    let Err(DetailsError::NoRoom { until }) = later.fetch(id).await else {
        panic!("the minute is that of another process");
    };
    assert_eq!(until.as_unix_ms() % 60_000, 5_000);
    assert_eq!(scene.upstream.calls().calls, 1);
    scene.upstream.advance_to(until);
    assert!(later.fetch(id).await.is_ok());
    assert_eq!(later.budget().day.used, 51, "a block is taken for used");
}
