//! Mistakes planted between the real parts, to show that a run finds them.

use std::sync::Arc;

use ingestion_application::{
    Checkpoint, FoundMatch, SourceName,
    ports::{Coverage, FeedEvent, FeedReader, ReceivedBatch},
};

use crate::week::{
    between::{Between, WithBetween},
    brokers::Brokers,
    interface::Interface,
    world::begin,
};

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// The place of Steam's feed is kept as soon as a page is read, and no second pass
    /// comes by.
    PlaceKeptWhenRead,
    /// A process does not know what earlier ones have published.
    WindowNotRestored,
    /// Whatever appears in Steam's sequence behind its neighbours is left out.
    LateMatchesLeftOut,
    /// Every call of Steam's is made twice.
    CalledTwice,
    /// The account of gaps is not told that the log was interrupted.
    InterruptionNotNoted,
    /// Gaps are taken for closed when the first page has come.
    ClosedByTheFirstPage,
    /// Each page begins one row below the one before.
    PagesSkipARow,
    /// What answers say of the calls of a day is not looked at.
    DayLimitIgnored,
}

impl Bug {
    /// Every one of them.
    pub const ALL: [Self; 8] = [
        Self::PlaceKeptWhenRead,
        Self::WindowNotRestored,
        Self::LateMatchesLeftOut,
        Self::CalledTwice,
        Self::InterruptionNotNoted,
        Self::ClosedByTheFirstPage,
        Self::PagesSkipARow,
        Self::DayLimitIgnored,
    ];

    /// Whose feed is spoilt, if one is.
    fn feed(self) -> Option<Interface> {
        match self {
            Self::PlaceKeptWhenRead | Self::LateMatchesLeftOut => Some(Interface::Steam),
            Self::InterruptionNotNoted => Some(Interface::Logs),
            Self::ClosedByTheFirstPage => Some(Interface::Pages),
            // Others have these.
            Self::WindowNotRestored
            | Self::CalledTwice
            | Self::PagesSkipARow
            | Self::DayLimitIgnored => None,
        }
    }
}

/// A mistake between a feed and its reader.
struct PlantedBug {
    bug: Bug,
    source: SourceName,
    brokers: Arc<Brokers>,
    /// The highest number that was read.
    newest: u64,
}

/// The same feed where the mistake is elsewhere, or none is planted.
pub(super) fn plant(
    feed: Box<dyn FeedReader>,
    bug: Option<Bug>,
    brokers: &Arc<Brokers>,
) -> Box<dyn FeedReader> {
    let source = feed.source();
    let spoilt = bug.and_then(|bug| Some((bug, bug.feed()?)));
    match spoilt.filter(|(_, of)| of.source() == source) {
        None => feed,
        Some((bug, _)) => {
            let planted = PlantedBug {
                bug,
                source,
                brokers: Arc::clone(brokers),
                newest: 0,
            };
            WithBetween::put(planted, feed)
        }
    }
}

impl PlantedBug {
    fn spoil(&mut self, mut batch: ReceivedBatch) -> Vec<FeedEvent> {
        match self.bug {
            Bug::PlaceKeptWhenRead => {
                if let Some(place) = &batch.checkpoint {
                    // Else the second pass would make up for it.
                    let head = place.as_str().split(';').nth(1).unwrap_or_default();
                    let place = Checkpoint::try_new(format!("v1;{head};{head};"));
                    let place = place.expect("it is short");
                    let mut state = self.brokers.lock();
                    state.checkpoints.insert(self.source, place.clone());
                    batch.checkpoint = Some(place);
                }
            }
            Bug::LateMatchesLeftOut => {
                let number = |found: &FoundMatch| match found {
                    FoundMatch::Summary(summary) => summary.match_seq_num,
                    FoundMatch::Id(_) => None,
                };
                let newest = self.newest;
                batch.frames.retain(|frame| {
                    let number = frame.as_ref().ok().and_then(number);
                    number.is_none_or(|number| number > newest)
                });
                let read = batch.frames.iter().flatten().filter_map(number);
                self.newest = read.max().unwrap_or_default().max(newest);
            }
            Bug::ClosedByTheFirstPage => {
                let coverage = Coverage {
                    since: begin(),
                    up_to: batch.received_at,
                    is_resumed: false,
                };
                return vec![FeedEvent::Received(batch), FeedEvent::Covered(coverage)];
            }
            _ => {}
        }
        vec![FeedEvent::Received(batch)]
    }
}

impl Between for PlantedBug {
    fn see(&mut self, event: FeedEvent) -> Vec<FeedEvent> {
        match event {
            FeedEvent::Received(batch) => self.spoil(batch),
            FeedEvent::Disconnected(_) if self.bug == Bug::InterruptionNotNoted => Vec::new(),
            event => vec![event],
        }
    }
}
