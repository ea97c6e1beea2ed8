//! When runs begin by themselves.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use domain::{Patch, Patches, Timestamp};
use health_kit::Clock as _;
use model_application::{
    ports::{PatchSource, PatchesUnreadable, RunLedger as _, RunState, Schedule, Trigger},
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
    with_patches(world, process, on_start, patches, during).await
}

/// The same, with a list of patches of its own.
async fn with_patches(
    world: &World,
    process: Process,
    on_start: RunOnStart,
    patches: Arc<dyn PatchSource>,
    during: impl Future<Output = ()>,
) -> Vec<(Trigger, RunState)> {
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

/// A list that somebody keeps, or that cannot be read.
struct Kept(Mutex<Result<Patches, PatchesUnreadable>>);

#[async_trait]
impl PatchSource for Kept {
    async fn patches(&self) -> Result<Patches, PatchesUnreadable> {
        self.0.lock().expect("nobody panics").clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_appears_begins_a_run() {
    let world = World::new();
    let start = world.clock.now();
    let with_new = |since: Timestamp| {
        let new = Patch {
            name: "9.99".to_owned(),
            since,
        };
        let known = Patches::built_in();
        let known = known.iter().filter(|patch| patch.since < since).cloned();
        Patches::try_new(known.chain([new]).collect()).map_err(|_| unreachable!("names differ"))
    };
    let kept = Arc::new(Kept(Mutex::new(Ok(Patches::built_in()))));
    let keep = |patches| *kept.0.lock().expect("nobody panics") = patches;
    let process = world.start(settings());
    let during = async {
        let minutes = |minutes| tokio::time::sleep(Duration::from_mins(minutes));
        minutes(5).await;
        // A list that cannot be read is no new patch, and neither is its return.
        keep(Err(PatchesUnreadable("gone".to_owned())));
        minutes(5).await;
        // It begins in ten minutes.
        keep(with_new(start.saturating_add(Duration::from_mins(20))));
        minutes(8).await;
        let runs = world.ledger.runs(9, None).await.expect("in memory");
        assert_eq!(runs, [], "it has not begun");
        minutes(30).await;
    };
    let runs = with_patches(&world, process, RunOnStart::Never, kept.clone(), during).await;
    assert_eq!(runs, [(Trigger::NewPatch, RunState::Published)]);
}
