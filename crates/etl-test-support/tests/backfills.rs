//! What a backfill does beside loading: its limits, its share, its ends.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::{Day, Timestamp};
use etl_application::backfill::{
    BACKFILLS_MAX, Backfill, BackfillEnd, BackfillOwner, BackfillRange, BackfillSettings,
    BackfillShare, BackfillState, BackfillStop, BackfillWatcher, Backfiller, BackfillerParts,
    BeginError, CancelError, Progress, Span, progress_of,
};
use etl_application::ports::{BackfillStore, FactStore, OriginError, Place, StoreError};
use etl_application::{Answer, BatchLimits, DeadLetterReason, Invalid, LoadStatus};
use etl_test_support::answers::{NOON, match_id, said_by, whole};
use etl_test_support::{ListedOrigin, MemoryWarehouse};
use health_kit::Clock;
use test_kit::clock::StoppedClock;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Takes a second for whatever it stores.
struct Slow(Arc<MemoryWarehouse>);

#[async_trait]
impl FactStore for Slow {
    async fn store(&self, answers: &[Answer]) -> Result<BTreeSet<Day>, StoreError> {
        if !answers.is_empty() {
            sleep(Duration::from_secs(1)).await;
        }
        self.0.store(answers).await
    }

    async fn mark_dirty(&self, days: &BTreeSet<Day>) -> Result<(), StoreError> {
        self.0.mark_dirty(days).await
    }
}

/// How long a batch waits that is not complete.
const BATCH_WAIT: Duration = Duration::from_secs(2);

struct World {
    warehouse: Arc<MemoryWarehouse>,
    backfiller: Backfiller,
    told: Told,
    stop: BackfillStop,
}

/// What the watcher was told.
#[derive(Default)]
struct Told {
    rejected: Mutex<Vec<String>>,
    waits: Mutex<Vec<String>>,
    /// Cancelled when the first position is set down.
    first: CancellationToken,
}

impl BackfillWatcher for Told {
    fn rejected(&self, place: Place, reason: DeadLetterReason, detail: &str) {
        lock(&self.rejected).push(format!("{place}: {reason}: {detail}"));
    }

    fn reached(&self, _: &Backfill, _: &Progress) {
        self.first.cancel();
    }

    fn waits(&self, why: &str) {
        lock(&self.waits).push(why.to_owned());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn world(percent: u8) -> World {
    world_with(percent, 1)
}

fn world_with(percent: u8, rows_max: usize) -> World {
    let clock: Arc<dyn Clock> = Arc::new(StoppedClock(Timestamp::from_unix_seconds(NOON)));
    let warehouse = Arc::new(MemoryWarehouse::new(Arc::clone(&clock)));
    let parts = BackfillerParts {
        facts: Arc::new(Slow(warehouse.clone())),
        store: warehouse.clone(),
        status: Arc::new(LoadStatus::new(&clock)),
        clock,
    };
    let settings = BackfillSettings {
        batch: BatchLimits {
            rows_max,
            bytes_max: usize::MAX,
        },
        batch_wait: BATCH_WAIT,
        share: BackfillShare::of_percent(percent).expect("it is a share"),
    };
    World {
        warehouse,
        backfiller: Backfiller::new(parts, settings),
        told: Told::default(),
        stop: BackfillStop::default(),
    }
}

fn topic(hour: i64) -> BackfillRange {
    BackfillRange::Topic(Span {
        from: Timestamp::from_unix_seconds(NOON + hour * 3600),
        to: Timestamp::from_unix_seconds(NOON + hour * 3600 + 3600),
    })
}

fn three() -> ListedOrigin {
    ListedOrigin::new((1..=3).map(|id| Ok(said_by("a", 1, whole(id, NOON)))), 1)
}

impl World {
    async fn begin(&self, hour: i64) -> Backfill {
        let range = topic(hour);
        let begun = self.backfiller.begin(&range, BackfillOwner::Command);
        begun.await.expect("there is room")
    }

    async fn run(&self, backfill: Backfill, origin: ListedOrigin) -> BackfillEnd {
        let origin = Box::new(origin);
        self.backfiller
            .run(backfill, origin, &self.told, &self.stop)
            .await
    }

    async fn found(&self, backfill: &Backfill) -> Backfill {
        let found = self.warehouse.backfill(backfill.id).await;
        found.expect("it answers").expect("it is there")
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_loaded_is_told_with_its_place_and_its_neighbours_load() {
    let world = world(100);
    world.warehouse.refuse(match_id(3));
    let invalid = Invalid {
        reason: DeadLetterReason::NotJson,
        detail: "it is none".to_owned(),
    };
    let answer = |id| Ok(said_by("a", 1, whole(id, NOON)));
    let records = [answer(1), Err(invalid), answer(3), answer(4)];
    let begun = world.begin(0).await;
    let ended = world
        .run(begun.clone(), ListedOrigin::new(records, 4))
        .await;
    assert_eq!(ended, BackfillEnd::Finished);
    let told = lock(&world.told.rejected).clone();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], "line 2: not_json: it is none");
    assert!(
        told[1].starts_with("line 3: refused_by_warehouse"),
        "{told:?}"
    );
    let found = world.found(&begun).await;
    let progress = progress_of(&found);
    assert_eq!((found.state, found.records), (BackfillState::Finished, 2));
    assert_eq!((progress.invalid, progress.done), (2, Some(1.0)));
    assert_eq!(world.warehouse.matches(), 2);
}

#[tokio::test(start_paused = true)]
async fn four_run_and_a_fifth_is_refused_until_one_has_ended() {
    let world = world(100);
    let mut begun = Vec::new();
    for hour in (0..).take(BACKFILLS_MAX) {
        begun.push(world.begin(hour).await);
    }
    let ninth = topic(9);
    let fifth = world.backfiller.begin(&ninth, BackfillOwner::Command);
    let refused = fifth.await.expect_err("there is no room");
    assert!(matches!(refused, BeginError::TooMany(ref ids) if ids.len() == BACKFILLS_MAX));
    assert!(refused.to_string().contains(&begun[0].id.to_string()));
    let same = world.begin(1).await;
    assert_eq!(same, begun[1], "one that runs is taken up");
    let first = topic(1);
    let other = world.backfiller.begin(&first, BackfillOwner::Service);
    let other = other.await.expect_err("it is a command's");
    assert!(matches!(other, BeginError::Elsewhere { id, .. } if id == same.id));
    assert_eq!(world.run(same, three()).await, BackfillEnd::Finished);
    world.begin(9).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_is_cancelled_stops_after_its_batch_and_never_runs_again() {
    let world = world(100);
    let begun = world.begin(0).await;
    let cancelled = world.backfiller.cancel(begun.id).await;
    assert_eq!(cancelled.map(|one| one.state), Ok(BackfillState::Cancelled));
    let ended = world.run(begun.clone(), three()).await;
    assert_eq!(ended, BackfillEnd::Cancelled);
    assert_eq!(world.warehouse.matches(), 1, "that of the batch under way");
    let again = world.backfiller.cancel(begun.id).await;
    assert_eq!(again, Ok(world.found(&begun).await));
    assert_eq!(world.found(&begun).await.state, BackfillState::Cancelled);
    assert_ne!(world.begin(0).await.id, begun.id);
    let nobody = etl_application::backfill::BackfillId::from_u128(7);
    let none = world.backfiller.cancel(nobody).await;
    assert_eq!(none, Err(CancelError::NoSuch(nobody)));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_stopped_goes_on_where_its_last_batch_ended() {
    let mut world = world(50);
    let begun = world.begin(0).await;
    let mut origin = three();
    origin.fail_with(OriginError::Unavailable {
        detail: "it is away".to_owned(),
    });
    let stop_in_its_rest = async {
        world.told.first.cancelled().await;
        world.stop.at_once.cancel();
    };
    let (ended, ()) = tokio::join!(world.run(begun.clone(), origin), stop_in_its_rest);
    assert_eq!(ended, BackfillEnd::Stopped);
    assert_eq!(*lock(&world.told.waits), ["it is away"]);
    let found = world.found(&begun).await;
    assert_eq!((found.state, found.records), (BackfillState::Running, 1));
    let at = progress_of(&found).at;
    assert_eq!(at, "1");
    world.stop = BackfillStop::default();
    let ended = world.run(found.clone(), three().at(&at)).await;
    assert_eq!(ended, BackfillEnd::Finished);
    assert_eq!(world.found(&begun).await.records, 3);
    assert_eq!(world.warehouse.matches(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_there_does_not_wait_for_what_is_long_in_coming() {
    let world = world_with(100, usize::MAX);
    let begun = world.begin(0).await;
    let mut origin = three();
    origin.wait_before(2);
    let look = async {
        world.told.first.cancelled().await;
        world.stop.at_once.cancel();
    };
    let before = Instant::now();
    let (ended, ()) = tokio::join!(world.run(begun.clone(), origin), look);
    assert_eq!(ended, BackfillEnd::Stopped);
    // What is stored takes a second.
    assert_eq!(before.elapsed(), BATCH_WAIT + Duration::from_secs(1));
    assert_eq!(progress_of(&world.found(&begun).await).at, "2");
    assert_eq!(world.warehouse.matches(), 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_cancelled_here_stores_its_batch_whole() {
    let world = world(100);
    let begun = world.begin(0).await;
    let cancel_in_the_batch = async {
        // What is stored takes a second.
        sleep(Duration::from_millis(1_500)).await;
        world.stop.after_batch.cancel();
    };
    let (ended, ()) = tokio::join!(world.run(begun.clone(), three()), cancel_in_the_batch);
    assert_eq!(ended, BackfillEnd::Stopped);
    assert_eq!(world.found(&begun).await.records, 2);
    assert_eq!(world.warehouse.matches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_range_that_is_another_one_now_begins_anew() {
    let world = world(100);
    let mut begun = world.begin(0).await;
    begun.records = 7;
    let ended = world.run(begun.clone(), three().at("elsewhere")).await;
    assert_eq!(ended, BackfillEnd::Finished);
    assert_eq!(world.found(&begun).await.records, 3, "it counts anew");
}

#[tokio::test(start_paused = true)]
async fn backfills_together_take_no_more_than_their_share_of_the_time() {
    for (percent, expected_seconds) in [(100, 6), (50, 12), (25, 24)] {
        let world = world(percent);
        let (one, other) = (world.begin(0).await, world.begin(1).await);
        let begun = Instant::now();
        tokio::join!(world.run(one, three()), world.run(other, three()));
        assert_eq!(begun.elapsed().as_secs(), expected_seconds, "{percent}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_range_that_is_gone_has_failed() {
    let world = world(100);
    let begun = world.begin(0).await;
    let mut origin = three();
    origin.fail_with(OriginError::Gone {
        detail: "deleted".to_owned(),
    });
    let ended = world.run(begun.clone(), origin).await;
    assert_eq!(ended, BackfillEnd::Failed("deleted".to_owned()));
    assert_eq!(world.found(&begun).await.state, BackfillState::Failed);
}

#[tokio::test(start_paused = true)]
async fn nothing_begins_in_a_warehouse_that_takes_nothing() {
    let world = world(100);
    world.warehouse.fail_with(Some(StoreError::Unavailable {
        detail: "it is told to".to_owned(),
        cause: "test",
    }));
    let range = topic(0);
    let refused = world.backfiller.begin(&range, BackfillOwner::Command);
    assert!(matches!(refused.await, Err(BeginError::Unknown(_))));
}
