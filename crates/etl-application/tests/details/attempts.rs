//! How often and in which order it is asked.

use std::time::Duration;

use etl_application::CallOutcome;
use etl_application::WishReason::{Missing, Pro, Sample};
use etl_application::ports::{CounterStore as _, DetailsError, FactStore as _, WishState};
use etl_test_support::answers::{NOON, bare, said_by, whole};

use crate::world::{SETTINGS, World, found, told};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn what_is_wished_for_is_stored_and_its_day_marked() {
    let mut world = World::start(SETTINGS);
    world.wish(Missing, &[1, 2]).await;
    world.after(MINUTE).await;
    assert_eq!(world.upstream.asked_ids(), [1, 2]);
    assert_eq!(world.warehouse.matches(), 2);
    assert_eq!(world.ended(1).await, (WishState::Fetched, 1));
    let dirty = world.warehouse.dirty_days(10).await;
    assert_eq!(dirty.expect("memory answers").len(), 1);
    let figures = world.status.figures();
    assert_eq!(figures.calls[&CallOutcome::Fetched], 2);
    assert_eq!(figures.wishes.of(Missing, WishState::Fetched), 2);
    assert_eq!(figures.wishes.wanted(), 2);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_highest_priority_goes_first_and_a_wish_is_never_asked_for_twice_at_once() {
    let one = etl_application::DetailSettings {
        parallel: 1,
        ..SETTINGS
    };
    let mut world = World::start(one);
    world.upstream.takes(MINUTE);
    world.wish(Sample, &[1]).await;
    world.wish(Missing, &[2, 3]).await;
    world.wish(Pro, &[4]).await;
    world.after(10 * MINUTE).await;
    assert_eq!(world.upstream.asked_ids(), [4, 2, 3, 1]);
    assert_eq!(world.upstream.under_way_max(), 1);
    world.wish(Missing, &(10..30).collect::<Vec<_>>()).await;
    world.end().await;

    let mut world = World::start(SETTINGS);
    world.upstream.takes(MINUTE);
    world.wish(Missing, &(10..30).collect::<Vec<_>>()).await;
    world.after(10 * MINUTE).await;
    assert_eq!(world.upstream.asked_ids(), (10..30).collect::<Vec<_>>());
    assert_eq!(world.upstream.under_way_max(), 8);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn attempts_follow_their_times_and_then_it_is_given_up() {
    let mut world = World::start(SETTINGS);
    world.upstream.always(Some(Err(DetailsError::NotFound)));
    world.wish(Missing, &[1]).await;
    world.after(Duration::from_hours(100)).await;
    let asked = world.upstream.asked();
    let hours: Vec<_> = asked.iter().map(|(_, at)| at / 3600).collect();
    assert_eq!(hours, [0, 0, 1, 6, 24, 72]);
    assert!((600..620).contains(&asked[1].1), "{asked:?}");
    assert_eq!(world.ended(1).await, (WishState::GivenUp, 6));
    assert_eq!(world.status.figures().calls[&CallOutcome::NotFound], 6);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_all_is_stored_and_asked_for_again() {
    let mut world = World::start(SETTINGS);
    // Whoever wants the replay waits until it has been parsed …
    world.upstream.script(1, [Ok(found(1, false))]);
    world.wish(Pro, &[1]).await;
    // … whoever wants the match is content without, but not with less.
    let half = told(bare(2, NOON), false);
    world.upstream.script(2, [Ok(half), Ok(found(2, false))]);
    world.wish(Missing, &[2]).await;
    world.after(MINUTE).await;
    assert_eq!(world.warehouse.matches(), 1, "it is stored at once");
    assert_eq!(world.ended(1).await, (WishState::Waiting, 1));
    assert_eq!(world.ended(2).await, (WishState::Waiting, 1));
    world.after(15 * MINUTE).await;
    assert_eq!(world.ended(1).await, (WishState::Fetched, 2));
    assert_eq!(world.ended(2).await, (WishState::Fetched, 2));
    let figures = world.status.figures();
    assert_eq!(figures.calls[&CallOutcome::Partial], 2);
    assert_eq!(figures.calls[&CallOutcome::Fetched], 2);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_wrong_match_is_an_attempt_too() {
    let mut world = World::start(SETTINGS);
    let wrong = DetailsError::Wrong {
        detail: "it is about match 2".to_owned(),
    };
    world.upstream.script(1, [Err(wrong)]);
    world.wish(Missing, &[1]).await;
    world.after(MINUTE).await;
    assert_eq!(world.ended(1).await, (WishState::Waiting, 1));
    assert_eq!(world.warehouse.matches(), 0);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_became_known_meanwhile_costs_no_call() {
    let mut world = World::start(SETTINGS);
    world.upstream.script(1, [Err(DetailsError::NotFound)]);
    world.wish(Missing, &[1]).await;
    world.after(MINUTE).await;
    let answers = [said_by("opendota_pages", 9, whole(1, NOON))];
    let stored = world.warehouse.store(&answers).await;
    stored.expect("memory takes it");
    world.after(Duration::from_hours(1)).await;
    assert_eq!(world.upstream.asked_ids(), [1]);
    assert_eq!(world.ended(1).await, (WishState::Fetched, 1));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn there_is_room_for_so_many_wishes() {
    let few = etl_application::DetailSettings {
        waiting_max: 3,
        ..SETTINGS
    };
    let mut world = World::start(few);
    world.upstream.always(Some(Err(DetailsError::NotFound)));
    world.wish(Sample, &[1, 2]).await;
    world.wish(Missing, &[3, 4, 5]).await;
    world.after(Duration::from_secs(10)).await;
    let wishes = world.status.figures().wishes;
    assert_eq!(wishes.of_state(WishState::Waiting), 3);
    assert_eq!(wishes.of_state(WishState::GivenUp), 2);
    assert_eq!(wishes.wanted(), 5);
    assert_eq!(world.wish_of(1).await.state, WishState::GivenUp);
    world.end().await;
}
