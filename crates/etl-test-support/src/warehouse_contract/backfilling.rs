//! Loading a past range, also by processes that die.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::{Day, MatchSummary, Timestamp};
use etl_application::backfill::{
    Backfill, BackfillEnd, BackfillId, BackfillOwner, BackfillRange, BackfillSettings,
    BackfillShare, BackfillState, BackfillStop, BackfillWatcher, Backfiller, BackfillerParts,
    Progress, Span,
};
use etl_application::ports::{BackfillStore, FactStore, Place, StoreError, WarehouseError};
use etl_application::{Answer, BatchLimits, DeadLetterReason, LoadStatus};
use health_kit::{Clock, SystemClock};
use std::collections::BTreeSet;
use tokio::sync::Notify;

use super::{Target, build_all, see};
use crate::ListedOrigin;
use crate::answers::{DAY, NOON, bare, match_id, said_by, whole, with_players};

const MATCHES: i64 = 7;

/// Two sources that know different things, a corrected result and a corrected start.
fn past() -> Vec<Answer> {
    let mut past = Vec::new();
    for id in 1..=MATCHES {
        let started = NOON + id % 2 * DAY;
        let rank = MatchSummary {
            avg_rank_tier: Some(75),
            ..bare(id, started)
        };
        past.push(said_by("a", 10, with_players(whole(id, started))));
        past.push(said_by("b", 11, rank));
    }
    let lost = MatchSummary {
        radiant_win: Some(false),
        ..whole(2, NOON)
    };
    past.push(said_by("a", 12, lost));
    past.push(said_by("a", 13, whole(3, NOON)));
    past
}

/// Any time: the records are those of the list.
fn range() -> BackfillRange {
    BackfillRange::Topic(Span {
        from: Timestamp::from_unix_seconds(NOON),
        to: Timestamp::from_unix_seconds(NOON + DAY),
    })
}

struct Nobody;

impl BackfillWatcher for Nobody {
    fn rejected(&self, place: Place, reason: DeadLetterReason, detail: &str) {
        panic!("{place} is good, and was rejected as {reason}: {detail}");
    }

    fn reached(&self, _: &Backfill, _: &Progress) {}

    fn waits(&self, _: &str) {}
}

fn backfiller(facts: Arc<dyn FactStore>, store: Arc<dyn BackfillStore>) -> Backfiller {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let settings = BackfillSettings {
        batch: BatchLimits {
            // A match has up to 18 rows.
            rows_max: 20,
            bytes_max: usize::MAX,
        },
        batch_wait: Duration::from_secs(2),
        share: BackfillShare::of_percent(100).expect("it is all of it"),
    };
    let parts = BackfillerParts {
        facts,
        store,
        status: Arc::new(LoadStatus::new(&clock)),
        clock,
    };
    Backfiller::new(parts, settings)
}

/// A warehouse as a process sees it that dies at one of its calls.
struct Dying {
    facts: Arc<dyn FactStore>,
    backfills: Arc<dyn BackfillStore>,
    calls_left: AtomicUsize,
    /// Whether the last call reaches the warehouse.
    dies_after: bool,
    died: Notify,
}

impl Dying {
    async fn alive<T>(&self, call: impl Future<Output = T>) -> T {
        if self.calls_left.fetch_sub(1, Ordering::Relaxed) > 1 {
            return call.await;
        }
        if self.dies_after {
            call.await;
        }
        self.died.notify_one();
        pending().await
    }
}

#[async_trait]
impl FactStore for Dying {
    async fn store(&self, answers: &[Answer]) -> Result<BTreeSet<Day>, StoreError> {
        self.alive(self.facts.store(answers)).await
    }

    async fn mark_dirty(&self, days: &BTreeSet<Day>) -> Result<(), StoreError> {
        self.alive(self.facts.mark_dirty(days)).await
    }
}

#[async_trait]
impl BackfillStore for Dying {
    async fn set_down(&self, backfill: &Backfill) -> Result<(), StoreError> {
        self.alive(self.backfills.set_down(backfill)).await
    }

    async fn backfill(&self, id: BackfillId) -> Result<Option<Backfill>, WarehouseError> {
        self.backfills.backfill(id).await
    }

    async fn backfills(&self, count_max: usize) -> Result<Vec<Backfill>, WarehouseError> {
        self.backfills.backfills(count_max).await
    }

    async fn running_backfills(&self, count_max: usize) -> Result<Vec<Backfill>, WarehouseError> {
        self.backfills.running_backfills(count_max).await
    }
}

/// Begins it or goes on with it, in a process that dies at the `nth` call; how
/// it ended, if it did not die before.
async fn live(target: &dyn Target, nth: usize, dies_after: bool) -> (BackfillId, bool) {
    let dying = Arc::new(Dying {
        facts: target.facts(),
        backfills: target.backfills(),
        calls_left: AtomicUsize::new(nth),
        dies_after,
        died: Notify::new(),
    });
    let begun = backfiller(target.facts(), target.backfills())
        .begin(&range(), BackfillOwner::Service)
        .await
        .expect("one runs, at most");
    let id = begun.id;
    let backfiller = backfiller(dying.clone(), dying.clone());
    let progress = etl_application::backfill::progress_of(&begun);
    let origin = ListedOrigin::new(past().into_iter().map(Ok), 1).at(&progress.at);
    let never = BackfillStop::default();
    let ended = tokio::select! {
        ended = backfiller.run(begun, Box::new(origin), &Nobody, &never) => Some(ended),
        () = dying.died.notified() => None,
    };
    assert!(
        matches!(ended, None | Some(BackfillEnd::Finished)),
        "{ended:?}"
    );
    (id, ended.is_some())
}

pub(super) async fn whoever_dies_when_the_facts_are_those_of_one_run<T: Target>(
    fresh: &impl AsyncFn() -> T,
) {
    /// More than all calls of a run.
    const CALLS: usize = 1000;
    const LIVES_MAX: usize = 100;
    let ids = || (1..=MATCHES).map(match_id);

    let target = fresh().await;
    let (_, is_finished) = live(&target, CALLS, false).await;
    assert!(is_finished);
    build_all(&target).await;
    let expected = see(&target, ids()).await;

    let target = fresh().await;
    let mut first = None;
    for life in 0..LIVES_MAX {
        let (id, _) = live(&target, life % 7 + 1, life % 2 == 0).await;
        assert_eq!(*first.get_or_insert(id), id, "it is taken up");
        let running = target.backfills().running_backfills(1).await;
        // A process may have died only after it had set down that it was finished.
        if running.expect("the warehouse answers").is_empty() {
            break;
        }
    }
    let id = first.expect("it has begun");
    let finished = target.backfills().backfill(id).await;
    let finished = finished
        .expect("the warehouse answers")
        .expect("it is there");
    assert_eq!(finished.state, BackfillState::Finished);
    assert_eq!(finished.records, past().len() as u64, "each counts once");
    build_all(&target).await;
    let found = see(&target, ids()).await;
    found.expect_same(&expected, "the processes died");

    // Once more, all of it: what is there stays as it is.
    let (again, _) = live(&target, CALLS, false).await;
    assert_ne!(again, id, "what has ended is not taken up");
    build_all(&target).await;
    let found = see(&target, ids()).await;
    found.expect_same(&expected, "it was loaded twice");
}
