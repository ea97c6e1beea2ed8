//! The backfills that a service runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use health_kit::Clock;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    BACKFILLS_MAX, Backfill, BackfillEnd, BackfillFigures, BackfillId, BackfillMeter,
    BackfillOwner, BackfillRange, BackfillStop, BackfillWatcher, Backfiller, BeginError,
    CancelError, Progress, progress_of,
};
use crate::DeadLetterReason;
use crate::ports::{
    BackfillOrigin, BackfillOrigins, OriginError, Place, STORE_PAUSE_MIN, WarehouseError,
};

/// The longest pause between two attempts to open a range.
const OPEN_PAUSE_MAX: Duration = Duration::from_secs(30);
/// Between two looks for backfills to go on with, where the warehouse does not answer.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Runs what is asked for, and goes on with what an earlier process of the
/// service has left.
pub struct Backfills {
    backfiller: Backfiller,
    origins: Arc<dyn BackfillOrigins>,
    clock: Arc<dyn Clock>,
    under_way: Mutex<BTreeMap<BackfillId, UnderWay>>,
    begun: mpsc::UnboundedSender<Backfill>,
    /// Taken by whoever runs them.
    to_run: Mutex<Option<mpsc::UnboundedReceiver<Backfill>>>,
}

/// One that runs here.
struct UnderWay {
    meter: Arc<BackfillMeter>,
    stop: BackfillStop,
}

impl Backfills {
    /// Puts it together; nothing is loaded before [`run`](Self::run).
    #[must_use]
    pub fn new(
        backfiller: Backfiller,
        origins: Arc<dyn BackfillOrigins>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        // Bounded by the backfills that are under way.
        let (begun, to_run) = mpsc::unbounded_channel();
        Self {
            backfiller,
            origins,
            clock,
            under_way: Mutex::default(),
            begun,
            to_run: Mutex::new(Some(to_run)),
        }
    }

    /// Begins to load a range, unless this service does so already. Whoever
    /// asks may go away meanwhile: what is set down is loaded.
    ///
    /// # Errors
    /// [`BeginError`]; then nothing has begun.
    ///
    /// # Panics
    /// When the warehouse's adapter does.
    pub async fn begin(
        self: &Arc<Self>,
        range: &BackfillRange,
    ) -> Result<BackfillFigures, BeginError> {
        if let Some(obstacle) = self.origins.obstacle(range) {
            return Err(BeginError::Impossible(obstacle));
        }
        let (this, range) = (Arc::clone(self), range.clone());
        // A task, because a row without anybody who loads it would lie there
        // until the next start.
        let begun = tokio::spawn(async move {
            let begun = this.backfiller.begin(&range, BackfillOwner::Service);
            let begun = begun.await?;
            let figures = this.figures_of(&begun);
            this.take_up(begun);
            Ok(figures)
        });
        match begun.await {
            Ok(begun) => begun,
            // Nobody aborts it.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Cancels one, wherever it runs.
    ///
    /// # Errors
    /// [`CancelError`].
    pub async fn cancel(&self, id: BackfillId) -> Result<BackfillFigures, CancelError> {
        let ended = self.backfiller.cancel(id).await?;
        if let Some(here) = self.lock().get(&id) {
            here.stop.after_batch.cancel();
        }
        Ok(BackfillFigures::of(&ended))
    }

    /// The newest ones, wherever they ran; at most `count_max`.
    ///
    /// # Errors
    /// [`WarehouseError`] when they could not be looked up.
    pub async fn newest(&self, count_max: usize) -> Result<Vec<BackfillFigures>, WarehouseError> {
        let newest = self.backfiller.store().backfills(count_max).await?;
        Ok(newest.iter().map(|one| self.figures_of(one)).collect())
    }

    /// One of them; none if there is none of that id.
    ///
    /// # Errors
    /// [`WarehouseError`] when it could not be looked up.
    pub async fn one(&self, id: BackfillId) -> Result<Option<BackfillFigures>, WarehouseError> {
        let found = self.backfiller.store().backfill(id).await?;
        Ok(found.map(|one| self.figures_of(&one)))
    }

    /// Those that run here, now.
    #[must_use]
    pub fn figures(&self) -> Vec<BackfillFigures> {
        let under_way = self.lock();
        under_way.values().map(|one| one.meter.figures()).collect()
    }

    /// Loads until `drain` is cancelled; the next process goes on then.
    ///
    /// # Panics
    /// When it is called a second time.
    pub async fn run(self: Arc<Self>, drain: CancellationToken) {
        let to_run = self.to_run.lock();
        let to_run = to_run.unwrap_or_else(PoisonError::into_inner).take();
        let mut to_run = to_run.expect("it runs once");
        let mut running = JoinSet::new();
        let look = self.take_up_those_left();
        tokio::pin!(look);
        let mut has_looked = false;
        loop {
            tokio::select! {
                () = drain.cancelled() => break,
                () = &mut look, if !has_looked => has_looked = true,
                Some(backfill) = to_run.recv() => {
                    let this = Arc::clone(&self);
                    running.spawn(async move { this.load(backfill).await });
                }
                Some(ended) = running.join_next() => resume_panic(ended),
            }
        }
        for here in self.lock().values() {
            here.stop.at_once.cancel();
        }
        while let Some(ended) = running.join_next().await {
            resume_panic(ended);
        }
    }

    /// Those of the service that no other process runs by now: it has died, or
    /// was ended. If another instance does run one, the two do no harm.
    async fn take_up_those_left(&self) {
        loop {
            // Those of commands are among them.
            let running = self.backfiller.store().running_backfills(4 * BACKFILLS_MAX);
            match running.await {
                Ok(running) => {
                    let ours = running
                        .into_iter()
                        .filter(|one| progress_of(one).owner == BackfillOwner::Service);
                    ours.for_each(|one| self.take_up(one));
                    return;
                }
                Err(error) => {
                    tracing::debug!(%error, "backfills to go on with are looked for again");
                    sleep(LOOK_EVERY).await;
                }
            }
        }
    }

    fn take_up(&self, backfill: Backfill) {
        let mut under_way = self.lock();
        if under_way.contains_key(&backfill.id) {
            return;
        }
        let meter = BackfillMeter::new(backfill.clone(), Arc::clone(&self.clock));
        let here = UnderWay {
            meter: Arc::new(meter),
            stop: BackfillStop::default(),
        };
        under_way.insert(backfill.id, here);
        // Nobody runs them any more when the service ends; the next one does.
        let _ = self.begun.send(backfill);
    }

    async fn load(&self, backfill: Backfill) {
        let (id, origin) = (backfill.id, backfill.origin.clone());
        let here = self
            .lock()
            .get(&id)
            .map(|here| (Arc::clone(&here.meter), here.stop.clone()));
        let Some((meter, stop)) = here else { return };
        tracing::info!(backfill = %id, origin, "a backfill goes on");
        let watcher = Watcher { id, meter };
        let opened = stop
            .after_batch
            .run_until_cancelled(self.open(&backfill, &watcher));
        let opened = stop.at_once.run_until_cancelled(opened).await.flatten();
        let ended = match opened {
            None => BackfillEnd::Stopped,
            Some(Ok(opened)) => self.backfiller.run(backfill, opened, &watcher, &stop).await,
            Some(Err(detail)) => {
                self.backfiller.fail(backfill).await;
                BackfillEnd::Failed(detail)
            }
        };
        self.lock().remove(&id);
        match ended {
            BackfillEnd::Failed(why) => {
                tracing::error!(backfill = %id, origin, why, "a backfill cannot go on");
            }
            ended => tracing::info!(backfill = %id, origin, ?ended, "a backfill has ended here"),
        }
    }

    /// Tries until the range is open; or why it is not to be had.
    async fn open(
        &self,
        backfill: &Backfill,
        watcher: &Watcher,
    ) -> Result<Box<dyn BackfillOrigin>, String> {
        let range: BackfillRange = backfill
            .origin
            .parse()
            .map_err(|error: super::UnknownRange| error.to_string())?;
        let at = progress_of(backfill).at;
        let mut pause = STORE_PAUSE_MIN;
        loop {
            match self.origins.open(&range, &at).await {
                Ok(opened) => return Ok(opened),
                Err(OriginError::Gone { detail }) => return Err(detail),
                Err(OriginError::Unavailable { detail }) => {
                    watcher.waits(&detail);
                    sleep(pause).await;
                    pause = (pause * 2).min(OPEN_PAUSE_MAX);
                }
            }
        }
    }

    fn figures_of(&self, backfill: &Backfill) -> BackfillFigures {
        let under_way = self.lock();
        let here = under_way.get(&backfill.id);
        here.map_or_else(
            || BackfillFigures::of(backfill),
            |here| here.meter.figures(),
        )
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<BackfillId, UnderWay>> {
        // The map is whole after each step.
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A panic in a backfill is one of the service.
fn resume_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// Tells the meter and the log.
struct Watcher {
    id: BackfillId,
    meter: Arc<BackfillMeter>,
}

impl BackfillWatcher for Watcher {
    fn rejected(&self, place: Place, reason: DeadLetterReason, detail: &str) {
        // Their number is in the figures: a bad range must not flood the log.
        tracing::debug!(backfill = %self.id, %place, %reason, detail, "a record is not loaded");
    }

    fn reached(&self, backfill: &Backfill, progress: &Progress) {
        self.meter.reached(backfill, progress);
    }

    fn waits(&self, why: &str) {
        tracing::warn!(backfill = %self.id, why, "a backfill waits for its origin");
    }
}
