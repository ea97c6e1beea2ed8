//! What is not permitted is not asked.

use std::time::Duration;

use domain::Timestamp;
use etl_application::WishReason::Missing;
use etl_application::ports::{DetailsError, WishState};
use etl_test_support::answers::NOON;
use health_kit::HealthStatus;

use crate::world::{SETTINGS, World};

#[tokio::test(start_paused = true)]
async fn without_room_nobody_is_asked_until_there_is_some() {
    let mut world = World::start(SETTINGS);
    let until = Timestamp::from_unix_seconds(NOON + 12 * 3600);
    world
        .upstream
        .always(Some(Err(DetailsError::NoRoom { until })));
    world.wish(Missing, &(1..=20).collect::<Vec<_>>()).await;
    world.after(Duration::from_hours(11)).await;
    let asked = world.upstream.asked().len();
    assert!(asked <= SETTINGS.parallel, "{asked} were asked in vain");
    assert_eq!(world.ended(1).await, (WishState::Waiting, 0));
    assert!(
        world.status.figures().calls.is_empty(),
        "these were no calls"
    );
    world.upstream.always(None);
    world.after(Duration::from_hours(2)).await;
    let wishes = world.status.figures().wishes;
    assert_eq!(wishes.of_state(WishState::Fetched), 20);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_promises_room_and_has_none_is_not_asked_in_a_circle() {
    let mut world = World::start(SETTINGS);
    let until = Timestamp::from_unix_seconds(NOON);
    world
        .upstream
        .always(Some(Err(DetailsError::NoRoom { until })));
    world.wish(Missing, &[1]).await;
    world.after(Duration::from_mins(1)).await;
    let asked = world.upstream.asked().len();
    assert!((20..=60).contains(&asked), "{asked}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn whom_the_upstream_refuses_asks_no_more_for_a_while_and_says_so() {
    let mut world = World::start(SETTINGS);
    world.upstream.takes(Duration::from_secs(1));
    let refused = |hours: i64| DetailsError::Refused {
        detail: "401, the key is wrong".to_owned(),
        until: Timestamp::from_unix_seconds(NOON + hours * 3600),
    };
    world.upstream.always(Some(Err(refused(1))));
    world.wish(Missing, &(1..=20).collect::<Vec<_>>()).await;
    world.after(Duration::from_mins(59)).await;
    assert_eq!(world.upstream.asked().len(), 8, "those under way");
    world.upstream.always(Some(Err(refused(3))));
    world.after(Duration::from_mins(119)).await;
    assert_eq!(world.upstream.asked().len(), 9, "one finds out");
    let (status, reason) = world.health();
    assert_eq!(status, HealthStatus::Unhealthy);
    assert!(reason.contains("the key is wrong"), "{reason}");
    assert_eq!(world.ended(1).await, (WishState::Waiting, 0));
    let wishes = world.status.figures().wishes;
    assert_eq!(wishes.of_state(WishState::Waiting), 20);
    world.upstream.always(None);
    world.after(Duration::from_mins(3)).await;
    assert_eq!(world.health().0, HealthStatus::Healthy);
    let wishes = world.status.figures().wishes;
    assert_eq!(wishes.of_state(WishState::Fetched), 20);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn with_nobody_to_ask_wishes_wait() {
    let mut world = World::start_without_upstream();
    world.wish(Missing, &[1]).await;
    world.after(Duration::from_hours(1)).await;
    assert_eq!(world.health().0, HealthStatus::Healthy);
    assert_eq!(world.status.figures().budget, None);
    let wishes = world.status.figures().wishes;
    assert_eq!(wishes.of_state(WishState::Waiting), 1);
    world.end().await;
}
