//! An upstream that does as it is told, and notes who was asked for when.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use domain::{MatchId, MatchSummary, Timestamp};
use etl_application::ports::{
    CallBudget, Details, DetailsError, MatchDetails, NewWish, StoreError, WarehouseError,
    WarehouseReader as _, Wish, WishCounts, WishQueue, WishState, WishStore as _,
};
use etl_application::{
    DetailParts, DetailSettings, DetailStatus, DetailWorker, LoadStatus, WishReason,
};
use etl_test_support::MemoryWarehouse;
use etl_test_support::answers::{NOON, match_id, said_by, whole};
use health_kit::{Clock, HealthReporter as _, HealthStatus};
use test_kit::clock::RunningClock;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

pub(crate) const SETTINGS: DetailSettings = DetailSettings {
    attempts_max: 6,
    parallel: 8,
    waiting_max: 1000,
    look_every: Duration::from_secs(2),
};

/// What the upstream says of a match.
pub(crate) type Said = Result<Details, DetailsError>;

pub(crate) struct World {
    pub(crate) warehouse: Arc<MemoryWarehouse>,
    pub(crate) queue: Arc<FaultyQueue>,
    pub(crate) upstream: Arc<FakeUpstream>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) status: Arc<DetailStatus>,
    pub(crate) drain: CancellationToken,
    worker: Option<JoinHandle<()>>,
}

/// The wishes of the warehouse, as long as their statements do not fail.
pub(crate) struct FaultyQueue {
    warehouse: Arc<MemoryWarehouse>,
    faults: Mutex<BTreeSet<&'static str>>,
    /// How long it takes to count.
    pub(crate) counting: Mutex<Duration>,
    /// How often it was asked what.
    asked: Mutex<BTreeMap<&'static str, u64>>,
}

pub(crate) struct FakeUpstream {
    begun: Instant,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    /// What it says of a match, one answer a call; the match itself afterwards.
    script: BTreeMap<i64, VecDeque<Said>>,
    /// What it says of all of them.
    always: Option<Said>,
    /// How long a call takes.
    takes: Duration,
    /// Who was asked for, in which second.
    asked: Vec<(i64, u64)>,
    under_way: usize,
    under_way_max: usize,
}

impl World {
    pub(crate) fn start(settings: DetailSettings) -> Self {
        Self::start_with(settings, true)
    }

    /// A worker that asks nobody.
    pub(crate) fn start_without_upstream() -> Self {
        Self::start_with(SETTINGS, false)
    }

    fn start_with(settings: DetailSettings, has_upstream: bool) -> Self {
        let clock: Arc<dyn Clock> =
            Arc::new(RunningClock::from(Timestamp::from_unix_seconds(NOON)));
        let warehouse = Arc::new(MemoryWarehouse::new(Arc::clone(&clock)));
        let upstream = Arc::new(FakeUpstream {
            begun: Instant::now(),
            inside: Mutex::default(),
        });
        let queue = Arc::new(FaultyQueue {
            warehouse: Arc::clone(&warehouse),
            faults: Mutex::default(),
            counting: Mutex::default(),
            asked: Mutex::default(),
        });
        let parts = DetailParts {
            upstream: "fake",
            details: has_upstream.then(|| upstream.clone() as _),
            queue: queue.clone(),
            facts: warehouse.clone(),
            load: Arc::new(LoadStatus::new(&clock)),
            clock: Arc::clone(&clock),
        };
        let worker = DetailWorker::new(parts, settings);
        let drain = CancellationToken::new();
        Self {
            warehouse,
            queue,
            upstream,
            clock,
            status: worker.status(),
            worker: Some(tokio::spawn(
                worker.run(drain.clone(), CancellationToken::new()),
            )),
            drain,
        }
    }

    /// Wishes for matches, for now.
    pub(crate) async fn wish(&self, reason: WishReason, ids: &[i64]) {
        let wishes = ids.iter().map(|id| NewWish {
            match_id: match_id(*id),
            reason,
            first_try: self.clock.now(),
        });
        let made = self.warehouse.wish(&wishes.collect::<Vec<_>>()).await;
        made.expect("memory takes it");
    }

    pub(crate) async fn wish_of(&self, id: i64) -> Wish {
        let wish = self.warehouse.wish_of(match_id(id)).await;
        wish.expect("memory answers").expect("it was wished for")
    }

    /// What became of a wish, and after how many attempts.
    pub(crate) async fn ended(&self, id: i64) -> (WishState, u8) {
        let wish = self.wish_of(id).await;
        (wish.state, wish.attempts)
    }

    /// Lets the worker work.
    pub(crate) async fn after(&self, time: Duration) {
        sleep(time).await;
    }

    pub(crate) fn health(&self) -> (HealthStatus, String) {
        let check = self.status.checks().remove(0);
        (check.status, check.reason)
    }

    /// Ends the worker in an orderly way; says how long that took.
    pub(crate) async fn end(&mut self) -> Duration {
        let begun = Instant::now();
        self.drain.cancel();
        let worker = self.worker.take().expect("it is ended once");
        worker.await.expect("it does not panic");
        begun.elapsed()
    }
}

impl FaultyQueue {
    /// From now on these statements fail, by the names of the port.
    pub(crate) fn fail(&self, statements: impl IntoIterator<Item = &'static str>) {
        *self.faults.lock().expect("nobody panics") = statements.into_iter().collect();
    }

    /// How often it was asked this since it was asked last.
    pub(crate) fn asked(&self, statement: &'static str) -> u64 {
        let mut asked = self.asked.lock().expect("nobody panics");
        asked.remove(statement).unwrap_or_default()
    }

    fn ask(&self, statement: &'static str) -> Result<(), WarehouseError> {
        let mut asked = self.asked.lock().expect("nobody panics");
        *asked.entry(statement).or_default() += 1;
        if self
            .faults
            .lock()
            .expect("nobody panics")
            .contains(statement)
        {
            return Err(WarehouseError {
                detail: format!("memory limit exceeded in {statement}"),
            });
        }
        Ok(())
    }

    fn change(&self, statement: &'static str) -> Result<(), StoreError> {
        let asked = self.ask(statement);
        asked.map_err(|error| StoreError::Unavailable {
            detail: error.detail,
            cause: "other",
        })
    }
}

#[async_trait]
impl WishQueue for FaultyQueue {
    async fn due(&self, now: Timestamp, count_max: usize) -> Result<Vec<Wish>, WarehouseError> {
        self.ask("due")?;
        self.warehouse.due(now, count_max).await
    }

    async fn settle(&self, wishes: &[Wish]) -> Result<(), StoreError> {
        self.warehouse.settle(wishes).await
    }

    async fn end_known(&self, now: Timestamp, count_max: usize) -> Result<usize, StoreError> {
        self.change("end_known")?;
        self.warehouse.end_known(now, count_max).await
    }

    async fn end_surplus(&self, waiting_max: u64, count_max: usize) -> Result<usize, StoreError> {
        self.change("end_surplus")?;
        self.warehouse.end_surplus(waiting_max, count_max).await
    }

    async fn counts(&self) -> Result<WishCounts, WarehouseError> {
        let takes = *self.counting.lock().expect("nobody panics");
        sleep(takes).await;
        self.ask("counts")?;
        self.warehouse.counts().await
    }
}

impl FakeUpstream {
    /// What it says of a match, one answer a call; the match itself afterwards.
    pub(crate) fn script(&self, id: i64, said: impl IntoIterator<Item = Said>) {
        self.lock().script.insert(id, said.into_iter().collect());
    }

    /// From now on it says that of all of them.
    pub(crate) fn always(&self, said: Option<Said>) {
        self.lock().always = said;
    }

    pub(crate) fn takes(&self, time: Duration) {
        self.lock().takes = time;
    }

    /// Who was asked for, in which second.
    pub(crate) fn asked(&self) -> Vec<(i64, u64)> {
        self.lock().asked.clone()
    }

    pub(crate) fn asked_ids(&self) -> Vec<i64> {
        self.asked().into_iter().map(|(id, _)| id).collect()
    }

    /// How many calls were under way at a time at most, since it was asked last.
    pub(crate) fn under_way_max(&self) -> usize {
        std::mem::take(&mut self.lock().under_way_max)
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("nobody panics")
    }
}

/// A whole match.
pub(crate) fn found(id: i64, is_parsed: bool) -> Details {
    told(whole(id, NOON), is_parsed)
}

pub(crate) fn told(summary: MatchSummary, is_parsed: bool) -> Details {
    Details {
        answer: said_by("opendota_details", 7, summary),
        is_parsed,
    }
}

pub(crate) fn silent(until: Timestamp) -> DetailsError {
    DetailsError::Unavailable {
        detail: "502, a page of HTML".to_owned(),
        until,
    }
}

#[async_trait]
impl MatchDetails for FakeUpstream {
    async fn fetch(&self, id: MatchId) -> Said {
        let id = id.get();
        let (said, takes) = {
            let mut inside = self.lock();
            inside.asked.push((id, self.begun.elapsed().as_secs()));
            inside.under_way += 1;
            inside.under_way_max = inside.under_way_max.max(inside.under_way);
            let scripted = inside.script.get_mut(&id);
            let scripted = scripted.and_then(VecDeque::pop_front);
            let said = scripted.or_else(|| inside.always.clone());
            (said.unwrap_or_else(|| Ok(found(id, true))), inside.takes)
        };
        sleep(takes).await;
        self.lock().under_way -= 1;
        said
    }

    fn budget(&self) -> CallBudget {
        CallBudget::default()
    }
}
