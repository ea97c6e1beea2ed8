//! Loading: from records to rows, and only then on.
//!
//! Records are gathered into batches, batches are stored beside each other, and
//! positions are committed in the order of the batches. So a position is never
//! committed while something before it is not in the warehouse; whatever is
//! read again is stored again, which changes nothing.

mod batch;
mod status;
mod store;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

pub use batch::BatchLimits;
pub use status::{Freshness, LoadFigures, LoadStatus};

use batch::{Batch, forget};
use store::BatchStoring;

use crate::ports::{
    ConsumerEvent, DeadLetterSink, FactStore, Positions, RELEASE_SECONDS_MAX, RecordConsumer,
    TopicPartition, WishStore,
};
use crate::storing::Storing;
use crate::{Ledger, WishRules};

/// What loading needs of the world.
pub struct LoaderParts {
    /// Where records come from.
    pub consumer: Arc<dyn RecordConsumer>,
    /// Where facts are kept.
    pub facts: Arc<dyn FactStore>,
    /// Where wishes are kept.
    pub wishes: Arc<dyn WishStore>,
    /// Where records go that cannot be loaded.
    pub dead_letters: Arc<dyn DeadLetterSink>,
    /// Who counts.
    pub ledger: Arc<Ledger>,
    /// Who tells.
    pub status: Arc<LoadStatus>,
}

/// How batches are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoaderSettings {
    /// When a batch is complete.
    pub batch: BatchLimits,
    /// How long a batch that is not complete waits for more.
    pub batch_wait: Duration,
    /// How many batches are stored at a time; one more is being filled.
    pub inserts_parallel: usize,
    /// Which records call for a wish.
    pub wishes: WishRules,
}

/// Moves records from the topics to the warehouse.
pub struct Loader {
    consumer: Arc<dyn RecordConsumer>,
    settings: LoaderSettings,
    batches: Arc<BatchStoring>,
    open: Batch,
    /// When the open batch is sent, complete or not.
    open_until: Option<Instant>,
    /// Batches being stored, the oldest first; committed in this order.
    under_way: VecDeque<UnderWay>,
    /// What is stored, and whose commit has failed.
    uncommitted: Positions,
    /// When that is committed again, unless a later batch does so before.
    commit_at: Option<Instant>,
}

/// Between a commit that failed and the next attempt.
const COMMIT_PAUSE: Duration = Duration::from_secs(1);

/// A batch that is being stored, and where its partitions go on afterwards.
struct UnderWay {
    positions: Positions,
    task: JoinHandle<()>,
    outcome: Option<Result<(), JoinError>>,
}

impl Loader {
    /// Puts it together; nothing happens before [`run`](Self::run).
    #[must_use]
    pub fn new(parts: LoaderParts, settings: LoaderSettings) -> Self {
        let LoaderParts {
            consumer,
            facts,
            wishes,
            dead_letters,
            ledger,
            status,
        } = parts;
        Self {
            consumer,
            settings,
            batches: Arc::new(BatchStoring {
                storing: Storing::new(facts, status),
                wishes,
                rules: settings.wishes,
                dead_letters,
                ledger,
            }),
            open: Batch::default(),
            open_until: None,
            under_way: VecDeque::new(),
            uncommitted: Positions::new(),
            commit_at: None,
        }
    }

    /// Loads until `drain` is cancelled; then stores and commits what it has,
    /// unless `abort` is cancelled before. What is not committed is read again
    /// by the next run.
    pub async fn run(mut self, drain: CancellationToken, abort: CancellationToken) {
        let aborted = abort.clone();
        tokio::select! {
            () = self.load(&drain) => {}
            () = aborted.cancelled() => {
                for batch in &self.under_way {
                    batch.task.abort();
                }
            }
        }
        self.consumer.close().await;
    }

    async fn load(&mut self, drain: &CancellationToken) {
        loop {
            self.send_if_complete();
            self.tell();
            let consumer = Arc::clone(&self.consumer);
            let may_read = !self.open.is_complete(self.settings.batch);
            tokio::select! {
                biased;
                () = drain.cancelled() => break,
                () = first_done(&mut self.under_way) => self.commit_done().await,
                event = consumer.next(), if may_read => match event {
                    Some(event) => self.take(event).await,
                    None => break,
                },
                () = wait(self.open_until), if self.has_free_insert() => self.send(),
                () = wait(self.commit_at) => self.commit().await,
            }
        }
        self.finish(None).await;
    }

    async fn take(&mut self, event: ConsumerEvent) {
        match event {
            ConsumerEvent::Records(records) => {
                self.batches.ledger.consume(&records);
                for record in records {
                    // Each batch has its own: these records may begin several.
                    if self.open_until.is_none() {
                        let wait = self
                            .batches
                            .storing
                            .widening
                            .widen(self.settings.batch_wait);
                        self.open_until = Some(Instant::now() + wait);
                    }
                    self.open.add(record);
                    self.send_if_complete();
                }
            }
            ConsumerEvent::Revoked {
                partitions,
                release,
            } => self.let_go(&partitions, release).await,
            ConsumerEvent::Lost(partitions) => self.forget(&partitions),
        }
    }

    /// Finishes what there is while the next owner waits, and lets go then, or
    /// after a time: it repeats what was not committed, which changes nothing.
    async fn let_go(&mut self, partitions: &[TopicPartition], release: oneshot::Sender<()>) {
        // A part of the time is left for the way back.
        let time_max = Duration::from_secs(RELEASE_SECONDS_MAX) * 4 / 5;
        self.finish(Some(Instant::now() + time_max)).await;
        self.forget(partitions);
        drop(release);
    }

    fn forget(&mut self, partitions: &[TopicPartition]) {
        // Its rows are stored all the same: that does no harm, and they are counted.
        forget(&mut self.uncommitted, partitions);
        forget(&mut self.open.positions, partitions);
        for batch in &mut self.under_way {
            forget(&mut batch.positions, partitions);
        }
    }

    /// Stores and commits everything there is, as far as it goes until `until`.
    async fn finish(&mut self, until: Option<Instant>) {
        self.send();
        self.commit().await;
        while !self.under_way.is_empty() {
            let done = first_done(&mut self.under_way);
            match until {
                None => done.await,
                Some(until) => {
                    if timeout_at(until, done).await.is_err() {
                        return;
                    }
                }
            }
            self.commit_done().await;
        }
    }

    fn has_free_insert(&self) -> bool {
        self.under_way.len() < self.settings.inserts_parallel
    }

    fn send_if_complete(&mut self) {
        if self.open.is_complete(self.settings.batch) && self.has_free_insert() {
            self.send();
        }
    }

    fn send(&mut self) {
        self.open_until = None;
        if self.open.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.open);
        let positions = batch.positions.clone();
        let batches = Arc::clone(&self.batches);
        let task = tokio::spawn(async move { batches.store(batch).await });
        self.under_way.push_back(UnderWay {
            positions,
            task,
            outcome: None,
        });
    }

    /// Commits the batches that are done, up to the first one that is not.
    async fn commit_done(&mut self) {
        while let Some(batch) = self.under_way.pop_front_if(|batch| batch.outcome.is_some()) {
            // A panic there is one here: its records are not stored, and nothing
            // behind them may be committed.
            if let Some(Err(error)) = batch.outcome
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
            self.uncommitted.extend(batch.positions);
        }
        self.commit().await;
    }

    /// Commits what is stored. What fails is tried again after a pause: in a
    /// partition where nothing more arrives no later position makes up for it.
    async fn commit(&mut self) {
        self.commit_at = None;
        if self.uncommitted.is_empty() {
            return;
        }
        match self.consumer.commit(&self.uncommitted).await {
            Ok(()) => self.uncommitted.clear(),
            Err(error) => {
                tracing::warn!(%error, "positions are committed again soon");
                self.commit_at = Some(Instant::now() + COMMIT_PAUSE);
            }
        }
    }

    fn tell(&self) {
        self.batches
            .storing
            .status
            .filling(self.open.record_count(), self.under_way.len());
    }
}

/// Waits until the oldest batch is stored; for ever when there is none.
async fn first_done(under_way: &mut VecDeque<UnderWay>) {
    match under_way.front_mut() {
        // A handle gives its outcome once.
        Some(batch) if batch.outcome.is_none() => batch.outcome = Some((&mut batch.task).await),
        Some(_) => {}
        None => std::future::pending().await,
    }
}

async fn wait(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}
