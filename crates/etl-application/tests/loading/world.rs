//! A consumer and a warehouse that do as they are told, and note what happens.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use domain::{Day, MatchId, MatchSummary, Timestamp};
use etl_application::ports::{
    CommitFailed, ConsumerEvent, DeadLetterSink, FactStore, NewWish, Positions, RecordConsumer,
    StoreError, TopicPartition, WishStore,
};
use etl_application::{
    Answer, BatchLimits, Content, DeadLetterReason, DetailsFor, Invalid, Ledger, LoadStatus,
    Loader, LoaderParts, LoaderSettings, RawRecord, Record, WishRules,
};
use health_kit::{Clock, SystemClock};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What the loader did to the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Stored(Vec<i64>),
    Marked,
    Wished(Vec<i64>),
    SetAside(i64, DeadLetterReason),
    /// Partition and position of the first topic.
    Committed(Vec<(i32, i64)>),
}

/// Everything around the loader.
pub(crate) struct World {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) status: Arc<LoadStatus>,
    pub(crate) drain: CancellationToken,
    pub(crate) abort: CancellationToken,
    inside: Arc<Inside>,
}

pub(crate) struct Inside {
    events: Mutex<VecDeque<ConsumerEvent>>,
    came: Notify,
    steps: Mutex<Vec<Step>>,
    stepped: Notify,
    /// Each insert takes one; a test that holds inserts back takes them away.
    pub(crate) inserts: Semaphore,
    /// Matches that the warehouse refuses.
    pub(crate) refused: Mutex<HashSet<i64>>,
    /// What the next calls of the warehouse answer.
    pub(crate) errors: Mutex<VecDeque<StoreError>>,
    /// How many of the next commits fail.
    pub(crate) failing_commits: Mutex<usize>,
    /// How often the loader asked for records.
    pub(crate) asked: Mutex<usize>,
}

pub(crate) const SETTINGS: LoaderSettings = LoaderSettings {
    batch: BatchLimits {
        rows_max: 4,
        bytes_max: 1 << 20,
    },
    batch_wait: Duration::from_secs(2),
    inserts_parallel: 2,
    wishes: WishRules {
        wanted: DetailsFor {
            missing: true,
            pro: false,
            rank_min: None,
            sample_in_million: 0,
        },
        grace: Duration::from_mins(10),
    },
};

impl World {
    pub(crate) fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Self {
            ledger: Arc::default(),
            status: Arc::new(LoadStatus::new(&clock)),
            drain: CancellationToken::new(),
            abort: CancellationToken::new(),
            inside: Arc::new(Inside {
                events: Mutex::default(),
                came: Notify::new(),
                steps: Mutex::default(),
                stepped: Notify::new(),
                inserts: Semaphore::new(1000),
                refused: Mutex::default(),
                errors: Mutex::default(),
                failing_commits: Mutex::default(),
                asked: Mutex::default(),
            }),
        }
    }

    pub(crate) fn start(&self, settings: LoaderSettings) -> JoinHandle<()> {
        let parts = LoaderParts {
            consumer: self.inside.clone(),
            facts: self.inside.clone(),
            wishes: self.inside.clone(),
            dead_letters: self.inside.clone(),
            ledger: Arc::clone(&self.ledger),
            status: Arc::clone(&self.status),
        };
        let loader = Loader::new(parts, settings);
        tokio::spawn(loader.run(self.drain.clone(), self.abort.clone()))
    }

    pub(crate) fn inside(&self) -> &Inside {
        &self.inside
    }

    pub(crate) fn send(&self, event: ConsumerEvent) {
        lock(&self.inside.events).push_back(event);
        self.inside.came.notify_one();
    }

    /// Summaries of these matches arrive in partition 0, at offsets like their ids.
    pub(crate) fn send_matches(&self, ids: impl IntoIterator<Item = i64>) {
        let records = ids.into_iter().map(|id| summary(0, id)).collect();
        self.send(ConsumerEvent::Records(records));
    }

    pub(crate) fn steps(&self) -> Vec<Step> {
        lock(&self.inside.steps).clone()
    }

    /// Waits until the loader has done that, which it does within an hour.
    pub(crate) async fn until(&self, step: &Step) {
        let stepped = tokio::time::timeout(Duration::from_hours(1), async {
            loop {
                let stepped = self.inside.stepped.notified();
                if self.steps().contains(step) {
                    return;
                }
                stepped.await;
            }
        });
        assert!(stepped.await.is_ok(), "no {step:?} in {:?}", self.steps());
    }

    /// Ends the loader in an orderly way, and checks the ledger.
    pub(crate) async fn end(&self, running: JoinHandle<()>) -> Vec<Step> {
        self.drain.cancel();
        running.await.expect("the loader does not panic");
        assert!(self.ledger.figures().total().is_balanced());
        self.steps()
    }
}

impl Inside {
    fn step(&self, step: Step) {
        lock(&self.steps).push(step);
        self.stepped.notify_waiters();
    }

    fn error(&self) -> Result<(), StoreError> {
        lock(&self.errors).pop_front().map_or(Ok(()), Err)
    }
}

pub(crate) fn partition(number: i32) -> TopicPartition {
    TopicPartition {
        topic: "match_summaries".into(),
        partition: number,
    }
}

fn id(raw: i64) -> MatchId {
    MatchId::try_new(raw).expect("tests use valid ids")
}

fn record(number: i32, offset: i64, content: Result<Content, Invalid>) -> Record {
    Record {
        from: partition(number),
        offset,
        content,
        raw: RawRecord {
            value: Some(offset.to_string().into()),
            ..RawRecord::default()
        },
    }
}

/// A summary that says when the match began, and nothing else.
pub(crate) fn summary(number: i32, raw: i64) -> Record {
    let start_time = Timestamp::from_unix_seconds(1_742_744_300);
    let answer = Answer {
        summary: MatchSummary::new(id(raw), start_time),
        source: "opendota_pages".into(),
        version: 1,
    };
    record(number, raw, Ok(Content::Summary(Box::new(answer))))
}

pub(crate) fn bare_id(raw: i64) -> Record {
    record(0, raw, Ok(Content::Id(id(raw))))
}

pub(crate) fn invalid(raw: i64) -> Record {
    let invalid = Invalid {
        reason: DeadLetterReason::NotJson,
        detail: "expected value at line 1".to_owned(),
    };
    record(0, raw, Err(invalid))
}

pub(crate) fn unavailable() -> StoreError {
    StoreError::Unavailable {
        detail: "connection refused".to_owned(),
        cause: "network",
    }
}

#[async_trait]
impl RecordConsumer for Inside {
    async fn next(&self) -> Option<ConsumerEvent> {
        *lock(&self.asked) += 1;
        loop {
            let came = self.came.notified();
            if let Some(event) = lock(&self.events).pop_front() {
                return Some(event);
            }
            came.await;
        }
    }

    async fn commit(&self, positions: &Positions) -> Result<(), CommitFailed> {
        let failing = std::mem::take(&mut *lock(&self.failing_commits));
        if failing > 0 {
            *lock(&self.failing_commits) = failing - 1;
            return Err(CommitFailed {
                detail: "no broker answers".to_owned(),
            });
        }
        let positions = positions.iter();
        let committed = positions.map(|(from, position)| (from.partition, *position));
        self.step(Step::Committed(committed.collect()));
        Ok(())
    }

    async fn close(&self) {}
}

#[async_trait]
impl FactStore for Inside {
    async fn store(&self, answers: &[Answer]) -> Result<BTreeSet<Day>, StoreError> {
        self.error()?;
        let ids: Vec<_> = answers
            .iter()
            .map(|one| one.summary.match_id.get())
            .collect();
        if ids.iter().any(|id| lock(&self.refused).contains(id)) {
            return Err(StoreError::Refused {
                detail: "no such hero".to_owned(),
            });
        }
        let permit = self.inserts.acquire().await;
        permit.expect("it stays open").forget();
        self.step(Step::Stored(ids));
        let days = answers.iter().map(|one| Day::of(one.summary.start_time));
        Ok(days.collect())
    }

    async fn mark_dirty(&self, _: &BTreeSet<Day>) -> Result<(), StoreError> {
        self.error()?;
        self.step(Step::Marked);
        Ok(())
    }
}

#[async_trait]
impl WishStore for Inside {
    async fn wish(&self, wishes: &[NewWish]) -> Result<(), StoreError> {
        let ids = wishes.iter().map(|wish| wish.match_id.get());
        self.step(Step::Wished(ids.collect()));
        Ok(())
    }
}

#[async_trait]
impl DeadLetterSink for Inside {
    async fn set_aside(&self, record: &Record, reason: DeadLetterReason, _: &str) {
        self.step(Step::SetAside(record.offset, reason));
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("a panic elsewhere has failed the test")
}
