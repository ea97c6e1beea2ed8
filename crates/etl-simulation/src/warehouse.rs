//! A warehouse in trouble: what is asked of it is done not at all, in part, or
//! without an answer.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::{CountingRules, Day, Patches, Timestamp};
use etl_application::Answer;
use etl_application::ports::{
    BuildError, CallMemory, CounterStore, DayBuild, DayState, Difference, DirtyDay, FactStore,
    NewWish, StoreError, WarehouseError, Wish, WishCounts, WishQueue, WishStore,
};
use etl_test_support::{MemoryWarehouse, StagedDay};
use futures_util::FutureExt as _;
use health_kit::Clock;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::sleep;

use crate::Bug;
use crate::evidence::Evidence;
use crate::member::Life;
use crate::schedule::Point;

/// What all processes share.
pub(crate) struct Warehouse {
    pub(crate) memory: MemoryWarehouse,
    evidence: Arc<Evidence>,
    troubles: Mutex<Troubles>,
}

struct Troubles {
    rng: StdRng,
    is_away: bool,
    /// Per cent of the calls that fail before, and after, something is done.
    fail_before: u32,
    fail_after: u32,
    ms_max: u64,
    too_many_parts: bool,
}

/// What becomes of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    NotDone,
    /// The answer is lost.
    Unanswered,
}

impl Warehouse {
    pub(crate) fn new(seed: u64, clock: Arc<dyn Clock>, evidence: Arc<Evidence>) -> Arc<Self> {
        Arc::new(Self {
            memory: MemoryWarehouse::new(clock),
            evidence,
            troubles: Mutex::new(Troubles {
                rng: StdRng::seed_from_u64(seed ^ 0x3A2E_4005),
                is_away: false,
                fail_before: 0,
                fail_after: 0,
                ms_max: 20,
                too_many_parts: false,
            }),
        })
    }

    pub(crate) fn set_away(&self, is_away: bool) {
        self.lock().is_away = is_away;
    }

    pub(crate) fn set_failing(&self, before: u32, after: u32) {
        let mut troubles = self.lock();
        (troubles.fail_before, troubles.fail_after) = (before, after);
    }

    pub(crate) fn set_slow(&self, ms_max: u64) {
        self.lock().ms_max = ms_max;
    }

    pub(crate) fn set_too_many_parts(&self, asks: bool) {
        self.lock().too_many_parts = asks;
    }

    fn way(&self) -> Duration {
        let mut troubles = self.lock();
        let ms_max = troubles.ms_max;
        Duration::from_millis(troubles.rng.random_range(1..=ms_max))
    }

    fn outcome(&self) -> Outcome {
        let mut troubles = self.lock();
        let dice = troubles.rng.random_range(0..100);
        if troubles.is_away || dice < troubles.fail_before {
            Outcome::NotDone
        } else if dice < troubles.fail_before + troubles.fail_after {
            Outcome::Unanswered
        } else {
            Outcome::Done
        }
    }

    /// How many of these are stored before the connection breaks.
    fn part(&self, count: usize) -> usize {
        self.lock().rng.random_range(0..=count)
    }

    fn lock(&self) -> MutexGuard<'_, Troubles> {
        // A panic fails the whole run.
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The warehouse, as one process reaches it.
#[derive(Clone)]
pub(crate) struct WarehouseAccess {
    pub(crate) warehouse: Arc<Warehouse>,
    pub(crate) life: Arc<Life>,
    pub(crate) bug: Option<Bug>,
}

impl WarehouseAccess {
    /// Calls the warehouse: on the way there and back time passes, and either way may fail.
    async fn call<T>(&self, point: Point, act: impl FnOnce(Outcome) -> T + Send) -> (T, bool)
    where
        T: Send,
    {
        let (there, back) = (self.warehouse.way(), self.warehouse.way());
        self.life
            .alive(async {
                sleep(there).await;
                let outcome = self.warehouse.outcome();
                let done = act(outcome);
                if outcome != Outcome::NotDone {
                    self.life.reached(point);
                }
                sleep(back).await;
                (done, outcome == Outcome::Done)
            })
            .await
    }

    fn too_many_parts(&self) -> Result<(), StoreError> {
        let mut troubles = self.warehouse.lock();
        if troubles.too_many_parts && troubles.rng.random_bool(0.3) {
            return Err(StoreError::TooManyParts {
                detail: "too many parts".to_owned(),
            });
        }
        Ok(())
    }

    fn swap_in(&self, mut staged: StagedDay) -> Result<DayBuild, WarehouseError> {
        let memory = &self.warehouse.memory;
        let day = staged.build.day;
        match self.bug {
            Some(Bug::BuildWritesTheLatestMark) => {
                let mark = memory.mark_of(day).unwrap_or(0);
                staged.build.mark = mark;
                staged.stored.noted = Some(staged.build.clone());
                let builds = staged.stored.builds.iter();
                staged.stored.builds = builds.map(|(table, _)| (*table, mark)).collect();
            }
            Some(Bug::DaySwappedInHalf) => {
                if let Some(before) = memory.stored_day(day) {
                    staged.stored.pairs = before.pairs;
                }
            }
            _ => {}
        }
        memory.swap_in(staged)
    }
}

/// What memory answers: it makes nobody wait.
fn at_once<T>(answer: impl Future<Output = T>) -> T {
    answer.now_or_never().expect("memory answers at once")
}

fn unavailable() -> StoreError {
    StoreError::Unavailable {
        detail: "the connection broke".to_owned(),
        cause: "network",
    }
}

fn silent() -> WarehouseError {
    WarehouseError {
        detail: "the connection broke".to_owned(),
    }
}

#[async_trait]
impl FactStore for WarehouseAccess {
    async fn store(&self, answers: &[Answer]) -> Result<BTreeSet<Day>, StoreError> {
        self.too_many_parts()?;
        let Warehouse {
            memory, evidence, ..
        } = &*self.warehouse;
        let act = |outcome| {
            let part = match outcome {
                Outcome::NotDone => return Err(unavailable()),
                Outcome::Unanswered => &answers[..self.warehouse.part(answers.len())],
                Outcome::Done => answers,
            };
            let days = at_once(memory.store(part))?;
            evidence.stored(part);
            Ok(days)
        };
        match self.call(Point::Stored, act).await {
            (result, true) => result,
            (Err(refused @ StoreError::Refused { .. }), false) => Err(refused),
            _ => Err(unavailable()),
        }
    }

    async fn mark_dirty(&self, days: &BTreeSet<Day>) -> Result<(), StoreError> {
        let Warehouse {
            memory, evidence, ..
        } = &*self.warehouse;
        let act = |outcome| {
            if outcome != Outcome::NotDone {
                at_once(memory.mark_dirty(days))?;
                evidence.marked(days);
            }
            Ok(())
        };
        match self.call(Point::Marked, act).await {
            (result, true) => result,
            _ => Err(unavailable()),
        }
    }
}

#[async_trait]
impl WishStore for WarehouseAccess {
    async fn wish(&self, wishes: &[NewWish]) -> Result<(), StoreError> {
        let Warehouse {
            memory, evidence, ..
        } = &*self.warehouse;
        let act = |outcome| {
            if outcome != Outcome::NotDone {
                at_once(memory.wish(wishes))?;
                evidence.wished(wishes, memory);
            }
            Ok(())
        };
        match self.call(Point::Wished, act).await {
            (result, true) => result,
            _ => Err(unavailable()),
        }
    }
}

#[async_trait]
impl WishQueue for WarehouseAccess {
    async fn due(&self, now: Timestamp, count_max: usize) -> Result<Vec<Wish>, WarehouseError> {
        let due = |_| at_once(self.warehouse.memory.due(now, count_max));
        match self.call(Point::Looked, due).await {
            (result, true) => result,
            _ => Err(silent()),
        }
    }

    async fn settle(&self, wishes: &[Wish]) -> Result<(), StoreError> {
        let Warehouse {
            memory, evidence, ..
        } = &*self.warehouse;
        let act = |outcome| {
            let part = match outcome {
                Outcome::NotDone => return Ok(()),
                Outcome::Unanswered => &wishes[..self.warehouse.part(wishes.len())],
                Outcome::Done => wishes,
            };
            at_once(memory.settle(part))?;
            evidence.settled(part, memory);
            Ok(())
        };
        match self.call(Point::Settled, act).await {
            (result, true) => result,
            _ => Err(unavailable()),
        }
    }

    async fn end_known(&self, now: Timestamp, count_max: usize) -> Result<usize, StoreError> {
        let Warehouse {
            memory, evidence, ..
        } = &*self.warehouse;
        let act = |outcome| {
            if outcome == Outcome::NotDone {
                return Ok(0);
            }
            let ended = at_once(memory.end_known(now, count_max));
            evidence.watch(memory);
            ended
        };
        match self.call(Point::Settled, act).await {
            (result, true) => result,
            _ => Err(unavailable()),
        }
    }

    async fn end_surplus(&self, waiting_max: u64, count_max: usize) -> Result<usize, StoreError> {
        let memory = &self.warehouse.memory;
        at_once(memory.end_surplus(waiting_max, count_max))
    }

    async fn counts(&self) -> Result<WishCounts, WarehouseError> {
        let counts = |_| at_once(self.warehouse.memory.counts());
        match self.call(Point::Looked, counts).await {
            (result, true) => result,
            _ => Err(silent()),
        }
    }
}

#[async_trait]
impl CallMemory for WarehouseAccess {
    async fn calls(&self, upstream: &str, day: Day) -> Result<u64, WarehouseError> {
        if self.bug == Some(Bug::BudgetForgotten) {
            return Ok(0);
        }
        let calls = |_| at_once(self.warehouse.memory.calls(upstream, day));
        match self.call(Point::Looked, calls).await {
            (result, true) => result,
            _ => Err(silent()),
        }
    }

    async fn set_down(&self, upstream: &str, day: Day, calls: u64) -> Result<(), StoreError> {
        let memory = &self.warehouse.memory;
        let act = |outcome| match outcome {
            Outcome::NotDone => Ok(()),
            _ => at_once(memory.set_down(upstream, day, calls)),
        };
        match self.call(Point::SetDown, act).await {
            (result, true) => result,
            _ => Err(unavailable()),
        }
    }
}

#[async_trait]
impl CounterStore for WarehouseAccess {
    async fn dirty_days(&self, count_max: usize) -> Result<Vec<DirtyDay>, WarehouseError> {
        if self.warehouse.outcome() != Outcome::Done {
            return Err(silent());
        }
        let memory = &self.warehouse.memory;
        self.life.alive(memory.dirty_days(count_max)).await
    }

    async fn build_day(
        &self,
        day: Day,
        rules: &CountingRules,
        patches: &Patches,
    ) -> Result<DayBuild, BuildError> {
        let memory = &self.warehouse.memory;
        let stage = |outcome| match outcome {
            Outcome::NotDone => Err(BuildError::Unavailable(silent())),
            _ => memory.stage_day(day, rules, patches),
        };
        let staged = match self.call(Point::Staged, stage).await {
            (staged, true) => staged?,
            _ => return Err(silent().into()),
        };
        let swap = |outcome| match outcome {
            Outcome::NotDone => Err(silent()),
            _ => self.swap_in(staged),
        };
        match self.call(Point::Built, swap).await {
            (built, true) => Ok(built?),
            _ => Err(silent().into()),
        }
    }

    async fn verify_day(
        &self,
        day: Day,
        rules: &CountingRules,
        patches: &Patches,
    ) -> Result<Vec<Difference>, WarehouseError> {
        self.warehouse.memory.verify_day(day, rules, patches).await
    }

    async fn days(&self, from: Day, to: Day) -> Result<Vec<DayState>, WarehouseError> {
        self.warehouse.memory.days(from, to).await
    }
}
