//! Everything received and not settled yet, in memory and on disk.
//!
//! A message waits here from its receipt to its outcome. As long as Kafka
//! acknowledges, it never leaves memory. What stays unacknowledged for a short
//! while is written to the journal; what memory has no room for is left to
//! the journal alone and read back when Kafka takes it. When the journal has
//! no room either, or does not write in time, feeds are not read.
//!
//! [`BacklogWork`] does all of the work; the others hand in and ask.

mod checkpoints;
mod limits;
mod queue;
mod standing_by;
mod state;
mod watching;
mod windows;
mod work;

#[cfg(test)]
mod state_tests;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use health_kit::{Clock, Condition, HealthCheck, HealthReporter, HealthStatus};
use thiserror::Error;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, interval, sleep, timeout},
};

pub use self::{limits::BacklogLimits, standing_by::Role, work::BacklogWork};
use self::{
    limits::{
        PROGRESS_WITHIN, READ_BATCH, RETRY_PAUSE, SUMMARIES_RESTORED, WATCH_INTERVAL,
        WRITE_INTERVAL, WRITTEN_AFTER,
    },
    state::{State, Step},
    windows::KeyOf,
};
use crate::{
    Checkpoint, Ledger, Outcome, Receipt, ReceiptOwner, SourceName,
    ports::{Journal, JournalError, MessagePublisher, PublishError, ReceivedBatch},
};

/// What a backlog is told.
#[derive(Debug, Clone, Copy)]
pub struct BacklogSettings {
    /// How many match ids, and how many summaries, are remembered to recognise
    /// duplicates.
    pub dedup_window_size: usize,
    /// Whether summaries are published; otherwise of each the id alone is.
    pub has_summaries: bool,
    /// Whether another instance may be the one that publishes: then this one stands
    /// by until its publisher says that it is its turn.
    pub may_stand_by: bool,
    /// How much may be where.
    pub limits: BacklogLimits,
}

/// Why a backlog cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BacklogError {
    /// Matches cannot be published any more.
    #[error("matches cannot be published any more: {0}")]
    Publish(#[from] PublishError),
}

/// Why nothing is taken in on request, however long somebody waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotAccepted {
    /// It is being drained, and takes nothing new any more.
    #[error("the service is draining: it finishes what it has and takes nothing new")]
    Draining,
    /// It is another instance that publishes.
    #[error("this instance is a standby; the active one takes it, see check standby in health")]
    StandingBy,
}

/// Keeps every pending message until it has its outcome.
pub struct Backlog {
    journal: Arc<dyn Journal>,
    publisher: Arc<dyn MessagePublisher>,
    ledger: Arc<Ledger>,
    clock: Arc<dyn Clock>,
    settings: BacklogSettings,
    /// A `std` mutex: it is held for short, and never across an await. The
    /// ledger is booked under it, so that both can be compared.
    state: Mutex<State>,
    /// There may be something to send.
    sendable: Notify,
    /// There may be something to write at once.
    writable: Notify,
    /// There may be room to receive.
    room: Notify,
    /// Whether it is another instance that publishes.
    role: watch::Sender<Role>,
    condition: Condition,
}

impl Backlog {
    /// An empty backlog, and the work on it: before that [runs](BacklogWork::run)
    /// nothing is read or sent.
    pub fn new(
        settings: BacklogSettings,
        journal: Arc<dyn Journal>,
        publisher: Arc<dyn MessagePublisher>,
        ledger: Arc<Ledger>,
        clock: Arc<dyn Clock>,
    ) -> (Arc<Self>, BacklogWork) {
        let keys = Arc::clone(&publisher);
        let key_of: KeyOf = Arc::new(move |told| keys.summary_key(told));
        let backlog = Arc::new(Self {
            journal,
            publisher,
            ledger,
            condition: Condition::new(
                "backlog",
                HealthStatus::Healthy,
                "the journal of earlier runs is being looked through",
                Arc::clone(&clock),
            ),
            clock,
            state: Mutex::new(State::new(&settings, key_of, Instant::now())),
            role: watch::Sender::new(if settings.may_stand_by {
                Role::Standby
            } else {
                Role::Active
            }),
            settings,
            sendable: Notify::new(),
            writable: Notify::new(),
            room: Notify::new(),
        });
        let work = BacklogWork::new(Arc::clone(&backlog));
        (backlog, work)
    }

    /// Whether more may be received.
    pub(crate) fn has_room(&self) -> bool {
        self.lock().has_room()
    }

    /// Waits until more may be received.
    pub async fn room(&self) {
        loop {
            let changed = self.room.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.has_room() {
                return;
            }
            changed.await;
        }
    }

    /// Takes in what `source` has handed over, and books it: deduplicated,
    /// unless it has to be done later, before it is sent.
    ///
    /// Never waits. Callers ask for [`room`](Self::room) first; what has been
    /// read already is taken in all the same.
    pub fn receive(&self, source: SourceName, batch: ReceivedBatch) {
        let now = Instant::now();
        let is_long = {
            let mut state = self.lock();
            state.receive(source, batch, now, &self.ledger);
            !state.has_room()
        };
        self.notify_of_new(is_long);
    }

    /// Waits for room and takes in what `source` hands over on request; how
    /// many of its frames are invalid.
    ///
    /// The batch is made when there is room. Dropping the future takes nothing.
    ///
    /// # Errors
    /// [`NotAccepted`] when it makes no sense to wait; nothing is taken then.
    pub async fn accept(
        &self,
        source: SourceName,
        batch: impl FnOnce() -> ReceivedBatch,
    ) -> Result<usize, NotAccepted> {
        loop {
            let changed = self.room.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let is_taken = self.lock().may_accept()?;
            if is_taken {
                break;
            }
            changed.await;
        }
        let batch = batch();
        let invalid = batch.frames.iter().filter(|frame| frame.is_err()).count();
        // Asked again, together with what it allows: nothing is taken in that
        // the end of the process would not wait for.
        let is_long = {
            let mut state = self.lock();
            state.may_accept()?;
            state.receive(source, batch, Instant::now(), &self.ledger);
            !state.has_room()
        };
        self.notify_of_new(is_long);
        Ok(invalid)
    }

    /// Waits until nothing is pending, or until the rest is on disk and Kafka
    /// acknowledges nothing any more; takes nothing in on request from here on.
    pub async fn drained(&self) {
        self.accept_no_more();
        let asked_at = Instant::now();
        let mut interval = interval(WATCH_INTERVAL);
        loop {
            interval.tick().await;
            let state = self.lock();
            let since = state.last_settled().max(asked_at);
            // Standing by there is no progress of this instance to wait for.
            let is_stuck = state.is_standing_by() || since.elapsed() >= PROGRESS_WITHIN;
            let is_done = state.population() == 0 && state.checkpoints.is_empty();
            if is_done || is_stuck && state.unwritten_count() == 0 {
                return;
            }
        }
    }

    /// Writes everything that is pending to the journal, for at most
    /// `deadline`; how many messages are in memory only after that.
    ///
    /// To be called when [`BacklogWork::run`] has ended.
    pub async fn close(&self, deadline: Duration) -> u64 {
        self.accept_no_more();
        let write_all = async {
            while let Err(error) = self.write(u64::MAX).await {
                tracing::error!("pending matches cannot be written to the journal: {error}");
                sleep(RETRY_PAUSE).await;
            }
            self.acknowledge().await;
        };
        // What was not done in time is counted.
        let _ = timeout(deadline, write_all).await;
        let state = self.lock();
        if state.is_recovered() {
            self.ledger.recount(state.population());
        }
        state.unwritten_count()
    }

    fn notify_of_new(&self, is_long: bool) {
        self.sendable.notify_one();
        if is_long {
            self.writable.notify_one();
        }
    }

    fn accept_no_more(&self) {
        self.lock().accept_no_more();
        // Whoever waits for room waits in vain.
        self.room.notify_waiters();
    }

    async fn recover(&self) {
        let recovered = loop {
            match self.journal.recover().await {
                Ok(recovered) => break recovered,
                Err(error) => {
                    self.condition
                        .set(HealthStatus::Unhealthy, error.to_string());
                    tracing::error!("what earlier runs have left cannot be read: {error}");
                    sleep(RETRY_PAUSE).await;
                }
            }
        };
        if recovered.total() > 0 {
            tracing::info!(
                journal.pending = recovered.total(),
                "matches that earlier runs could not deliver are taken over"
            );
        }
        let room = self.journal.figures().room;
        {
            let mut state = self.lock();
            state.recover(&recovered, &self.ledger);
            state.measure(room);
        }
        self.room.notify_waiters();
    }

    async fn send_for_ever(self: &Arc<Self>) -> Result<(), BacklogError> {
        if self.settings.may_stand_by {
            self.stand_by().await?;
        }
        let window_size = self.settings.dedup_window_size;
        let published = self.publisher.published(window_size).await?;
        let summaries = if self.settings.has_summaries {
            let count = window_size.min(SUMMARIES_RESTORED);
            self.publisher.published_summaries(count).await?
        } else {
            Vec::new()
        };
        self.lock().restore(&published, &summaries);
        tracing::debug!(
            ids = published.len(),
            summaries = summaries.len(),
            "the dedup window is restored"
        );
        drop((published, summaries));
        loop {
            let step = self.lock().next_step(&self.ledger);
            match step {
                Step::Send(outgoing) => {
                    // Some room has appeared where these were.
                    self.room.notify_waiters();
                    let sequences: Vec<_> = outgoing.iter().map(|one| one.sequence).collect();
                    let reached = self.lock().checkpoints.reached_with(&sequences);
                    for (source, checkpoint, after) in reached {
                        self.publisher
                            .announce_checkpoint(source, &checkpoint, after);
                    }
                    for message in outgoing {
                        let owner: Arc<dyn ReceiptOwner> = Arc::<Self>::clone(self);
                        let receipt = Receipt::new(owner, message.key, message.sequence);
                        self.publisher.publish(message.message, receipt).await?;
                    }
                }
                Step::Read { from } => self.read(from).await,
                Step::Wait => self.sendable.notified().await,
            }
        }
    }

    async fn read(&self, from: u64) {
        match self.journal.read(from, READ_BATCH).await {
            Ok(entries) => {
                let (wall_now, now) = (self.clock.now(), Instant::now());
                let lost = self.lock().refill(entries, wall_now, now);
                if lost > 0 {
                    tracing::error!(
                        journal.lost = lost,
                        "matches written to the journal could not be read back: they are lost"
                    );
                }
                self.room.notify_waiters();
            }
            Err(error) => {
                tracing::error!("pending matches cannot be read from the journal: {error}");
                sleep(RETRY_PAUSE).await;
            }
        }
    }

    async fn write_for_ever(&self) {
        let mut has_failed = false;
        loop {
            // A deadline of its own: notifications must not put it off.
            let _ = timeout(WRITE_INTERVAL, self.writable.notified()).await;
            // A journal that has failed is tried with whatever there is: how
            // else could it be known to work again?
            let waited = if has_failed {
                Duration::ZERO
            } else {
                WRITTEN_AFTER
            };
            let due = self.lock().due(waited, Instant::now());
            if let Some(up_to) = due {
                let written = self.write(up_to).await;
                has_failed = written.is_err();
                if let Err(error) = written {
                    tracing::debug!("pending matches are in memory only: {error}");
                    sleep(RETRY_PAUSE).await;
                }
            }
            self.acknowledge().await;
        }
    }

    /// Writes everything up to a sequence that is not in the journal yet.
    async fn write(&self, up_to: u64) -> Result<(), JournalError> {
        loop {
            let entries = self.lock().unwritten(up_to);
            let Some(last) = entries.last() else {
                return Ok(());
            };
            self.journal.append(&entries).await?;
            self.lock().written(last.sequence);
            self.room.notify_waiters();
            // What has been spilled may be next in turn.
            self.sendable.notify_one();
        }
    }

    async fn acknowledge(&self) {
        let sequences = self.lock().take_acknowledged();
        if sequences.is_empty() {
            return;
        }
        let mut unacknowledged = Unacknowledged {
            backlog: self,
            sequences,
        };
        match self.journal.acknowledge(&unacknowledged.sequences).await {
            Ok(()) => {
                self.lock().acknowledged(&unacknowledged.sequences);
                unacknowledged.sequences.clear();
            }
            Err(error) => tracing::debug!("the journal keeps what is settled: {error}"),
        }
    }

    /// The place where `source` goes on; none also when the publisher has
    /// stopped for good, of which the work tells.
    pub(crate) async fn last_checkpoint(&self, source: SourceName) -> Option<Checkpoint> {
        match self.publisher.last_checkpoint(source).await {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                tracing::debug!(%source, "nobody knows where to go on: {error}");
                // To begin anywhere else would be wrong.
                std::future::pending().await
            }
        }
    }

    /// Has `checkpoint` kept as the place of `source` when everything that was
    /// received so far has its outcome.
    pub(crate) fn note_checkpoint(&self, source: SourceName, checkpoint: Checkpoint) {
        self.lock().note_checkpoint(source, checkpoint);
    }

    async fn keep_checkpoints_for_ever(&self) -> Result<(), BacklogError> {
        let mut interval = interval(WATCH_INTERVAL);
        loop {
            interval.tick().await;
            let reached = self.lock().reached_checkpoints();
            for (source, checkpoint) in reached {
                self.publisher.keep_checkpoint(source, &checkpoint).await?;
                self.lock().checkpoints.kept(source, &checkpoint);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is whole before it can panic, or shows as an imbalance.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReceiptOwner for Backlog {
    fn settle(&self, key: usize, outcome: Outcome) {
        self.lock()
            .settle(key, outcome, &self.ledger, Instant::now());
    }

    fn all_published(&self, keys: &[usize]) {
        let (mut state, now) = (self.lock(), Instant::now());
        for key in keys {
            state.settle(*key, Outcome::Published, &self.ledger, now);
        }
    }

    /// It is sent again.
    fn take_back(&self, key: usize) {
        self.lock().take_back(key);
        self.sendable.notify_one();
    }
}

/// Settled entries that the journal may not know of yet. Those that are left
/// when this is dropped are told again, also when it is because the work ends:
/// otherwise the next start would take them for pending.
struct Unacknowledged<'a> {
    backlog: &'a Backlog,
    sequences: Vec<u64>,
}

impl Drop for Unacknowledged<'_> {
    fn drop(&mut self) {
        if !self.sequences.is_empty() {
            let sequences = std::mem::take(&mut self.sequences);
            self.backlog.lock().keep_acknowledged(sequences);
        }
    }
}

impl HealthReporter for Backlog {
    fn checks(&self) -> Vec<HealthCheck> {
        vec![self.condition.check()]
    }
}
