//! Store, mark, commit: in this order, and batch by batch.

use crate::world::{SETTINGS, Step, World, bare_id, invalid};
use etl_application::DeadLetterReason::NotJson;
use etl_application::ports::ConsumerEvent;

#[tokio::test(start_paused = true)]
async fn a_position_is_committed_after_the_facts_are_stored_and_their_days_marked() {
    let world = World::new();
    let running = world.start(SETTINGS);
    world.send_matches(1..=4);
    world.until(&Step::Committed(vec![(0, 5)])).await;
    let steps = world.end(running).await;
    let expected = [
        Step::Stored(vec![1, 2, 3, 4]),
        Step::Marked,
        Step::Wished(vec![1, 2, 3, 4]),
        Step::Committed(vec![(0, 5)]),
    ];
    assert_eq!(steps, expected);
    let figures = world.ledger.figures().total();
    assert_eq!(
        (figures.consumed, figures.loaded, figures.pending),
        (4, 4, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn wishes_and_dead_letters_come_before_the_commit_too() {
    let world = World::new();
    let running = world.start(SETTINGS);
    world.send(ConsumerEvent::Records(vec![bare_id(1), invalid(2)]));
    world.until(&Step::Committed(vec![(0, 3)])).await;
    let steps = world.end(running).await;
    let expected = [
        Step::Wished(vec![1]),
        Step::SetAside(2, NotJson),
        Step::Committed(vec![(0, 3)]),
    ];
    assert_eq!(steps, expected);
    let figures = world.ledger.figures();
    assert_eq!(figures.reasons.get(&NotJson), Some(&1));
    let total = figures.total();
    assert_eq!((total.loaded, total.dead_lettered), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_committed_past_a_batch_that_is_not_stored() {
    let world = World::new();
    // The first batch waits for its insert; the second one has nothing to insert.
    let held = world.inside().inserts.acquire_many(1000).await;
    let held = held.expect("it stays open");
    let running = world.start(SETTINGS);
    world.send_matches(1..=4);
    world.send(ConsumerEvent::Records((5..=8).map(bare_id).collect()));
    world.until(&Step::Wished(vec![5, 6, 7, 8])).await;
    let is_commit = |step: &Step| matches!(step, Step::Committed(_));
    assert!(!world.steps().iter().any(is_commit));
    drop(held);
    world.until(&Step::Committed(vec![(0, 9)])).await;
    let steps = world.end(running).await;
    let stored = steps
        .iter()
        .position(|step| matches!(step, Step::Stored(_)));
    let committed = steps.iter().position(is_commit);
    assert!(stored < committed, "{steps:?}");
}

#[tokio::test(start_paused = true)]
async fn the_end_stores_and_commits_what_is_there() {
    let world = World::new();
    let running = world.start(SETTINGS);
    world.send_matches(1..=2);
    while world.ledger.figures().total().consumed < 2 {
        tokio::task::yield_now().await;
    }
    let steps = world.end(running).await;
    assert_eq!(steps.last(), Some(&Step::Committed(vec![(0, 3)])));
}

#[tokio::test(start_paused = true)]
async fn an_end_at_once_commits_nothing_that_is_not_stored() {
    let world = World::new();
    let _held = world.inside().inserts.acquire_many(1000).await;
    let running = world.start(SETTINGS);
    world.send_matches(1..=4);
    while world.status.figures().batches_in_flight == 0 {
        tokio::task::yield_now().await;
    }
    world.abort.cancel();
    running.await.expect("it does not panic");
    assert_eq!(world.steps(), []);
    assert_eq!(world.ledger.figures().total().pending, 4);
}
