//! A warehouse that refuses, or takes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use health_kit::{HealthReporter as _, HealthStatus};

use crate::world::{SETTINGS, Step, World, lock, unavailable};
use etl_application::DeadLetterReason::RefusedByWarehouse;
use etl_application::SchemaWatch;
use etl_application::ports::{SchemaFault, StoreError, WarehouseSchema};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn what_the_warehouse_refuses_is_found_and_set_aside_and_its_neighbours_are_stored() {
    let world = World::new();
    lock(&world.inside().refused).insert(3);
    let running = world.start(SETTINGS);
    world.send_matches(1..=4);
    world.until(&Step::Committed(vec![(0, 5)])).await;
    let steps = world.end(running).await;
    let expected = [
        Step::Stored(vec![1, 2]),
        Step::Stored(vec![4]),
        Step::Marked,
        Step::Wished(vec![1, 2, 4]),
        Step::SetAside(3, RefusedByWarehouse),
        Step::Committed(vec![(0, 5)]),
    ];
    assert_eq!(steps, expected);
    let total = world.ledger.figures().total();
    assert_eq!((total.loaded, total.dead_lettered), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_warehouse_that_takes_nothing_is_waited_for_and_nothing_is_set_aside() {
    let world = World::new();
    let begun = Instant::now();
    lock(&world.inside().errors).extend(vec![unavailable(); 8]);
    let running = world.start(SETTINGS);
    world.send_matches(1..=4);
    while world.status.figures().retries.get("network") != Some(&8) {
        tokio::time::sleep(SETTINGS.batch_wait).await;
    }
    let warehouse = &world.status.checks()[0];
    assert_eq!(warehouse.status, HealthStatus::Unhealthy);
    assert!(
        warehouse.reason.contains("connection refused"),
        "{warehouse:?}"
    );
    world.until(&Step::Committed(vec![(0, 5)])).await;
    // 250 ms, doubled up to 5 s.
    assert_eq!(
        begun.elapsed().as_millis(),
        250 + 500 + 1000 + 2000 + 4000 + 3 * 5000
    );
    assert_eq!(world.status.checks()[0].status, HealthStatus::Healthy);
    let steps = world.end(running).await;
    assert_eq!(steps[0], Step::Stored(vec![1, 2, 3, 4]));
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_fails_is_made_before_the_commit() {
    let world = World::new();
    let running = world.start(SETTINGS);
    world.send_matches(1..=3);
    // The batch is stored first, as it takes the first answer.
    while world.ledger.figures().total().consumed < 3 {
        tokio::task::yield_now().await;
    }
    lock(&world.inside().errors).extend([unavailable()]);
    lock(&world.inside().errors).push_front(unavailable());
    world.until(&Step::Committed(vec![(0, 4)])).await;
    let steps = world.end(running).await;
    let expected = [
        Step::Stored(vec![1, 2, 3]),
        Step::Marked,
        Step::Wished(vec![1, 2, 3]),
        Step::Committed(vec![(0, 4)]),
    ];
    assert_eq!(steps, expected);
}

#[tokio::test(start_paused = true)]
async fn a_warehouse_that_wants_larger_inserts_gets_them() {
    let world = World::new();
    let too_many = StoreError::TooManyParts {
        detail: "too many parts (300)".to_owned(),
    };
    lock(&world.inside().errors).extend([too_many.clone(), too_many]);
    let running = world.start(SETTINGS);
    world.send_matches(1..=4);
    world.until(&Step::Committed(vec![(0, 5)])).await;
    assert_eq!(
        world.status.figures().retries.get("too_many_parts"),
        Some(&2)
    );
    // Doubled twice, and halved once by a batch that went through.
    for (batch, doubled) in [(5, 2), (6, 1)] {
        let begun = Instant::now();
        world.send_matches([batch]);
        world.until(&Step::Committed(vec![(0, batch + 1)])).await;
        assert_eq!(begun.elapsed(), SETTINGS.batch_wait * doubled);
    }
    world.end(running).await;
}

#[tokio::test(start_paused = true)]
async fn tables_that_do_not_fit_are_a_check_of_their_own() {
    let world = World::new();
    lock(&world.inside().errors).push_back(StoreError::Schema {
        detail: "there is no table matches: run `etl-service migrate`".to_owned(),
    });
    let running = world.start(SETTINGS);
    world.send_matches(1..=4);
    while world.status.figures().retries.get("schema") != Some(&1) {
        tokio::task::yield_now().await;
    }
    let checks = world.status.checks();
    assert_eq!(checks[1].status, HealthStatus::Unhealthy);
    assert!(checks[1].reason.contains("migrate"), "{checks:?}");
    world.until(&Step::Committed(vec![(0, 5)])).await;
    world.end(running).await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_fails_is_done_again_though_nothing_more_arrives() {
    let world = World::new();
    *lock(&world.inside().failing_commits) = 3;
    let running = world.start(SETTINGS);
    world.send_matches(1..=4);
    world.until(&Step::Committed(vec![(0, 5)])).await;
    world.end(running).await;
}

/// Tables of an older program, until somebody migrates.
#[derive(Default)]
struct OlderTables(AtomicBool);

#[async_trait]
impl WarehouseSchema for OlderTables {
    async fn check(&self) -> Result<(), SchemaFault> {
        if self.0.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(SchemaFault::Unfit {
            detail: "they are of version 1; run `etl-service migrate`".to_owned(),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn tables_of_an_older_program_are_unhealthy_though_they_take_what_is_stored() {
    let world = World::new();
    let tables = Arc::new(OlderTables::default());
    let watch = SchemaWatch::new(tables.clone(), Arc::clone(&world.status));
    let watching = tokio::spawn(watch.run(world.drain.clone()));
    let schema = || world.status.checks().swap_remove(1);
    while schema().status == HealthStatus::Healthy {
        tokio::time::sleep(SETTINGS.batch_wait).await;
    }
    let running = world.start(SETTINGS);
    world.send_matches(1..=4);
    world.until(&Step::Committed(vec![(0, 5)])).await;
    assert_eq!(world.status.checks()[0].status, HealthStatus::Healthy);
    let unfit = schema();
    assert_eq!(unfit.status, HealthStatus::Unhealthy, "{unfit:?}");
    assert!(unfit.reason.contains("etl-service migrate"), "{unfit:?}");

    tables.0.store(true, Ordering::Relaxed);
    let migrated = Instant::now();
    while schema().status == HealthStatus::Unhealthy {
        tokio::time::sleep(SETTINGS.batch_wait).await;
    }
    assert!(
        migrated.elapsed().as_secs() <= 5,
        "{:?}",
        migrated.elapsed()
    );
    world.end(running).await;
    watching.await.expect("it ends with the drain");
}
