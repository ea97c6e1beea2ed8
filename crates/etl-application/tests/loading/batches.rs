//! When a batch is sent, and how many there are.

use std::time::Duration;

use crate::world::{SETTINGS, Step, World, lock};
use etl_application::{BatchLimits, LoaderSettings};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_batch_that_does_not_fill_is_sent_after_its_wait() {
    let world = World::new();
    let begun = Instant::now();
    let running = world.start(SETTINGS);
    world.send_matches([1]);
    world.until(&Step::Committed(vec![(0, 2)])).await;
    assert_eq!(begun.elapsed(), SETTINGS.batch_wait);
    world.end(running).await;
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_into_a_batch_waits_no_longer_than_another() {
    let world = World::new();
    let begun = Instant::now();
    let running = world.start(SETTINGS);
    // One complete batch, and one more record in the same delivery.
    world.send_matches(1..=5);
    world.until(&Step::Committed(vec![(0, 6)])).await;
    assert_eq!(begun.elapsed(), SETTINGS.batch_wait);
    world.end(running).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_sent_when_it_has_its_rows_or_its_bytes() {
    for batch in [
        BatchLimits {
            rows_max: 3,
            ..SETTINGS.batch
        },
        // Each record of these tests has one byte.
        BatchLimits {
            bytes_max: 3,
            ..SETTINGS.batch
        },
    ] {
        let world = World::new();
        let begun = Instant::now();
        let running = world.start(LoaderSettings { batch, ..SETTINGS });
        world.send_matches(1..=3);
        world.until(&Step::Committed(vec![(0, 4)])).await;
        assert_eq!(begun.elapsed(), Duration::ZERO, "{batch:?}");
        world.end(running).await;
    }
}

#[tokio::test(start_paused = true)]
async fn records_are_not_asked_for_while_all_inserts_are_busy_and_a_batch_is_complete() {
    let world = World::new();
    let held = world.inside().inserts.acquire_many(1000).await;
    let held = held.expect("it stays open");
    let running = world.start(SETTINGS);
    // Two under way, one complete.
    for first in [1, 5, 9, 13] {
        world.send_matches(first..first + 4);
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(world.ledger.figures().total().consumed, 12);
    assert_eq!(*lock(&world.inside().asked), 3);
    drop(held);
    world.until(&Step::Committed(vec![(0, 17)])).await;
    world.end(running).await;
}
