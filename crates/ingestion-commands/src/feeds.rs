//! The feeds of the service: one list, from which follows whatever must know them.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use health_kit::Clock;
use ingestion_application::{Feed, FrameParsers, SourceName, ports::FrameParser};
use ingestion_opendota_adapter::stream::{self, MatchFrames, MatchStream};

use crate::settings::Settings;

/// All of them: they can be chosen, are known to the journal, and their dead
/// letters can be judged anew. Those that are chosen are read, and shown in
/// health and metrics.
const FEEDS: &[FeedDeclaration] = &[OPENDOTA_STREAM];

/// As whose frames the lines of a replay are judged.
const REPLAYED_AS: FeedDeclaration = OPENDOTA_STREAM;

const OPENDOTA_STREAM: FeedDeclaration = FeedDeclaration {
    source: stream::SOURCE,
    parser: || Arc::new(MatchFrames),
    build: |settings, clock, jitter_seed| {
        let settings = &settings.opendota;
        let reader = MatchStream::try_new(settings, Arc::clone(clock), jitter_seed)
            .context("the OPENDOTA_STREAM_ settings cannot work")?;
        let idle_timeout = settings.idle_timeout;
        Ok(Feed::new(Box::new(reader), idle_timeout, Arc::clone(clock)))
    },
};

/// What must be said of a feed.
struct FeedDeclaration {
    /// The name under which its frames are accounted.
    source: SourceName,
    /// Judges its frames when they come back as dead letters.
    parser: fn() -> Arc<dyn FrameParser>,
    /// Puts it together; the number lets its reconnects differ from those of
    /// other instances.
    build: fn(&Settings, &Arc<dyn Clock>, u64) -> anyhow::Result<Feed>,
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
) -> anyhow::Result<Vec<Feed>> {
    let build = |declaration: &FeedDeclaration| {
        let feed = (declaration.build)(settings, clock, jitter_seed)?;
        let (declared, read) = (declaration.source, feed.source());
        ensure!(
            read == declared,
            "the feed {declared} reads under the name {read}: a defect of the program"
        );
        Ok(feed)
    };
    let declared = |source: &SourceName| FEEDS.iter().find(|feed| feed.source == *source);
    let chosen = settings.sources.iter().filter_map(declared);
    chosen.map(build).collect()
}

/// Who judges the frames of which source.
pub(crate) fn parsers() -> FrameParsers {
    let feeds = FEEDS.iter().map(|feed| (feed.source, (feed.parser)()));
    FrameParsers::new((REPLAYED_AS.parser)(), feeds.collect())
}
