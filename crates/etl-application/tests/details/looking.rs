//! What is looked after between calls, and what becomes of that when it fails.

use std::time::Duration;

use domain::Timestamp;
use etl_application::WishReason::{Missing, Pro};
use etl_application::ports::{DetailsError, FactStore as _, WishQueue as _, WishState};
use etl_test_support::answers::{NOON, said_by, whole};
use health_kit::HealthStatus;

use crate::world::{SETTINGS, World};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn what_cannot_be_counted_or_ended_is_told_and_holds_up_no_call() {
    let mut world = World::start(SETTINGS);
    world.queue.fail(["counts", "end_known"]);
    world.wish(Missing, &[1, 2]).await;
    world.after(MINUTE).await;
    assert_eq!(world.upstream.asked_ids(), [1, 2]);
    assert_eq!(world.ended(2).await, (WishState::Fetched, 1));
    let (status, reason) = world.health();
    assert_eq!(status, HealthStatus::Degraded);
    for told in ["exceeded in counts", "exceeded in end_known"] {
        assert!(reason.contains(told), "{told} in {reason}");
    }
    assert_eq!(world.status.figures().counted_at, None);

    world.queue.fail(["due"]);
    world.wish(Missing, &[3]).await;
    world.after(MINUTE).await;
    assert_eq!(world.upstream.asked_ids(), [1, 2]);
    let (status, reason) = world.health();
    assert_eq!(status, HealthStatus::Unhealthy);
    assert!(reason.contains("exceeded in due"), "{reason}");
    assert!(!reason.contains("counts"), "{reason}");

    world.queue.fail([]);
    world.after(MINUTE).await;
    assert_eq!(world.upstream.asked_ids(), [1, 2, 3]);
    assert_eq!(
        world.health(),
        (HealthStatus::Healthy, "the upstream answers".to_owned())
    );
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_ours_is_told_beside_that_of_the_upstream() {
    let mut world = World::start(SETTINGS);
    let refused = DetailsError::Refused {
        detail: "403".to_owned(),
        until: Timestamp::from_unix_seconds(NOON + 3600),
    };
    world.upstream.always(Some(Err(refused)));
    world.queue.fail(["counts"]);
    world.wish(Missing, &[1]).await;
    world.after(MINUTE).await;
    let (status, reason) = world.health();
    assert_eq!(status, HealthStatus::Unhealthy);
    assert!(
        reason.contains("counts") && reason.contains("403"),
        "{reason}"
    );
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_takes_a_while_to_count_is_counted_once_a_minute_and_says_when() {
    let mut world = World::start(SETTINGS);
    world.after(MINUTE).await;
    let often = world.queue.asked("counts");
    assert!((25..=31).contains(&often), "{often}: with each look");

    *world.queue.counting.lock().expect("nobody panics") = Duration::from_millis(20);
    world.after(MINUTE).await;
    world.queue.asked("counts");
    world.after(10 * MINUTE).await;
    let rarely = world.queue.asked("counts");
    assert!((9..=10).contains(&rarely), "{rarely}");
    let lines = world.queue.asked("due");
    assert!(lines > 300, "{lines}: calls do not wait for that");
    let counted_at = world.status.figures().counted_at.expect("it was counted");
    let age_ms = world.clock.now().as_unix_ms() - counted_at.as_unix_ms();
    assert!((0..=60_100).contains(&age_ms), "{age_ms}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn calls_after_a_pause_go_by_what_is_due_then() {
    let settings = etl_application::DetailSettings {
        parallel: 1,
        look_every: 30 * MINUTE,
        ..SETTINGS
    };
    let mut world = World::start(settings);
    let until = Timestamp::from_unix_seconds(NOON + 600);
    world
        .upstream
        .always(Some(Err(DetailsError::NoRoom { until })));
    // Looked at once; then it looks away, but for what the pause calls for.
    world.wish(Missing, &[1, 2, 3]).await;
    world.after(MINUTE).await;
    assert_eq!(world.upstream.asked_ids(), [1]);
    world.upstream.always(None);
    let told = [said_by("opendota_pages", 9, whole(2, NOON))];
    let stored = world.warehouse.store(&told).await;
    stored.expect("memory takes it");
    let ended = world.warehouse.end_known(world.clock.now(), 10).await;
    assert_eq!(ended, Ok(1), "another instance has found out");
    world.wish(Pro, &[9]).await;
    world.after(10 * MINUTE).await;
    assert_eq!(world.upstream.asked_ids(), [1, 9, 1, 3]);
    world.end().await;
}
