//! Mistakes planted between the real parts, to show that a run finds them.

use std::sync::Arc;

use async_trait::async_trait;
use ingestion_application::{
    Checkpoint, FoundMatch, SourceName,
    ports::{
        CallFigures, Coverage, DisconnectReason, FeedEvent, FeedReader, ReceivedBatch,
        UpstreamInUse,
    },
};

use crate::week::{brokers::Brokers, interface::Interface, world::begin};

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

/// A feed with a mistake.
pub(crate) struct PlantedFeed {
    feed: Box<dyn FeedReader>,
    bug: Bug,
    brokers: Arc<Brokers>,
    /// The highest number that was read.
    newest: u64,
    /// To be said next.
    next: Option<FeedEvent>,
}

impl PlantedFeed {
    /// The same feed where the mistake is elsewhere, or none is planted.
    pub(crate) fn around(
        feed: Box<dyn FeedReader>,
        bug: Option<Bug>,
        brokers: &Arc<Brokers>,
    ) -> Box<dyn FeedReader> {
        let spoilt = bug.and_then(|bug| Some((bug, bug.feed()?)));
        match spoilt.filter(|(_, of)| of.source() == feed.source()) {
            None => feed,
            Some((bug, _)) => Box::new(Self {
                feed,
                bug,
                brokers: Arc::clone(brokers),
                newest: 0,
                next: None,
            }),
        }
    }

    fn spoil(&mut self, batch: &mut ReceivedBatch) {
        match self.bug {
            Bug::PlaceKeptWhenRead => {
                if let Some(place) = &batch.checkpoint {
                    // Else the second pass would make up for it.
                    let head = place.as_str().split(';').nth(1).unwrap_or_default();
                    let place = Checkpoint::try_new(format!("v1;{head};{head};"));
                    let place = place.expect("it is short");
                    let mut state = self.brokers.lock();
                    state.checkpoints.insert(self.feed.source(), place.clone());
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
                self.next = Some(FeedEvent::Covered(Coverage {
                    since: begin(),
                    up_to: batch.received_at,
                    is_resumed: false,
                }));
            }
            _ => {}
        }
    }
}

#[async_trait]
impl FeedReader for PlantedFeed {
    fn source(&self) -> SourceName {
        self.feed.source()
    }

    fn disconnect_reasons(&self) -> &'static [DisconnectReason] {
        self.feed.disconnect_reasons()
    }

    fn keeps_its_place(&self) -> bool {
        self.feed.keeps_its_place()
    }

    fn resume(&mut self, place: Option<Checkpoint>) {
        self.feed.resume(place);
    }

    fn can_look_back(&self) -> bool {
        self.feed.can_look_back()
    }

    fn tells_in_order(&self) -> bool {
        self.feed.tells_in_order()
    }

    fn upstream(&self) -> Option<UpstreamInUse> {
        self.feed.upstream()
    }

    fn call_figures(&self) -> Option<Arc<dyn CallFigures>> {
        self.feed.call_figures()
    }

    async fn next(&mut self) -> FeedEvent {
        if let Some(event) = self.next.take() {
            return event;
        }
        loop {
            match self.feed.next().await {
                FeedEvent::Received(mut batch) => {
                    self.spoil(&mut batch);
                    return FeedEvent::Received(batch);
                }
                FeedEvent::Disconnected(_) if self.bug == Bug::InterruptionNotNoted => {}
                event => return event,
            }
        }
    }

    async fn close(&mut self) -> Option<ReceivedBatch> {
        self.feed.close().await
    }
}
