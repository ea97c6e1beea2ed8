//! The service, put together as it ships, one process after the other.

use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use health_kit::Clock;
use ingestion_application::{
    Backlog, BacklogLimits, BacklogSettings, Gaps, GapsSnapshot, Ledger, Pipeline, SourceName,
};
use ingestion_journal_adapter::FileJournal;
use ingestion_test_support::simulated_disk::SimulatedDisk;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::week::{
    Plan,
    brokers::Brokers,
    diary::End,
    interface::Interface,
    publisher::SimulatedPublisher,
    truth::Truth,
    upstreams::{LogsUpstream, PagesUpstream, SteamUpstream, StreamUpstream},
    witness::Witness,
};

/// Ids that are remembered, as the default is.
pub(crate) const WINDOW: usize = 1_000_000;
const JOURNAL_SIZE_MAX: u64 = 1 << 30;
const SOURCES: [SourceName; 4] = [
    Interface::Stream.source(),
    Interface::Logs.source(),
    Interface::Pages.source(),
    Interface::Steam.source(),
];
/// A process that has ended is followed by another one after so long.
const STARTED_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// Where nothing comes for so long a process is killed all the same.
const PAGE_WITHIN: Duration = Duration::from_mins(1);
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);

/// Everything that outlives a process.
pub(crate) struct Machine {
    pub(crate) plan: Plan,
    pub(crate) truth: Arc<Truth>,
    pub(crate) brokers: Arc<Brokers>,
    pub(crate) upstreams: Upstreams,
    pub(crate) witness: Arc<Witness>,
    pub(crate) disk: SimulatedDisk,
    pub(crate) clock: Arc<dyn Clock>,
    /// Of the process that lives, or of the last one.
    pub(crate) gaps: Mutex<Option<Arc<Gaps>>>,
    /// From when to when each process that has ended has lived.
    pub(crate) lives: Mutex<Vec<Range<u32>>>,
}

/// Whom it asks and listens to.
pub(crate) struct Upstreams {
    pub(crate) stream: Arc<StreamUpstream>,
    pub(crate) logs: Arc<LogsUpstream>,
    pub(crate) pages: Arc<PagesUpstream>,
    pub(crate) steam: Arc<SteamUpstream>,
}

impl Machine {
    /// Process after process, as the diary has it, for ever.
    pub(crate) async fn run(&self) {
        for (nth, (at_ms, end)) in (1..).zip(self.truth.diary.ends().iter().copied()) {
            let at = self.truth.begun() + Duration::from_millis(at_ms.into());
            let from = self.truth.now_ms();
            self.live(nth, at, end).await;
            self.lived(from..self.truth.now_ms());
            sleep(STARTED_AGAIN_AFTER).await;
        }
        let never = Instant::now() + Duration::from_hours(100_000);
        self.live(0, never, End::Asked).await;
    }

    fn lived(&self, time: Range<u32>) {
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        lives.push(time);
    }

    /// Whether there was no process at this time.
    pub(crate) fn is_down(&self, at_ms: u32) -> bool {
        let lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        let last_end = lives.last().map_or(0, |life| life.end);
        at_ms < last_end && !lives.iter().any(|life| life.contains(&at_ms))
    }

    /// All gaps, as the service tells of them.
    pub(crate) fn gaps(&self) -> GapsSnapshot {
        let gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
        gaps.as_ref()
            .map(|gaps| gaps.snapshot())
            .unwrap_or_default()
    }

    /// One process, which ends then.
    async fn live(&self, nth: u64, at: Instant, end: End) {
        let publisher = SimulatedPublisher::new(Arc::clone(&self.brokers), self.plan.bug);
        let ledger = Arc::new(Ledger::new(Arc::clone(&self.clock)));
        let journal = FileJournal::over(
            Arc::new(self.disk.clone()),
            JOURNAL_SIZE_MAX,
            &SOURCES,
            Arc::clone(&self.clock),
            nth,
        );
        let (_, work) = Backlog::new(
            BacklogSettings {
                dedup_window_size: WINDOW,
                has_summaries: false,
                may_stand_by: false,
                limits: BacklogLimits::DEFAULT,
            },
            Arc::new(journal),
            publisher.clone(),
            Arc::clone(&ledger),
            Arc::clone(&self.clock),
        );
        let feeds = self.feeds(nth);
        let gaps = Gaps::new(&feeds, SOURCES.to_vec(), Arc::clone(&self.clock));
        let gaps = Arc::new(gaps);
        *self.gaps.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&gaps));
        let pipeline = Pipeline::new(work, feeds).with_gaps(gaps);
        let (drain, abort) = (CancellationToken::new(), CancellationToken::new());
        let ending = async {
            sleep_until(at).await;
            if end == End::Killed {
                // When it hurts: with what a page told on its way.
                let _ = timeout(PAGE_WITHIN, self.upstreams.steam.page_is_told()).await;
                sleep(Duration::from_millis(nth * 5 % 12)).await;
                return;
            }
            drain.cancel();
            sleep(SHUTDOWN_TIMEOUT).await;
            abort.cancel();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = pipeline.run(drain.clone(), abort.clone()) => {
                ended.expect("the disk works, and nobody else writes");
            }
            () = publisher.run() => unreachable!("it writes for ever"),
            () = ending => self.disk.restart(),
        }
    }
}
