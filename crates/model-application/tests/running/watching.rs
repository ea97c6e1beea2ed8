//! What is seen while no run goes on.

use std::{future::Future, sync::Arc, time::Duration};

use health_kit::{HealthReporter as _, HealthStatus};
use model_application::{
    ports::{RunLedger as _, RunState, Trigger},
    runs::{RunsStatus, Standing, Watch},
};
use tokio_util::sync::CancellationToken;

use crate::world::{PATCH, Process, World, by_hand, set, settings};

/// Lets a process carry out what it is asked to and watch meanwhile.
async fn watching(process: Process, during: impl Future<Output = ()>) {
    let runner = Arc::new(process.runner);
    let watch = Watch::new(Arc::clone(&runner), process.runs);
    let end = CancellationToken::new();
    let running = async {
        let carrying_out = runner.run(process.orders, end.clone(), end.clone());
        tokio::join!(watch.run(end.clone()), carrying_out);
    };
    tokio::join!(running, async {
        during.await;
        end.cancel();
    });
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn health(status: &RunsStatus, name: &str) -> (HealthStatus, String) {
    let checks = status.checks();
    let check = checks.into_iter().find(|check| check.name == name);
    let check = check.expect("it is checked");
    (check.status, check.reason)
}

#[tokio::test(start_paused = true)]
async fn a_run_that_could_not_read_is_made_up_for_within_five_seconds() {
    let world = World::new();
    set(&world.faults.warehouse_away, true);
    let process = world.start(settings());
    let runs = Arc::clone(&process.runs);
    let ended = async || {
        let runs = world.ledger.runs(10, None).await.expect("in memory");
        let runs = runs.iter().rev().map(|run| (run.trigger, run.state));
        runs.collect::<Vec<_>>()
    };
    let failed = (Trigger::Manual, RunState::Failed);
    watching(process, async {
        runs.request(by_hand()).await.expect("nothing is under way");
        seconds(60).await;
        assert_eq!(ended().await, [failed]);
        set(&world.faults.warehouse_away, false);
        seconds(5).await;
        assert_eq!(
            ended().await,
            [failed, (Trigger::Schedule, RunState::Published)]
        );
        // What was made up for is not made up for again.
        seconds(300).await;
        assert_eq!(ended().await.len(), 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_warehouse_that_goes_away_and_comes_back_is_noticed_without_a_run() {
    let world = World::new();
    let process = world.start(settings());
    let status = Arc::clone(&process.status);
    watching(process, async {
        seconds(1).await;
        assert_eq!(health(&status, "clickhouse").0, HealthStatus::Healthy);
        set(&world.faults.warehouse_away, true);
        seconds(65).await;
        let (is, why) = health(&status, "clickhouse");
        assert_ne!(is, HealthStatus::Healthy);
        assert!(why.contains("the warehouse does not answer"), "{why}");
        set(&world.faults.warehouse_away, false);
        seconds(5).await;
        assert_eq!(health(&status, "clickhouse").0, HealthStatus::Healthy);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn counters_that_grow_old_are_noticed_without_a_run() {
    let world = World::new();
    let process = world.start(settings());
    let status = Arc::clone(&process.status);
    watching(process, async {
        seconds(1).await;
        assert_eq!(health(&status, "data_age").0, HealthStatus::Healthy);
        // The newest day ended six hours before the beginning.
        seconds(21 * 3600).await;
        let (is, why) = health(&status, "data_age");
        assert_eq!(is, HealthStatus::Degraded, "{why}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_standby_sees_what_another_publishes() {
    let world = World::new();
    let standby = world.start(settings());
    let status = Arc::clone(&standby.status);
    status.stands(Standing::Standby { leader: None });
    let mut leader = world.start(settings());
    watching(standby, async {
        seconds(1).await;
        assert!(status.published(PATCH).is_none());
        let run = Box::pin(leader.run(by_hand())).await.run;
        seconds(4).await;
        let seen = status.published(PATCH).expect("it was looked at");
        assert_eq!(seen.result.run, run.id);
    })
    .await;
}
