//! Bugs to be planted between the real parts: would they be found?

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::Day;
use etl_application::ports::{
    CommitFailed, ConsumerEvent, DeadLetterSink, FactStore, NewWish, Positions, RecordConsumer,
    StoreError, TopicPartition, WishStore,
};
use etl_application::{Answer, Content, DeadLetterReason, Record};
use health_kit::Clock;
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::broker::Brokers;
use crate::member::Life;
use crate::warehouse::WarehouseAccess;

/// A mistake that somebody could make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Positions are committed when records are handed over.
    CommittedBeforeStored,
    /// Days are marked a while after the loader was told that they are.
    CommittedBeforeMarked,
    /// Days are not marked.
    MarksLost,
    /// Days are marked before the rows are stored, and not after.
    MarkedBeforeStored,
    /// Only the days that the answers name are marked, not those that they leave.
    OnlyOwnDaysMarked,
    /// The time of loading becomes the version.
    VersionFromLoading,
    /// What comes later replaces, whatever its version.
    LowerVersionReplaces,
    /// One counter table of a day is swapped in, the other is not.
    DaySwappedInHalf,
    /// A build writes the mark that there is when it swaps in.
    BuildWritesTheLatestMark,
    /// A batch is committed though one before it is not stored.
    LaterBatchCommitsPastAnEarlierOne,
    /// What the warehouse refuses is set aside nowhere.
    RefusedIsDropped,
    /// What cannot be read is set aside nowhere.
    InvalidIsDropped,
    /// Partitions are committed after they were let go.
    CommittedAfterRelease,
    /// Matches of which only the id is known are not wished for.
    IdsWithoutWish,
    /// A part of a batch that was stored when the answer was lost counts as all of it.
    UnansweredCountsAsStored,
    /// A process that starts takes all calls of the day for unused.
    BudgetForgotten,
    /// What became of a wish is written before what was told is stored.
    WishSettledBeforeItsAnswer,
    /// What becomes of a wish is written whatever has become of it meanwhile.
    EndedWishReopened,
}

impl Bug {
    /// Every one of them.
    pub const ALL: [Self; 18] = [
        Self::CommittedBeforeStored,
        Self::CommittedBeforeMarked,
        Self::MarksLost,
        Self::MarkedBeforeStored,
        Self::OnlyOwnDaysMarked,
        Self::VersionFromLoading,
        Self::LowerVersionReplaces,
        Self::DaySwappedInHalf,
        Self::BuildWritesTheLatestMark,
        Self::LaterBatchCommitsPastAnEarlierOne,
        Self::RefusedIsDropped,
        Self::InvalidIsDropped,
        Self::CommittedAfterRelease,
        Self::IdsWithoutWish,
        Self::UnansweredCountsAsStored,
        Self::BudgetForgotten,
        Self::WishSettledBeforeItsAnswer,
        Self::EndedWishReopened,
    ];
}

/// All ports of the loader, with a bug in one of them.
pub(crate) struct Planted<P> {
    pub(crate) port: P,
    pub(crate) bug: Option<Bug>,
    pub(crate) brokers: Arc<Brokers>,
    pub(crate) life: Arc<Life>,
    pub(crate) clock: Arc<dyn Clock>,
    /// What has been handed over, and not been committed by a bug.
    pub(crate) handed_over: Arc<Mutex<Positions>>,
    /// Stored by a bug's account, not marked yet: day, answer.
    pub(crate) unmarked: Mutex<Vec<Answer>>,
}

/// How late a late bug is.
const LATE: Duration = Duration::from_millis(300);

impl<P> Planted<P> {
    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn hand_over(&self, records: &[Record]) {
        let mut handed_over = lock(&self.handed_over);
        for record in records {
            handed_over.insert(record.from.clone(), record.offset + 1);
        }
        if self.has(Bug::CommittedBeforeStored) {
            self.brokers.commit(None, &handed_over);
        }
    }

    /// Stands between the loader's release and the group, to commit later.
    fn outlive(
        &self,
        partitions: &[TopicPartition],
        release: oneshot::Sender<()>,
    ) -> oneshot::Sender<()> {
        let handed_over = lock(&self.handed_over);
        let positions = handed_over.iter();
        let positions = positions.filter(|(one, _)| partitions.contains(one));
        let positions: Positions = positions.map(|(one, at)| (one.clone(), *at)).collect();
        let (own, released) = oneshot::channel();
        let (brokers, life) = (Arc::clone(&self.brokers), Arc::clone(&self.life));
        tokio::spawn(async move {
            let _ = released.await;
            drop(release);
            sleep(LATE).await;
            if !life.is_over() {
                brokers.commit(None, &positions);
            }
        });
        own
    }

    /// Commits the records of these answers, and so whatever is before them.
    fn commit_past(&self, days: &BTreeSet<Day>) {
        let mut unmarked = lock(&self.unmarked);
        let (marked, rest): (Vec<_>, Vec<_>) = unmarked
            .drain(..)
            .partition(|answer| days.contains(&Day::of(answer.summary.start_time)));
        *unmarked = rest;
        drop(unmarked);
        let handed_over = lock(&self.handed_over).clone();
        for record in self.brokers.topics().records() {
            let is_handed_over = handed_over.get(&record.from) > Some(&record.offset);
            if let Ok(Content::Summary(answer)) = &record.content
                && is_handed_over
                && marked.contains(answer)
            {
                let position = (record.from.clone(), record.offset + 1);
                self.brokers.commit(None, &Positions::from([position]));
            }
        }
    }
}

#[async_trait]
impl<P: RecordConsumer> RecordConsumer for Planted<P> {
    async fn next(&self) -> Option<ConsumerEvent> {
        match self.port.next().await? {
            ConsumerEvent::Records(records) => {
                self.hand_over(&records);
                Some(ConsumerEvent::Records(records))
            }
            ConsumerEvent::Revoked {
                partitions,
                release,
            } if self.has(Bug::CommittedAfterRelease) => {
                let release = self.outlive(&partitions, release);
                Some(ConsumerEvent::Revoked {
                    partitions,
                    release,
                })
            }
            other => Some(other),
        }
    }

    async fn commit(&self, positions: &Positions) -> Result<(), CommitFailed> {
        self.port.commit(positions).await
    }

    async fn close(&self) {
        self.port.close().await;
    }
}

#[async_trait]
impl<P: DeadLetterSink> DeadLetterSink for Planted<P> {
    async fn set_aside(&self, record: &Record, reason: DeadLetterReason, detail: &str) {
        let is_refused = reason == DeadLetterReason::RefusedByWarehouse;
        let is_dropped = match self.bug {
            Some(Bug::RefusedIsDropped) => is_refused,
            Some(Bug::InvalidIsDropped) => !is_refused,
            _ => false,
        };
        if !is_dropped {
            self.port.set_aside(record, reason, detail).await;
        }
    }
}

#[async_trait]
impl<P: FactStore + Clone + 'static> FactStore for Planted<P> {
    async fn store(&self, answers: &[Answer]) -> Result<BTreeSet<Day>, StoreError> {
        let own = || answers.iter().map(|one| Day::of(one.summary.start_time));
        match self.bug {
            Some(Bug::MarkedBeforeStored) => {
                self.port.mark_dirty(&own().collect()).await?;
                self.port.store(answers).await
            }
            Some(Bug::OnlyOwnDaysMarked) => {
                self.port.store(answers).await?;
                Ok(own().collect())
            }
            Some(Bug::VersionFromLoading) => {
                let now_ms = self.clock.now().as_unix_ms();
                let now_ms = u64::try_from(now_ms).expect("it is after 1970");
                let mut answers = answers.to_vec();
                for answer in &mut answers {
                    answer.version = now_ms << 16;
                }
                self.port.store(&answers).await
            }
            Some(Bug::LaterBatchCommitsPastAnEarlierOne) => {
                let days = self.port.store(answers).await?;
                lock(&self.unmarked).extend_from_slice(answers);
                Ok(days)
            }
            Some(Bug::UnansweredCountsAsStored) => match self.port.store(answers).await {
                Err(StoreError::Unavailable { .. }) => Ok(own().collect()),
                other => other,
            },
            _ => self.port.store(answers).await,
        }
    }

    async fn mark_dirty(&self, days: &BTreeSet<Day>) -> Result<(), StoreError> {
        match self.bug {
            Some(Bug::MarksLost | Bug::MarkedBeforeStored) => Ok(()),
            Some(Bug::CommittedBeforeMarked) => {
                let (port, days) = (self.port.clone(), days.clone());
                tokio::spawn(async move {
                    sleep(LATE).await;
                    let _ = port.mark_dirty(&days).await;
                });
                Ok(())
            }
            Some(Bug::LaterBatchCommitsPastAnEarlierOne) => {
                self.port.mark_dirty(days).await?;
                self.commit_past(days);
                Ok(())
            }
            _ => self.port.mark_dirty(days).await,
        }
    }
}

#[async_trait]
impl<P: WishStore> WishStore for Planted<P> {
    async fn wish(&self, wishes: &[NewWish]) -> Result<(), StoreError> {
        if self.has(Bug::IdsWithoutWish) {
            return Ok(());
        }
        self.port.wish(wishes).await
    }
}

/// Facts as whoever asks for details stores them, with a bug or none.
pub(crate) struct LateFacts(pub(crate) WarehouseAccess);

#[async_trait]
impl FactStore for LateFacts {
    async fn store(&self, answers: &[Answer]) -> Result<BTreeSet<Day>, StoreError> {
        if self.0.bug != Some(Bug::WishSettledBeforeItsAnswer) {
            return self.0.store(answers).await;
        }
        let (access, late) = (self.0.clone(), answers.to_vec());
        tokio::spawn(async move {
            sleep(LATE).await;
            let _ = access.store(&late).await;
        });
        let days = answers.iter().map(|one| Day::of(one.summary.start_time));
        Ok(days.collect())
    }

    async fn mark_dirty(&self, days: &BTreeSet<Day>) -> Result<(), StoreError> {
        self.0.mark_dirty(days).await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic fails the whole run.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
