//! A pipeline at work, and what is seen of it.

use std::{sync::Arc, time::Duration};

use domain::Timestamp;
use ingestion_application::{
    Backlog, BacklogLimits, BacklogSettings, Feed, Gaps, IngestionSnapshot, IngestionStatus,
    Ledger, LedgerFigures, Pipeline, PipelineError, Role, SourceStatus,
    ports::{FeedEvent, Message, MessagePublisher},
};
use ingestion_test_support::{
    journal::FakeJournal,
    source::{FAKE_RECEIVED_AT, FakeSource, FakeSourceObserver},
};
use test_kit::clock::RunningClock;
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// Everything that has to happen does within this time.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
pub(crate) const ASK_AGAIN_AFTER: Duration = Duration::from_millis(5);

/// So little that a few matches fill it.
pub(crate) const LIMITS: BacklogLimits = BacklogLimits {
    head_weight_max: 2,
    spill_weight: 2,
    tail_weight_max: 4,
    ..BacklogLimits::DEFAULT
};

/// The pipeline at work.
pub(crate) struct Running {
    pub(crate) feeds: Vec<FakeSourceObserver>,
    pub(crate) statuses: Vec<Arc<SourceStatus>>,
    pub(crate) gaps: Arc<Gaps>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) ingestion: IngestionStatus,
    pub(crate) drain: CancellationToken,
    pub(crate) task: JoinHandle<Result<(), PipelineError>>,
}

impl Running {
    /// One feed with this script, and an empty journal.
    pub(crate) fn start(
        script: impl IntoIterator<Item = FeedEvent>,
        publisher: Arc<dyn MessagePublisher>,
    ) -> Self {
        let journal = Arc::new(FakeJournal::new());
        Self::start_feed(FakeSource::new(script), publisher, journal)
    }

    pub(crate) fn start_feed(
        feed: (FakeSource, FakeSourceObserver),
        publisher: Arc<dyn MessagePublisher>,
        journal: Arc<FakeJournal>,
    ) -> Self {
        Self::start_feeds([feed], publisher, journal)
    }

    /// These feeds, or none.
    pub(crate) fn start_feeds(
        feeds: impl IntoIterator<Item = (FakeSource, FakeSourceObserver)>,
        publisher: Arc<dyn MessagePublisher>,
        journal: Arc<FakeJournal>,
    ) -> Self {
        Self::start_as(Role::Active, feeds, publisher, journal)
    }

    /// The same, of an instance that stands by until its publisher says otherwise.
    pub(crate) fn start_as(
        role: Role,
        feeds: impl IntoIterator<Item = (FakeSource, FakeSourceObserver)>,
        publisher: Arc<dyn MessagePublisher>,
        journal: Arc<FakeJournal>,
    ) -> Self {
        // Everything in a script was received within the hour before.
        let now = FAKE_RECEIVED_AT.as_unix_ms() + 3_600_000;
        let clock = Arc::new(RunningClock::from(Timestamp::from_unix_ms(now)));
        let ledger = Arc::new(Ledger::new(clock.clone()));
        let settings = BacklogSettings {
            dedup_window_size: 1000,
            has_summaries: true,
            may_stand_by: role == Role::Standby,
            limits: LIMITS,
        };
        let (sources, observers): (Vec<_>, Vec<_>) = feeds.into_iter().unzip();
        let feeds: Vec<_> = sources
            .into_iter()
            .map(|source| Feed::new(Box::new(source), IDLE_TIMEOUT, clock.clone()))
            .collect();
        let statuses: Vec<_> = feeds.iter().map(Feed::status).collect();
        let known = feeds.iter().map(Feed::source).collect();
        let gaps = Arc::new(Gaps::new(&feeds, known, clock.clone()));
        let (backlog, work) = Backlog::new(
            settings,
            journal.clone(),
            publisher,
            Arc::clone(&ledger),
            clock.clone(),
        );
        let ingestion = IngestionStatus::new(
            Arc::clone(&ledger),
            statuses.clone(),
            journal,
            clock.clone(),
        )
        .with_gaps(Arc::clone(&gaps))
        .with_role_of(Arc::clone(&backlog));
        let (drain, abort) = (CancellationToken::new(), CancellationToken::new());
        let pipeline = Pipeline::new(work, feeds).with_gaps(Arc::clone(&gaps));
        let task = tokio::spawn(pipeline.run(drain.clone(), abort));
        Self {
            feeds: observers,
            statuses,
            gaps,
            backlog,
            ledger,
            ingestion,
            drain,
            task,
        }
    }

    /// Drains, and sees that every feed was told goodbye.
    pub(crate) async fn stop(self) {
        self.drain.cancel();
        let ended = self.task.await.expect("the pipeline does not panic");
        ended.expect("it ends as asked");
        assert!(self.feeds.iter().all(FakeSourceObserver::is_closed));
    }

    /// Waits until nothing is pending.
    pub(crate) async fn settled(&self) {
        self.figures(|figures| figures.pending == 0).await;
    }

    /// Waits until the figures are as `expected` says.
    pub(crate) async fn figures(&self, expected: impl Fn(LedgerFigures) -> bool) {
        let reached = async {
            while !expected(self.ledger.figures()) {
                sleep(ASK_AGAIN_AFTER).await;
            }
        };
        let reached = timeout(DEADLINE, reached).await;
        reached.unwrap_or_else(|_| panic!("{:?}", self.ledger.figures()));
    }

    pub(crate) fn snapshot(&self) -> IngestionSnapshot {
        self.ingestion.snapshot()
    }
}

pub(crate) fn match_ids(messages: &[Message]) -> Vec<i64> {
    let id = |message: &Message| match message {
        Message::Match(found) => found.id.get(),
        other => panic!("no bare match: {other:?}"),
    };
    messages.iter().map(id).collect()
}
