//! Mistakes planted between the real parts, to show that a run finds them.

use std::sync::Arc;

use async_trait::async_trait;
use ingestion_application::{
    Checkpoint, FoundMatch, SourceName,
    ports::{CallFigures, DisconnectReason, FeedEvent, FeedReader, ReceivedBatch},
};

use crate::week::brokers::Brokers;

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// The place of a feed is kept as soon as a page is read, and no second pass
    /// comes by.
    PlaceKeptWhenRead,
    /// A process does not know what earlier ones have published.
    WindowNotRestored,
    /// Whatever appears behind its neighbours is left out.
    LateMatchesLeftOut,
    /// Every call is made twice.
    CalledTwice,
}

impl Bug {
    /// Every one of them.
    pub const ALL: [Self; 4] = [
        Self::PlaceKeptWhenRead,
        Self::WindowNotRestored,
        Self::LateMatchesLeftOut,
        Self::CalledTwice,
    ];
}

/// A feed with a mistake, or none.
pub(crate) struct PlantedFeed {
    pub(crate) feed: Box<dyn FeedReader>,
    pub(crate) bug: Option<Bug>,
    pub(crate) brokers: Arc<Brokers>,
    /// The highest number that was read.
    pub(crate) newest: u64,
}

impl PlantedFeed {
    fn spoil(&mut self, batch: &mut ReceivedBatch) {
        match self.bug {
            Some(Bug::PlaceKeptWhenRead) => {
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
            Some(Bug::LateMatchesLeftOut) => {
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

    fn call_figures(&self) -> Option<Arc<dyn CallFigures>> {
        self.feed.call_figures()
    }

    async fn next(&mut self) -> FeedEvent {
        let mut event = self.feed.next().await;
        if let FeedEvent::Received(batch) = &mut event {
            self.spoil(batch);
        }
        event
    }

    async fn close(&mut self) -> Option<ReceivedBatch> {
        self.feed.close().await
    }
}
