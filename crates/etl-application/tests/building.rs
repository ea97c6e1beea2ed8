//! When which day is built.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::{CountingRules, Day, Patches, Timestamp};
use etl_application::DayBuilder;
use etl_application::ports::{
    BuildError, CounterStore, DayBuild, DayState, Difference, DirtyDay, WarehouseError,
};
use health_kit::{Clock, HealthReporter as _, HealthStatus};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const DELAY: Duration = Duration::from_mins(5);
const TODAY: Day = Day::from_days_since_epoch(20_000);
const YESTERDAY: Day = Day::from_days_since_epoch(19_999);

/// Days with a mark and the mark they were built from, and when they were built.
struct Store {
    begun: Instant,
    days: Mutex<BTreeMap<Day, (u64, Option<u64>)>>,
    builds: Mutex<Vec<(Day, u64)>>,
    /// What a build answers instead of building.
    fault: Option<BuildError>,
}

impl Store {
    fn with(days: impl IntoIterator<Item = (Day, u64, Option<u64>)>) -> Self {
        let days = days
            .into_iter()
            .map(|(day, mark, build)| (day, (mark, build)));
        Self {
            begun: Instant::now(),
            days: Mutex::new(days.collect()),
            builds: Mutex::default(),
            fault: None,
        }
    }

    fn mark(&self, day: Day, mark: u64) {
        let mut days = self.days.lock().expect("nobody panics");
        days.entry(day).or_insert((mark, None)).0 = mark;
    }

    /// Each build, with the second it was asked for.
    fn builds(&self) -> Vec<(Day, u64)> {
        self.builds.lock().expect("nobody panics").clone()
    }
}

#[async_trait]
impl CounterStore for Store {
    async fn dirty_days(&self, _: usize) -> Result<Vec<DirtyDay>, WarehouseError> {
        let days = self.days.lock().expect("nobody panics");
        let dirty = days
            .iter()
            .filter(|(_, (mark, build))| Some(*mark) > *build);
        let dirty = dirty.map(|(day, (mark, build))| DirtyDay {
            day: *day,
            mark: *mark,
            build: *build,
        });
        Ok(dirty.collect())
    }

    async fn build_day(
        &self,
        day: Day,
        _: &CountingRules,
        _: &Patches,
    ) -> Result<DayBuild, BuildError> {
        let at = self.begun.elapsed().as_secs();
        self.builds.lock().expect("nobody panics").push((day, at));
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let mut days = self.days.lock().expect("nobody panics");
        let (mark, build) = days.get_mut(&day).expect("only dirty days are built");
        *build = Some(*mark);
        Ok(DayBuild {
            day,
            mark: *mark,
            matches: 0,
            counted: 0,
            left_out: BTreeMap::new(),
        })
    }

    async fn verify_day(
        &self,
        _: Day,
        _: &CountingRules,
        _: &Patches,
    ) -> Result<Vec<Difference>, WarehouseError> {
        Ok(Vec::new())
    }

    async fn days(&self, _: Day, _: Day) -> Result<Vec<DayState>, WarehouseError> {
        Ok(Vec::new())
    }
}

/// Noon of [`TODAY`].
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(TODAY.start().unix_seconds() + 12 * 3600)
    }
}

fn builder(store: &Arc<Store>) -> DayBuilder {
    DayBuilder::new(
        store.clone(),
        CountingRules::default(),
        Patches::built_in(),
        DELAY,
        Arc::new(Noon),
    )
}

/// Lets a builder work for so long.
async fn work(builder: DayBuilder, time: Duration) {
    let drain = CancellationToken::new();
    let running = tokio::spawn(builder.run(drain.clone()));
    tokio::time::sleep(time).await;
    drain.cancel();
    running.await.expect("it does not panic");
}

#[tokio::test(start_paused = true)]
async fn a_day_that_was_never_built_is_built_at_once() {
    let store = Arc::new(Store::with([(TODAY, 1, None)]));
    work(builder(&store), Duration::from_secs(10)).await;
    assert_eq!(store.builds(), [(TODAY, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_day_that_goes_on_is_built_after_the_delay_however_often_it_is_marked() {
    let store = Arc::new(Store::with([(TODAY, 1, Some(0))]));
    let marking = async {
        for mark in 2.. {
            tokio::time::sleep(Duration::from_secs(7)).await;
            store.mark(TODAY, mark);
        }
    };
    tokio::select! {
        () = marking => {}
        () = work(builder(&store), DELAY * 2 + Duration::from_secs(30)) => {}
    }
    let seconds: Vec<_> = store.builds().iter().map(|(_, at)| *at).collect();
    assert_eq!(seconds.len(), 2, "{seconds:?}");
    for (nth, at) in (1..).zip(&seconds) {
        let due = nth * DELAY.as_secs();
        assert!((due..due + 10).contains(at), "{seconds:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_day_that_is_over_is_built_as_soon_as_it_is_quiet() {
    let store = Arc::new(Store::with([(YESTERDAY, 1, Some(0)), (TODAY, 1, Some(0))]));
    work(builder(&store), DELAY / 2).await;
    assert_eq!(store.builds(), [(YESTERDAY, DELAY.as_secs() / 10)]);
}

#[tokio::test(start_paused = true)]
async fn a_day_that_does_not_add_up_is_named_and_tried_again_after_the_delay() {
    let difference = Difference {
        day: TODAY,
        what: "sum(games) of hero_days".to_owned(),
        expected: 10,
        found: 9,
    };
    let store = Arc::new(Store {
        fault: Some(BuildError::DoesNotAddUp(vec![difference])),
        ..Store::with([(TODAY, 1, None)])
    });
    let builder = builder(&store);
    let status = builder.status();
    work(builder, DELAY + Duration::from_secs(30)).await;
    assert_eq!(store.builds(), [(TODAY, 0), (TODAY, DELAY.as_secs())]);
    let check = &status.checks()[0];
    assert_eq!(check.status, HealthStatus::Unhealthy);
    assert!(check.reason.contains(&TODAY.to_string()), "{check:?}");
    assert_eq!(status.figures().mismatches, 2);
}

#[tokio::test(start_paused = true)]
async fn a_warehouse_that_does_not_answer_is_asked_again_soon() {
    let fault = WarehouseError {
        detail: "connection refused".to_owned(),
    };
    let store = Arc::new(Store {
        fault: Some(BuildError::Unavailable(fault)),
        ..Store::with([(TODAY, 1, None)])
    });
    work(builder(&store), Duration::from_secs(4)).await;
    assert!(store.builds().len() >= 4, "{:?}", store.builds());
}
