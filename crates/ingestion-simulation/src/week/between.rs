//! What stands between a feed and whoever reads it.

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use ingestion_application::{
    Checkpoint, SourceName,
    ports::{CallFigures, DisconnectReason, FeedEvent, FeedReader, ReceivedBatch, UpstreamInUse},
};

/// It sees every event of a feed, and says what of it is handed on.
pub(super) trait Between: Send {
    /// What is handed on in place of an event, in this order.
    fn see(&mut self, event: FeedEvent) -> Vec<FeedEvent>;
}

/// A feed with something between it and its reader.
pub(super) struct WithBetween<B> {
    feed: Box<dyn FeedReader>,
    between: B,
    /// To be handed on next.
    waiting: VecDeque<FeedEvent>,
}

impl<B: Between + 'static> WithBetween<B> {
    pub(super) fn put(between: B, feed: Box<dyn FeedReader>) -> Box<dyn FeedReader> {
        let waiting = VecDeque::new();
        Box::new(Self {
            feed,
            between,
            waiting,
        })
    }
}

#[async_trait]
impl<B: Between> FeedReader for WithBetween<B> {
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
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return event;
            }
            let event = self.feed.next().await;
            self.waiting.extend(self.between.see(event));
        }
    }

    async fn close(&mut self) -> Option<ReceivedBatch> {
        let batch = self.feed.close().await?;
        let mut handed_on = self.between.see(FeedEvent::Received(batch)).into_iter();
        handed_on.find_map(|event| match event {
            FeedEvent::Received(batch) => Some(batch),
            _ => None,
        })
    }
}
