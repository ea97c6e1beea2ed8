//! Partitions that go to another member.

use std::time::Duration;

use crate::world::{SETTINGS, Step, World, partition, summary};
use etl_application::ports::{ConsumerEvent, RELEASE_SECONDS_MAX};
use tokio::sync::oneshot;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn partitions_are_let_go_when_what_was_read_of_them_is_committed() {
    let world = World::new();
    let running = world.start(SETTINGS);
    world.send(ConsumerEvent::Records(vec![summary(0, 1), summary(1, 7)]));
    let (release, released) = oneshot::channel();
    world.send(ConsumerEvent::Revoked {
        partitions: vec![partition(1)],
        release,
    });
    assert!(released.await.is_err(), "it is dropped");
    let expected = [
        Step::Stored(vec![1, 7]),
        Step::Marked,
        Step::Wished(vec![1, 7]),
        Step::Committed(vec![(0, 2), (1, 8)]),
    ];
    assert_eq!(world.steps(), expected);
    world.end(running).await;
}

#[tokio::test(start_paused = true)]
async fn partitions_are_let_go_in_time_and_uncommitted_when_the_warehouse_hangs() {
    let world = World::new();
    let held = world.inside().inserts.acquire_many(1000).await;
    let held = held.expect("it stays open");
    let running = world.start(SETTINGS);
    world.send(ConsumerEvent::Records(vec![summary(0, 1), summary(1, 7)]));
    let (release, released) = oneshot::channel();
    let begun = Instant::now();
    world.send(ConsumerEvent::Revoked {
        partitions: vec![partition(1)],
        release,
    });
    assert!(released.await.is_err(), "it is dropped");
    assert!(begun.elapsed() < Duration::from_secs(RELEASE_SECONDS_MAX));
    assert_eq!(world.steps(), []);
    drop(held);
    world.until(&Step::Committed(vec![(0, 2)])).await;
    world.end(running).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_committed_of_partitions_that_are_gone() {
    let world = World::new();
    let running = world.start(SETTINGS);
    world.send(ConsumerEvent::Records(vec![summary(0, 1), summary(1, 7)]));
    world.send(ConsumerEvent::Lost(vec![partition(1)]));
    world.until(&Step::Committed(vec![(0, 2)])).await;
    let steps = world.end(running).await;
    assert_eq!(
        steps[0],
        Step::Stored(vec![1, 7]),
        "it does no harm, and is counted"
    );
    assert_eq!(world.ledger.figures().total().loaded, 2);
}
