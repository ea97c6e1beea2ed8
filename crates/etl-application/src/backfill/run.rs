//! From a range to the warehouse, beside live loading.

use std::sync::Arc;
use std::time::Duration;

use health_kit::Clock;
use thiserror::Error;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{
    Backfill, BackfillId, BackfillOwner, BackfillRange, BackfillShare, BackfillState, Progress,
};
use crate::ports::{
    BackfillOrigin, BackfillPiece, BackfillStore, FactStore, OriginError, Place, STORE_PAUSE_MAX,
    STORE_PAUSE_MIN, StoreError, WarehouseError,
};
use crate::storing::Storing;
use crate::{Answer, BatchLimits, DeadLetterReason, Facts, LoadStatus};

/// More backfills than this do not run at a time, wherever they run.
pub const BACKFILLS_MAX: usize = 4;

/// What backfills need of the world.
pub struct BackfillerParts {
    /// Where facts are kept.
    pub facts: Arc<dyn FactStore>,
    /// Where it is set down how far backfills are.
    pub store: Arc<dyn BackfillStore>,
    /// Who tells what the warehouse does.
    pub status: Arc<LoadStatus>,
    /// Says when a backfill began.
    pub clock: Arc<dyn Clock>,
}

/// How backfills load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackfillSettings {
    /// When a batch is complete.
    pub batch: BatchLimits,
    /// How long a batch that is not complete waits for more.
    pub batch_wait: Duration,
    /// How much of the warehouse's time they take together.
    pub share: BackfillShare,
}

/// Loads past ranges.
///
/// What is read goes the way of live loading: it is stored, its days are
/// marked, and then the position is set down in the warehouse. So a loss at any
/// moment costs a batch that is stored again, which changes nothing.
pub struct Backfiller {
    storing: Storing,
    store: Arc<dyn BackfillStore>,
    clock: Arc<dyn Clock>,
    settings: BackfillSettings,
    /// Held by whoever stores, and through the rest after that.
    turn: Mutex<()>,
}

/// Who is told how a backfill goes.
pub trait BackfillWatcher: Send + Sync {
    /// A record is not loaded.
    fn rejected(&self, place: Place, reason: DeadLetterReason, detail: &str);

    /// So far it is, and it is set down.
    fn reached(&self, backfill: &Backfill, progress: &Progress);

    /// The origin does not answer; it is asked again.
    fn waits(&self, why: &str);
}

/// How a backfill ended here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackfillEnd {
    /// All of the range is loaded.
    Finished,
    /// Somebody has cancelled it.
    Cancelled,
    /// The range is not to be had, and why.
    Failed(String),
    /// It was asked to stop, and can go on.
    Stopped,
}

/// When a backfill stops before its end.
#[derive(Debug, Clone, Default)]
pub struct BackfillStop {
    /// At once, without the batch that is under way: for one that stays running,
    /// so that whoever goes on with it repeats this batch.
    pub at_once: CancellationToken,
    /// After the batch that is under way: for one that is cancelled. Left where
    /// it is, a batch could be stored, and nobody would mark its days.
    pub after_batch: CancellationToken,
}

/// Why no backfill began.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BeginError {
    /// Enough of them run.
    #[error("{} backfills are running, and at most {BACKFILLS_MAX} do: {}; wait for one, go on \
        with it or cancel it", .0.len(), names(.0))]
    TooMany(Vec<BackfillId>),
    /// Somebody else loads this range.
    #[error("backfill {id} of the same range belongs to a {}; cancel it to begin another one",
        owner.as_str())]
    Elsewhere {
        /// Which one.
        id: BackfillId,
        /// Whose it is.
        owner: BackfillOwner,
    },
    /// It would fail at once: what keeps the range from being had, and what helps.
    #[error("{0}")]
    Impossible(String),
    /// It cannot be looked up which ones there are.
    #[error(transparent)]
    Unknown(#[from] WarehouseError),
    /// It cannot be set down.
    #[error(transparent)]
    NotSetDown(#[from] StoreError),
}

/// Why none was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CancelError {
    /// There is none of that id.
    #[error("there is no backfill {0}")]
    NoSuch(BackfillId),
    /// It cannot be looked up.
    #[error(transparent)]
    Unknown(#[from] WarehouseError),
    /// It cannot be set down.
    #[error(transparent)]
    NotSetDown(#[from] StoreError),
}

fn names(ids: &[BackfillId]) -> String {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    ids.join(", ")
}

impl Backfiller {
    /// Puts it together.
    #[must_use]
    pub fn new(parts: BackfillerParts, settings: BackfillSettings) -> Self {
        Self {
            storing: Storing::of_the_past(parts.facts, parts.status),
            store: parts.store,
            clock: parts.clock,
            settings,
            turn: Mutex::default(),
        }
    }

    /// Where it is set down how far backfills are.
    #[must_use]
    pub fn store(&self) -> &dyn BackfillStore {
        &*self.store
    }

    /// Begins a backfill of a range, or takes up the one of the same range that
    /// is running already.
    ///
    /// Two who begin at the same moment may exceed [`BACKFILLS_MAX`], for there
    /// is nothing to lock; they do no harm.
    ///
    /// # Errors
    /// [`BeginError`]; then nothing has begun.
    pub async fn begin(
        &self,
        range: &BackfillRange,
        owner: BackfillOwner,
    ) -> Result<Backfill, BeginError> {
        let origin = range.to_string();
        let running = self.store.running_backfills(BACKFILLS_MAX + 1).await?;
        // What a stream says differs each time, whatever it is called.
        let mut same = running.iter().filter(|one| one.origin == origin);
        if let Some(same) = same.next().filter(|_| !range.is_stream()) {
            let whose = progress_of(same).owner;
            return if whose == owner {
                Ok(same.clone())
            } else {
                Err(BeginError::Elsewhere {
                    id: same.id,
                    owner: whose,
                })
            };
        }
        if running.len() >= BACKFILLS_MAX {
            return Err(BeginError::TooMany(
                running.iter().map(|one| one.id).collect(),
            ));
        }
        let progress = Progress {
            owner,
            ..Progress::default()
        };
        let begun = Backfill {
            id: BackfillId::new(self.clock.now()),
            origin,
            state: BackfillState::Running,
            position: progress.to_string(),
            records: 0,
            version: 1,
        };
        self.store.set_down(&begun).await?;
        Ok(begun)
    }

    /// Cancels a backfill, wherever it runs: whoever runs it stops after its
    /// batch. One that has ended stays as it is.
    ///
    /// # Errors
    /// [`CancelError`].
    pub async fn cancel(&self, id: BackfillId) -> Result<Backfill, CancelError> {
        let found = self.store.backfill(id).await?;
        let found = found.ok_or(CancelError::NoSuch(id))?;
        if found.state != BackfillState::Running {
            return Ok(found);
        }
        let cancelled = found.in_state(BackfillState::Cancelled);
        self.store.set_down(&cancelled).await?;
        Ok(cancelled)
    }

    /// Loads what is left of a range, until its end or until it is to stop.
    pub async fn run(
        &self,
        backfill: Backfill,
        mut origin: Box<dyn BackfillOrigin>,
        watcher: &dyn BackfillWatcher,
        stop: &BackfillStop,
    ) -> BackfillEnd {
        let mut progress = progress_of(&backfill);
        let mut backfill = backfill;
        if !origin.goes_on() || progress.at.is_empty() {
            progress = Progress {
                owner: progress.owner,
                ..Progress::default()
            };
            backfill.records = 0;
        }
        let mut running = Running {
            backfiller: self,
            backfill,
            progress,
            watcher,
        };
        let loaded = running.load(&mut *origin, &stop.after_batch);
        let ended = stop.at_once.run_until_cancelled(loaded).await;
        ended.flatten().unwrap_or(BackfillEnd::Stopped)
    }

    /// Sets down that a range is not to be had.
    pub async fn fail(&self, backfill: Backfill) {
        let failed = backfill.in_state(BackfillState::Failed);
        self.storing
            .until_done(|| self.store.set_down(&failed))
            .await;
    }
}

/// How far a backfill is, by its row.
#[must_use]
pub fn progress_of(backfill: &Backfill) -> Progress {
    let Ok(progress) = backfill.position.parse();
    progress
}

/// A backfill under way.
struct Running<'a> {
    backfiller: &'a Backfiller,
    backfill: Backfill,
    progress: Progress,
    watcher: &'a dyn BackfillWatcher,
}

/// Pieces that are stored together.
#[derive(Default)]
struct Batch {
    answers: Vec<Answer>,
    places: Vec<Place>,
    invalid: u64,
    calls: u64,
    rows: usize,
    size_bytes: usize,
    /// When it is stored, complete or not; none while nothing is in it.
    due: Option<Instant>,
    /// Those of its last piece.
    position: String,
    done: Option<f64>,
}

impl Running<'_> {
    /// Nothing if it is stopped, which it is between two batches alone.
    async fn load(
        &mut self,
        origin: &mut dyn BackfillOrigin,
        stop: &CancellationToken,
    ) -> Option<BackfillEnd> {
        loop {
            let (batch, is_last) = match stop.run_until_cancelled(self.gather(origin)).await? {
                Ok(gathered) => gathered,
                Err(detail) => {
                    self.backfiller.fail(self.backfill.clone()).await;
                    return Some(BackfillEnd::Failed(detail));
                }
            };
            let turn = self.backfiller.turn.lock();
            let turn = stop.run_until_cancelled(turn).await?;
            let worked = self.store(batch).await;
            if is_last {
                self.set_down(BackfillState::Finished).await;
                return Some(BackfillEnd::Finished);
            }
            if self.is_cancelled_elsewhere().await {
                return Some(BackfillEnd::Cancelled);
            }
            let rest = self.backfiller.settings.share.rest_after(worked);
            stop.run_until_cancelled(sleep(rest)).await?;
            drop(turn);
        }
    }

    /// The next batch, and whether it is the last one; or why there is none.
    ///
    /// What there is does not wait for what is long in coming: a loss would cost
    /// all of it.
    async fn gather(&self, origin: &mut dyn BackfillOrigin) -> Result<(Batch, bool), String> {
        let limits = self.backfiller.settings.batch;
        let mut batch = Batch {
            position: self.progress.at.clone(),
            done: self.progress.done,
            ..Batch::default()
        };
        let mut pause = STORE_PAUSE_MIN;
        while batch.rows < limits.rows_max && batch.size_bytes < limits.bytes_max {
            let next = match batch.due {
                None => origin.next().await,
                Some(due) => match timeout_at(due, origin.next()).await {
                    Ok(next) => next,
                    Err(_) => break,
                },
            };
            match next {
                Ok(Some(piece)) => {
                    batch.add(piece, self.watcher);
                    let wait = self.backfiller.settings.batch_wait;
                    batch.due.get_or_insert_with(|| Instant::now() + wait);
                    pause = STORE_PAUSE_MIN;
                }
                Ok(None) => return Ok((batch, true)),
                Err(OriginError::Gone { detail }) => return Err(detail),
                Err(OriginError::Unavailable { detail }) => {
                    self.watcher.waits(&detail);
                    if batch.due.is_some() {
                        break;
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(STORE_PAUSE_MAX);
                }
            }
        }
        Ok((batch, false))
    }

    /// Stores a batch and sets down where it ends; how long the warehouse worked.
    async fn store(&mut self, batch: Batch) -> Duration {
        let stored = self.backfiller.storing.store(&batch.answers).await;
        for (place, detail) in &stored.refused {
            let reason = DeadLetterReason::RefusedByWarehouse;
            self.watcher.rejected(batch.places[*place], reason, detail);
        }
        let refused = stored.refused.len() as u64;
        self.backfill.records += batch.answers.len() as u64 - refused;
        self.progress.invalid += batch.invalid + refused;
        self.progress.calls += batch.calls;
        self.progress.at = batch.position;
        self.progress.done = batch.done;
        stored.took + self.set_down(BackfillState::Running).await
    }

    async fn set_down(&mut self, state: BackfillState) -> Duration {
        if state == BackfillState::Finished {
            self.progress.done = Some(1.0);
        }
        self.backfill.position = self.progress.to_string();
        self.backfill = self.backfill.clone().in_state(state);
        let Backfiller { storing, store, .. } = self.backfiller;
        let took = storing.until_done(|| store.set_down(&self.backfill)).await;
        self.watcher.reached(&self.backfill, &self.progress);
        took
    }

    /// A warehouse that does not answer this is asked after the next batch.
    async fn is_cancelled_elsewhere(&self) -> bool {
        let found = self.backfiller.store.backfill(self.backfill.id).await;
        found.is_ok_and(|found| found.is_some_and(|one| one.state == BackfillState::Cancelled))
    }
}

impl Batch {
    fn add(&mut self, piece: BackfillPiece, watcher: &dyn BackfillWatcher) {
        for (place, invalid) in &piece.invalid {
            watcher.rejected(*place, invalid.reason, &invalid.detail);
        }
        self.invalid += piece.invalid.len() as u64;
        self.calls += piece.calls;
        for (place, answer) in piece.answers {
            self.rows += Facts::of(&answer).row_count();
            self.answers.push(answer);
            self.places.push(place);
        }
        self.size_bytes += piece.size_bytes;
        self.position = piece.position;
        self.done = piece.done;
    }
}
