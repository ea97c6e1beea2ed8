//! The service, put together as it ships, one process after the other.

use std::{sync::Arc, time::Duration};

use health_kit::Clock;
use ingestion_application::{
    Backlog, BacklogLimits, BacklogSettings, Feed, Ledger, Pipeline, SourceName,
};
use ingestion_journal_adapter::FileJournal;
use ingestion_steam_adapter::{SILENT_AFTER, SOURCE, Start, SteamFeed};
use ingestion_test_support::simulated_disk::SimulatedDisk;
use steam_client::{Steam, SteamSettings};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::week::{
    Bug, Plan,
    brokers::Brokers,
    diary::{Diary, End},
    planted::PlantedFeed,
    publisher::SimulatedPublisher,
    steam::{KEYS, SteamUpstream},
    world::FIRST_NUMBER,
};

/// Ids that are remembered, as the default is.
pub(crate) const WINDOW: usize = 1_000_000;
const JOURNAL_SIZE_MAX: u64 = 1 << 30;
const SOURCES: [SourceName; 1] = [SOURCE];
/// A process that has ended is followed by another one after so long.
const STARTED_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// Where nothing comes for so long a process is killed all the same.
const PAGE_WITHIN: Duration = Duration::from_mins(1);
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);

/// Everything that outlives a process.
pub(crate) struct Machine {
    pub(crate) plan: Plan,
    pub(crate) brokers: Arc<Brokers>,
    pub(crate) steam: Arc<SteamUpstream>,
    pub(crate) diary: Arc<Diary>,
    pub(crate) disk: SimulatedDisk,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) begun: Instant,
}

impl Machine {
    /// Process after process, as the diary has it, for ever.
    pub(crate) async fn run(&self) {
        for (nth, (at_ms, end)) in (1..).zip(self.diary.ends().iter().copied()) {
            let at = self.begun + Duration::from_millis(at_ms.into());
            self.live(nth, at, end).await;
            sleep(STARTED_AGAIN_AFTER).await;
        }
        let never = Instant::now() + Duration::from_hours(100_000);
        self.live(0, never, End::Asked).await;
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
        let feed = Feed::new(self.feed(nth), SILENT_AFTER, Arc::clone(&self.clock));
        let pipeline = Pipeline::new(work, vec![feed]);
        let (drain, abort) = (CancellationToken::new(), CancellationToken::new());
        let ending = async {
            sleep_until(at).await;
            if end == End::Killed {
                // When it hurts: with what a page told on its way.
                let _ = timeout(PAGE_WITHIN, self.steam.page_is_told()).await;
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

    fn feed(&self, nth: u64) -> Box<dyn ingestion_application::ports::FeedReader> {
        let settings = SteamSettings {
            url: "http://steam".to_owned(),
            keys: KEYS.map(Into::into).to_vec(),
            call_time_max: SteamSettings::CALL_TIME_MAX,
        };
        let transport: Arc<SteamUpstream> = Arc::clone(&self.steam);
        let steam = Steam::over(transport, settings, Arc::clone(&self.clock), nth);
        let start = Start::At(FIRST_NUMBER);
        let feed = SteamFeed::new(Arc::new(steam), start, Arc::clone(&self.clock));
        if self
            .plan
            .bug
            .is_none_or(|bug| bug == Bug::WindowNotRestored)
        {
            return Box::new(feed);
        }
        Box::new(PlantedFeed {
            feed: Box::new(feed),
            bug: self.plan.bug,
            brokers: Arc::clone(&self.brokers),
            newest: 0,
        })
    }
}
