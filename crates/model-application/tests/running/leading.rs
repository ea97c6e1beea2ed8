//! One writer at a time.

use std::{sync::Arc, time::Duration};

use model_application::{
    ports::{LeaderLock as _, RunState},
    runs::{AgesMax, Blame, Leading, RunsStatus, Standing},
};
use model_redis_adapter::RedisLeaderLock;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::world::{World, by_hand, settings};

const LIFE: Duration = Duration::from_secs(30);

fn leading(world: &World, owner: &str) -> (Arc<Leading>, Arc<RunsStatus>) {
    let clock: Arc<dyn health_kit::Clock> = world.clock.clone();
    let ages_max = AgesMax {
        data: Duration::MAX,
        success: None,
    };
    let status = Arc::new(RunsStatus::new(ages_max, &clock));
    let lock = Arc::new(RedisLeaderLock::new(Arc::clone(&world.keys)));
    let owner = owner.to_owned();
    let leading = Leading::new(lock, owner, LIFE, Arc::clone(&status), clock);
    (Arc::new(leading), status)
}

fn spawn(leading: &Arc<Leading>) -> (tokio::task::JoinHandle<()>, CancellationToken) {
    let (leading, end) = (Arc::clone(leading), CancellationToken::new());
    let task = tokio::spawn({
        let end = end.clone();
        async move { leading.run(end).await }
    });
    (task, end)
}

#[tokio::test(start_paused = true)]
async fn a_standby_takes_over_in_time() {
    let world = World::new();
    let (first, of_first) = leading(&world, "first");
    let (second, of_second) = leading(&world, "second");
    let (task, _end) = spawn(&first);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (_task, end) = spawn(&second);
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert!(of_first.standing().may_run(), "it keeps the lock");
    let leader = Some("first".to_owned());
    assert_eq!(of_second.standing(), Standing::Standby { leader });

    // The first one dies without a word.
    task.abort();
    let died = Instant::now();
    while !of_second.standing().may_run() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(died.elapsed() <= LIFE + Duration::from_secs(5));
    }
    // One that ends lets go of it.
    end.cancel();
    tokio::time::sleep(Duration::from_millis(1)).await;
    let lock = RedisLeaderLock::new(Arc::clone(&world.keys));
    assert_eq!(lock.leader().await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_was_paused_publishes_nothing() {
    let world = World::new();
    let (first, _) = leading(&world, "first");
    assert_eq!(first.ask().await, Ok(true));
    let mut process = world.start_with(settings(), Some(first.held()));
    assert_eq!(process.run(by_hand()).await.run.state, RunState::Published);
    let published = world.published_run().await;

    world.play(6..7, |_, won| won);
    // It is paused for a minute, and does not know that another has taken over.
    tokio::time::advance(2 * LIFE).await;
    let (second, _) = leading(&world, "second");
    assert_eq!(second.ask().await, Ok(true));
    let outcome = process.run(by_hand()).await;
    assert_eq!(
        (outcome.run.state, outcome.blame),
        (RunState::Failed, Blame::Run)
    );
    assert_eq!(world.published_run().await, published);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_not_the_leader_does_not_begin() {
    let world = World::new();
    let (first, _) = leading(&world, "first");
    let (second, _) = leading(&world, "second");
    assert_eq!(first.ask().await, Ok(true));
    assert_eq!(second.ask().await, Ok(false));
    let mut process = world.start_with(settings(), Some(second.held()));
    let run = process.run(by_hand()).await.run;
    let failure = run.failure.expect("it says why");
    assert!(
        failure.cause.contains("not the leader"),
        "{}",
        failure.cause
    );
    process.status.stands(Standing::Standby { leader: None });
    assert!(process.runs.request(by_hand()).await.is_err());
}
