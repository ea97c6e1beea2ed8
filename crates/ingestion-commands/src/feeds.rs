//! The feeds of the service: one list, from which follows whatever must know them.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use health_kit::{Clock, HealthReporter};
use ingestion_application::{Feed, FrameParsers, SourceName, ports::FrameParser};
use ingestion_opendota_adapter::{
    logs::{self, LogLines, MatchLogs},
    pages::{self, PagesFeed},
    stream::{self, MatchFrames, MatchStream, StreamFrames},
};
use ingestion_steam_adapter::{KeyHealth, SILENT_AFTER, SteamFeed};
use opendota_client::{OpenDota, ProcessMemory};
use steam_client::Steam;

use crate::settings::Settings;

/// All of them: they can be chosen, are known to the journal, and their dead
/// letters can be judged anew. Those that are chosen are read, and shown in
/// health and metrics.
const FEEDS: &[FeedDeclaration] = &[
    OPENDOTA_STREAM,
    OPENDOTA_LOGS,
    OPENDOTA_PAGES,
    STEAM_SEQUENCE,
];

const OPENDOTA_STREAM: FeedDeclaration = FeedDeclaration {
    source: stream::SOURCE,
    parser: |settings| Arc::new(StreamFrames(settings.opendota.format)),
    build: |settings, clock, jitter_seed| {
        let settings = &settings.opendota;
        let reader = MatchStream::try_new(settings, Arc::clone(clock), jitter_seed)
            .context("the OPENDOTA_STREAM_ settings cannot work")?;
        let idle_timeout = settings.idle_timeout;
        Ok(BuiltFeed {
            feed: Feed::new(Box::new(reader), idle_timeout, Arc::clone(clock)),
            reporters: Vec::new(),
        })
    },
};

const OPENDOTA_LOGS: FeedDeclaration = FeedDeclaration {
    source: logs::SOURCE,
    parser: |_| Arc::new(LogLines),
    build: |settings, clock, jitter_seed| {
        let settings = settings.logs.clone();
        let idle_timeout = settings.idle_timeout;
        let reader = MatchLogs::try_new(settings, Arc::clone(clock), jitter_seed);
        let reader = reader.map_err(anyhow::Error::msg)?;
        Ok(BuiltFeed {
            feed: Feed::new(Box::new(reader), idle_timeout, Arc::clone(clock)),
            reporters: Vec::new(),
        })
    },
};

/// Says who is calling.
const USER_AGENT: &str = concat!("ingestion-service/", env!("CARGO_PKG_VERSION"));

const OPENDOTA_PAGES: FeedDeclaration = FeedDeclaration {
    source: pages::SOURCE,
    // A row that is set aside is judged as every frame is: by its id.
    parser: |_| Arc::new(MatchFrames),
    build: |settings, clock, _| {
        let calls = settings.opendota_api.clone();
        let memory = Arc::new(ProcessMemory::default());
        let client = OpenDota::try_new(USER_AGENT, calls, memory, Arc::clone(clock));
        let client = Arc::new(client.map_err(anyhow::Error::msg)?);
        let lists = &settings.opendota_pages;
        let reader = PagesFeed::new(client, lists, Arc::clone(clock));
        let health = Arc::new(reader.health());
        let silent_after = pages::silent_after(lists);
        Ok(BuiltFeed {
            feed: Feed::new(Box::new(reader), silent_after, Arc::clone(clock)),
            reporters: vec![health],
        })
    },
};

const STEAM_SEQUENCE: FeedDeclaration = FeedDeclaration {
    source: ingestion_steam_adapter::SOURCE,
    // A row that is set aside is judged as every frame is: by its id.
    parser: |_| Arc::new(MatchFrames),
    build: |settings, clock, jitter_seed| {
        let calls = settings.steam.clone();
        let steam = Steam::try_new(USER_AGENT, calls, Arc::clone(clock), jitter_seed);
        let steam = Arc::new(steam.map_err(anyhow::Error::msg)?);
        let keys = Arc::new(KeyHealth::new(Arc::clone(&steam), Arc::clone(clock)));
        let reader = SteamFeed::new(steam, settings.steam_start, Arc::clone(clock))
            .with_dedup_window(settings.dedup_window_size);
        Ok(BuiltFeed {
            feed: Feed::new(Box::new(reader), SILENT_AFTER, Arc::clone(clock)),
            reporters: vec![keys],
        })
    },
};

/// A feed, and what there is to say of its health beside its connection.
pub(crate) struct BuiltFeed {
    pub(crate) feed: Feed,
    pub(crate) reporters: Vec<Arc<dyn HealthReporter>>,
}

/// What must be said of a feed.
struct FeedDeclaration {
    /// The name under which its frames are accounted.
    source: SourceName,
    /// Judges its frames when they come back as dead letters.
    parser: fn(&Settings) -> Arc<dyn FrameParser>,
    /// Puts it together; the number lets its reconnects differ from those of
    /// other instances.
    build: fn(&Settings, &Arc<dyn Clock>, u64) -> anyhow::Result<BuiltFeed>,
}

/// The names of all feeds there are.
pub(crate) fn sources() -> impl Iterator<Item = SourceName> {
    FEEDS.iter().map(|feed| feed.source)
}

/// Puts the feeds together that are chosen; none is connected yet.
///
/// # Errors
/// A setting that is well-formed but cannot work here.
pub(crate) fn build(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    jitter_seed: u64,
) -> anyhow::Result<Vec<BuiltFeed>> {
    let build = |declaration: &FeedDeclaration| {
        let built = (declaration.build)(settings, clock, jitter_seed)?;
        let (declared, read) = (declaration.source, built.feed.source());
        ensure!(
            read == declared,
            "the feed {declared} reads under the name {read}: a defect of the program"
        );
        Ok(built)
    };
    let declared = |source: &SourceName| FEEDS.iter().find(|feed| feed.source == *source);
    let chosen = settings.sources.iter().filter_map(declared);
    chosen.map(build).collect()
}

/// Who judges the frames of which source, as the feeds of these settings would;
/// each line of a replay is an object, whatever the feeds send.
pub(crate) fn parsers(settings: &Settings) -> FrameParsers {
    let feeds = FEEDS
        .iter()
        .map(|feed| (feed.source, (feed.parser)(settings)));
    FrameParsers::new(Arc::new(MatchFrames), feeds.collect())
}
