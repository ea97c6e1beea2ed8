//! What a process sees of the brokers: its ports, which end with it.

use std::future::{Future, pending};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use etl_application::ports::{
    CommitFailed, ConsumerEvent, DeadLetterSink, Positions, RecordConsumer,
};
use etl_application::{DeadLetterReason, Record};
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::broker::{Brokers, CommitOutcome, MemberId};
use crate::evidence::Evidence;
use crate::schedule::Point;

/// How long an answer of the brokers takes, each way.
const WAY: Duration = Duration::from_millis(3);
/// Between two attempts to set something aside.
const SET_ASIDE_PAUSE: Duration = Duration::from_millis(250);

/// Whether a process still lives. What it waits for when it dies never returns.
#[derive(Default)]
pub(crate) struct Life {
    dead: CancellationToken,
    dies_at: Mutex<Option<Point>>,
}

impl Life {
    /// Waits for something, and for ever once the process is dead.
    pub(crate) async fn alive<T>(&self, wait: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            () = self.dead.cancelled() => pending().await,
            done = wait => done,
        }
    }

    pub(crate) fn end(&self) {
        self.dead.cancel();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.dead.is_cancelled()
    }

    pub(crate) fn dies_at(&self, point: Point) {
        *self.dies_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(point);
    }

    /// This has just been done; whoever waits for it may never know.
    pub(crate) fn reached(&self, point: Point) {
        let dies_at = *self.dies_at.lock().unwrap_or_else(PoisonError::into_inner);
        if dies_at == Some(point) {
            self.end();
        }
    }
}

/// A member of the group.
pub(crate) struct ModelConsumer {
    pub(crate) brokers: Arc<Brokers>,
    pub(crate) member: MemberId,
    pub(crate) came: Arc<Notify>,
    pub(crate) life: Arc<Life>,
    /// How many records it has handed over.
    pub(crate) handed_over: Arc<AtomicU64>,
}

#[async_trait]
impl RecordConsumer for ModelConsumer {
    async fn next(&self) -> Option<ConsumerEvent> {
        self.life
            .alive(async {
                loop {
                    if let Ok(event) = self.brokers.poll(self.member) {
                        if let Some(ConsumerEvent::Records(records)) = &event {
                            let count = records.len() as u64;
                            self.handed_over.fetch_add(count, Ordering::Relaxed);
                        }
                        return event;
                    }
                    self.came.notified().await;
                }
            })
            .await
    }

    async fn commit(&self, positions: &Positions) -> Result<(), CommitFailed> {
        self.life
            .alive(async {
                sleep(WAY).await;
                let outcome = self.brokers.commit_outcome();
                if !matches!(outcome, CommitOutcome::Fails) {
                    self.brokers.commit(Some(self.member), positions);
                    self.life.reached(Point::Committed);
                }
                sleep(WAY).await;
                match outcome {
                    CommitOutcome::Done => Ok(()),
                    CommitOutcome::Fails | CommitOutcome::Lost => Err(CommitFailed {
                        detail: "no broker answers".to_owned(),
                    }),
                }
            })
            .await
    }

    async fn close(&self) {
        self.life
            .alive(async {
                self.brokers.close(self.member);
                sleep(WAY).await;
                self.brokers.leave(self.member);
            })
            .await;
    }
}

/// The topic of dead letters.
pub(crate) struct ModelDeadLetters {
    pub(crate) brokers: Arc<Brokers>,
    pub(crate) evidence: Arc<Evidence>,
    pub(crate) life: Arc<Life>,
    /// Whether nothing can be written now.
    pub(crate) are_away: Arc<std::sync::atomic::AtomicBool>,
}

#[async_trait]
impl DeadLetterSink for ModelDeadLetters {
    async fn set_aside(&self, record: &Record, reason: DeadLetterReason, _detail: &str) {
        self.life
            .alive(async {
                sleep(WAY).await;
                while self.are_away.load(Ordering::Relaxed) || self.brokers.are_away() {
                    sleep(SET_ASIDE_PAUSE).await;
                }
                let topics = self.brokers.topics();
                let original = topics.record(&record.from, record.offset);
                let original = original.expect("it was handed over");
                self.evidence.set_aside(record, reason, original);
                self.life.reached(Point::SetAside);
                sleep(WAY).await;
            })
            .await;
    }
}

#[cfg(test)]
mod tests {
    use etl_test_support::consumer_contract::{self, Group};

    use super::*;
    use crate::topics::Topics;

    /// The model, as the suite of all members sees it.
    struct ModelGroup(Arc<Brokers>);

    impl ModelGroup {
        fn new() -> Self {
            let topics = Arc::new(Topics::new(0));
            Self(Brokers::new(0, topics, Arc::default()))
        }
    }

    #[async_trait]
    impl Group for ModelGroup {
        async fn arrive(&self, count: usize) {
            for _ in 0..count {
                assert!(self.0.arrive(), "the seed has fewer records");
            }
        }

        async fn join(&self) -> Arc<dyn RecordConsumer> {
            let (member, came) = self.0.join();
            Arc::new(ModelConsumer {
                brokers: Arc::clone(&self.0),
                member,
                came,
                life: Arc::default(),
                handed_over: Arc::default(),
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_model_is_a_member_like_others() {
        consumer_contract::each_record_comes_once_and_in_order(&ModelGroup::new()).await;
        consumer_contract::the_next_member_goes_on_where_it_was_committed(&ModelGroup::new()).await;
        consumer_contract::a_partition_is_let_go_before_it_is_read_on(&ModelGroup::new()).await;
    }
}
