//! The feeds of a process, put together as they ship.

use std::{sync::Arc, time::Duration};

use ingestion_application::{Feed, ports::FeedReader};
use ingestion_opendota_adapter::{
    logs::{LogsSettings, MatchLogs},
    pages::{self, PagesFeed},
    stream::{MatchStream, StreamSettings},
};
use ingestion_steam_adapter::{SILENT_AFTER, Start, SteamFeed};
use opendota_client::{OpenDota, OpenDotaSettings, PageList, ProcessMemory};
use steam_client::{Steam, SteamSettings};

use crate::week::{
    PER_SECOND,
    interface::Interface,
    planted::plant,
    service::{Machine, WINDOW},
    upstreams::KEYS,
    world::FIRST_NUMBER,
};

/// What is kept of the calls for others, as the default is.
const RESERVE_PERCENT: u8 = 30;

impl Machine {
    /// Those that are read, for the process with this number.
    pub(super) fn feeds(&self, nth: u64) -> Vec<Feed> {
        let feeds = self.plan.sources.iter().map(|of| {
            let (reader, silent_after) = self.reader(*of, nth);
            let planted = plant(reader, self.plan.bug, &self.brokers);
            let watched = self.witness.watch(planted);
            Feed::new(watched, silent_after, Arc::clone(&self.clock))
        });
        feeds.collect()
    }

    fn reader(&self, of: Interface, nth: u64) -> (Box<dyn FeedReader>, Duration) {
        match of {
            Interface::Stream => self.stream(nth),
            Interface::Logs => self.logs(nth),
            Interface::Pages => self.pages(),
            Interface::Steam => self.steam(nth),
        }
    }

    fn stream(&self, nth: u64) -> (Box<dyn FeedReader>, Duration) {
        let settings = StreamSettings {
            urls: vec!["ws://stream".into()],
            heartbeat: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            backoff_max: Duration::from_secs(30),
            ..crate::service::settings()
        };
        let (connector, clock) = (self.upstreams.stream.clone(), Arc::clone(&self.clock));
        let feed = MatchStream::try_over(&settings, connector, clock, nth);
        let feed = feed.expect("the settings are good");
        (Box::new(feed), settings.idle_timeout)
    }

    fn logs(&self, nth: u64) -> (Box<dyn FeedReader>, Duration) {
        let settings = LogsSettings::new("http://logs");
        let idle_timeout = settings.idle_timeout;
        let (answers, clock) = (self.upstreams.logs.clone(), Arc::clone(&self.clock));
        let feed = MatchLogs::over(answers, settings, clock, nth);
        (Box::new(feed), idle_timeout)
    }

    fn pages(&self) -> (Box<dyn FeedReader>, Duration) {
        let settings = OpenDotaSettings {
            url: "http://opendota".to_owned(),
            key: Some("key".into()),
            reserve_percent: RESERVE_PERCENT,
            call_time_max: OpenDotaSettings::CALL_TIME_MAX,
        };
        let memory = Arc::new(ProcessMemory::default());
        let transport = self.upstreams.pages.clone();
        let client = OpenDota::over(transport, settings, memory, Arc::clone(&self.clock));
        let (client, clock) = (Arc::new(client), Arc::clone(&self.clock));
        let feed = PagesFeed::with_plan(client, &PageList::ALL, self.pages_plan(), clock);
        (Box::new(feed), pages::silent_after(&PageList::ALL))
    }

    /// The one that ships, in proportion to the ids of this world.
    fn pages_plan(&self) -> pages::Plan {
        let share = self.plan.per_second / PER_SECOND;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "some ten thousand"
        )]
        let reach = (pages::Plan::DEFAULT.reach as f64 * share).ceil() as u64;
        pages::Plan {
            reach,
            ..pages::Plan::DEFAULT
        }
    }

    fn steam(&self, nth: u64) -> (Box<dyn FeedReader>, Duration) {
        let settings = SteamSettings {
            url: "http://steam".to_owned(),
            keys: KEYS.map(Into::into).to_vec(),
            call_time_max: SteamSettings::CALL_TIME_MAX,
        };
        let transport = self.upstreams.steam.clone();
        let steam = Steam::over(transport, settings, Arc::clone(&self.clock), nth);
        let start = Start::At(FIRST_NUMBER);
        let feed = SteamFeed::new(Arc::new(steam), start, Arc::clone(&self.clock))
            .with_dedup_window(WINDOW);
        (Box::new(feed), SILENT_AFTER)
    }
}
