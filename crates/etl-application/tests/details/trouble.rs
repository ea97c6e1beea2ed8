//! An upstream or a warehouse that is away, and the end.

use std::time::Duration;

use domain::Timestamp;
use etl_application::CallOutcome;
use etl_application::WishReason::{Missing, Pro, Unanswered};
use etl_application::ports::{StoreError, WishState};
use etl_test_support::answers::{NOON, match_id};
use health_kit::HealthStatus;

use crate::world::{SETTINGS, World, silent};

/// For days and weeks, which are quicker to simulate.
const SELDOM: etl_application::DetailSettings = etl_application::DetailSettings {
    look_every: Duration::from_mins(5),
    ..SETTINGS
};

#[tokio::test(start_paused = true)]
async fn a_silent_upstream_is_left_alone_and_uses_up_no_attempt() {
    let mut world = World::start(SETTINGS);
    world.upstream.takes(Duration::from_secs(1));
    world.wish(Missing, &(1..=20).collect::<Vec<_>>()).await;
    // Five minutes later, and five more, one finds out whether it answers again.
    world.upstream.always(Some(Err(silent(at(300)))));
    world.after(Duration::from_secs(295)).await;
    world.upstream.always(Some(Err(silent(at(600)))));
    assert_eq!(world.upstream.under_way_max(), 8);
    world.after(Duration::from_secs(290)).await;
    assert_eq!(world.upstream.asked().len(), 9);
    assert_eq!(world.upstream.under_way_max(), 1);
    let (status, reason) = world.health();
    assert_eq!(status, HealthStatus::Degraded);
    assert!(reason.contains("502"), "{reason}");
    assert_eq!(world.ended(1).await, (WishState::Waiting, 0));
    world.upstream.always(None);
    world.after(Duration::from_hours(1)).await;
    assert_eq!(world.ended(1).await, (WishState::Fetched, 1));
    let figures = world.status.figures();
    assert_eq!(figures.calls[&CallOutcome::Unavailable], 9);
    assert_eq!(figures.wishes.of_state(WishState::Fetched), 20);
    assert_eq!(world.health().0, HealthStatus::Healthy);
    world.end().await;
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(NOON + seconds)
}

#[tokio::test(start_paused = true)]
async fn a_match_of_which_nothing_comes_holds_up_no_other() {
    let one = etl_application::DetailSettings {
        parallel: 1,
        ..SETTINGS
    };
    let mut world = World::start(one);
    world
        .upstream
        .script(1, std::iter::repeat_n(Err(silent(at(0))), 1000));
    world.wish(Pro, &[1]).await;
    world.wish(Missing, &[2, 3]).await;
    world.after(Duration::from_mins(1)).await;
    assert_eq!(world.ended(3).await, (WishState::Fetched, 1));
    assert_eq!(world.ended(1).await, (WishState::Waiting, 0));
    assert_eq!(world.status.figures().calls[&CallOutcome::Unavailable], 1);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_match_of_which_nothing_ever_comes_is_given_up_while_others_are_answered() {
    let mut world = World::start(SELDOM);
    world
        .upstream
        .script(1, std::iter::repeat_n(Err(silent(at(0))), 1000));
    world.wish(Pro, &[1]).await;
    for hour in 0..24 * 7 {
        world.wish(Missing, &[1000 + hour]).await;
        world.after(Duration::from_hours(1)).await;
        if world.ended(1).await.0 != WishState::Waiting {
            break;
        }
        let days = hour / 24;
        assert!(days < 6, "it is still asked for");
    }
    assert_eq!(world.ended(1).await, (WishState::GivenUp, 0));
    assert_eq!(world.wish_of(1).await.reason, Unanswered);
    let asked = world.upstream.asked();
    let asked: Vec<_> = asked.iter().filter(|(id, _)| *id == 1).collect();
    assert!((12..40).contains(&asked.len()), "{asked:?}");
    let hours = asked.last().expect("it was asked for").1 / 3600;
    assert!(hours > 72, "{hours}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_given_up_for_a_silence_of_all() {
    let mut world = World::start(SELDOM);
    world.wish(Missing, &[99]).await;
    world.after(Duration::from_mins(1)).await;
    world.wish(Missing, &(1..=4).collect::<Vec<_>>()).await;
    for hour in 0..24 * 30 {
        let until = at(hour * 3600 + 1800);
        world.upstream.always(Some(Err(silent(until))));
        world.after(Duration::from_hours(1)).await;
    }
    let asked = world.upstream.asked().len();
    assert!(asked > 700, "{asked}");
    for id in 1..=4 {
        let wish = world.wish_of(id).await;
        assert_eq!(wish.state, WishState::Waiting);
        assert!(wish.failures() <= 1, "{wish:?}");
    }
    world.upstream.always(None);
    world.after(Duration::from_hours(3)).await;
    let wishes = world.status.figures().wishes;
    assert_eq!(wishes.of_state(WishState::Fetched), 5);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn answers_wait_for_a_warehouse_that_is_away() {
    let mut world = World::start(SETTINGS);
    world.upstream.takes(Duration::from_secs(5));
    world.wish(Missing, &[1, 2]).await;
    world.after(Duration::from_secs(3)).await;
    world.warehouse.fail_with(Some(StoreError::Unavailable {
        detail: "connection refused".to_owned(),
        cause: "network",
    }));
    world.after(Duration::from_hours(3)).await;
    world.warehouse.fail_with(None);
    world.after(Duration::from_mins(1)).await;
    assert_eq!(world.upstream.asked_ids(), [1, 2], "each is asked for once");
    assert_eq!(world.ended(2).await, (WishState::Fetched, 1));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_warehouse_refuses_is_an_attempt_and_its_neighbours_are_stored() {
    let mut world = World::start(SETTINGS);
    world.warehouse.refuse(match_id(2));
    world.wish(Missing, &[1, 2, 3]).await;
    world.after(Duration::from_mins(1)).await;
    assert_eq!(world.warehouse.matches(), 2);
    assert_eq!(world.ended(2).await, (WishState::Waiting, 1));
    assert_eq!(world.ended(3).await, (WishState::Fetched, 1));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_calls_a_little() {
    let mut world = World::start(SETTINGS);
    world.upstream.takes(Duration::from_secs(3));
    world.wish(Missing, &[1]).await;
    world.after(Duration::from_secs(4)).await;
    let took = world.end().await;
    assert!(took <= Duration::from_secs(3), "{took:?}");
    assert_eq!(world.ended(1).await, (WishState::Fetched, 1));

    let mut world = World::start(SETTINGS);
    world.upstream.takes(Duration::from_hours(1));
    world.wish(Missing, &[1]).await;
    world.after(Duration::from_secs(4)).await;
    let took = world.end().await;
    assert_eq!(took, Duration::from_secs(5));
    assert_eq!(world.ended(1).await, (WishState::Waiting, 0));
}
