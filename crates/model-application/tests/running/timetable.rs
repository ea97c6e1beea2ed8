//! When runs begin by themselves.

use std::{sync::Arc, time::Duration};

use domain::{Patches, Timestamp};
use model_application::{
    ports::{RunLedger as _, RunState, Schedule, Trigger},
    runs::{RunOnStart, Timetable},
};
use tokio_util::sync::CancellationToken;

use crate::world::{Process, World, set, settings};

/// Each six hours.
struct SixHourly;

const PERIOD_MS: i64 = 6 * 3_600_000;

impl Schedule for SixHourly {
    fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        let periods = at.as_unix_ms().div_euclid(PERIOD_MS) + 1;
        Some(Timestamp::from_unix_ms(periods * PERIOD_MS))
    }

    fn text(&self) -> &'static str {
        "0 */6 * * *"
    }
}

/// Lets a process run by itself for a while; which runs there were then.
async fn by_itself(
    world: &World,
    process: Process,
    on_start: RunOnStart,
    during: impl Future<Output = ()>,
) -> Vec<(Trigger, RunState)> {
    let patches = Arc::new(Patches::built_in());
    let schedule: Arc<dyn Schedule> = Arc::new(SixHourly);
    let clock = world.clock.clone();
    let runs = Arc::clone(&process.runs);
    let timetable = Timetable::new(runs, Some(schedule), on_start, patches, clock);
    let end = CancellationToken::new();
    let running = async {
        let carrying_out = process.runner.run(process.orders, end.clone(), end.clone());
        tokio::join!(timetable.run(end.clone()), carrying_out);
    };
    tokio::join!(running, async {
        during.await;
        end.cancel();
    });
    let runs = world.ledger.runs(100, None).await.expect("in memory");
    let runs = runs.iter().rev().map(|run| (run.trigger, run.state));
    runs.collect()
}

#[tokio::test(start_paused = true)]
async fn runs_begin_when_it_is_time() {
    let world = World::new();
    let process = world.start(settings());
    let status = Arc::clone(&process.status);
    let day = tokio::time::sleep(Duration::from_hours(24));
    let runs = by_itself(&world, process, RunOnStart::Never, day).await;
    let expected = [
        (Trigger::Schedule, RunState::Published),
        (Trigger::Schedule, RunState::Unchanged),
        (Trigger::Schedule, RunState::Unchanged),
    ];
    assert_eq!(runs[..3], expected, "{runs:?}");
    assert!((3..=4).contains(&runs.len()), "{runs:?}");
    let schedule = status.snapshot().schedule;
    assert_eq!(
        (schedule.skipped, schedule.text.as_deref()),
        (0, Some("0 */6 * * *"))
    );
    assert!(schedule.next.is_some());
}

#[tokio::test(start_paused = true)]
async fn after_a_long_sleep_there_is_one_run() {
    let world = World::new();
    let process = world.start(settings());
    let asleep = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        // Four times are missed.
        tokio::time::advance(Duration::from_hours(25)).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
    };
    let runs = by_itself(&world, process, RunOnStart::Never, asleep).await;
    assert_eq!(runs, [(Trigger::Schedule, RunState::Published)]);
}

#[tokio::test(start_paused = true)]
async fn a_time_that_comes_during_a_run_is_skipped_and_counted() {
    let world = World::new();
    set(&world.faults.readers_away, true);
    let process = world.start(settings());
    let status = Arc::clone(&process.status);
    let away = async {
        tokio::time::sleep(Duration::from_hours(13)).await;
        set(&world.faults.readers_away, false);
        tokio::time::sleep(Duration::from_secs(10)).await;
    };
    let runs = by_itself(&world, process, RunOnStart::Always, away).await;
    assert_eq!(runs, [(Trigger::Start, RunState::Published)]);
    assert_eq!(status.snapshot().schedule.skipped, 2);
}

#[tokio::test(start_paused = true)]
async fn at_a_start_a_run_begins_if_what_is_published_is_old() {
    let world = World::new();
    let moment = || tokio::time::sleep(Duration::from_secs(10));
    let mut expected = vec![(Trigger::Start, RunState::Published)];
    let runs = by_itself(
        &world,
        world.start(settings()),
        RunOnStart::IfStale,
        moment(),
    )
    .await;
    assert_eq!(runs, expected);

    // A start right after that one finds it fresh.
    let process = world.start(settings());
    process.runner.remember().await;
    let runs = by_itself(&world, process, RunOnStart::IfStale, moment()).await;
    assert_eq!(runs, expected);

    tokio::time::advance(Duration::from_hours(13)).await;
    let process = world.start(settings());
    process.runner.remember().await;
    let runs = by_itself(&world, process, RunOnStart::IfStale, moment()).await;
    expected.push((Trigger::Start, RunState::Unchanged));
    assert_eq!(runs, expected);
}
