//! A feed that is read, and what is known of its connection.

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use health_kit::Clock;

use crate::{
    Backlog, Checkpoint, Gaps, Role, SourceName, SourceStatus,
    ports::{FeedEvent, FeedReader},
};

/// One of the feeds of a [`Pipeline`](crate::Pipeline).
pub struct Feed {
    consumer: Box<dyn FeedReader>,
    status: Arc<SourceStatus>,
    /// Whether it is read only where matches are published: what it is asked it
    /// answers at any time.
    waits_for_turn: bool,
    /// Whether it need not be told any more where to go on.
    is_placed: bool,
}

impl Feed {
    /// A feed read through `consumer`, which is silent without data for `idle_timeout`.
    #[must_use]
    pub fn new(
        consumer: Box<dyn FeedReader>,
        idle_timeout: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (source, reasons) = (consumer.source(), consumer.disconnect_reasons());
        let calls = consumer.call_figures();
        let waits_for_turn = consumer.keeps_its_place() || calls.is_some();
        let status = SourceStatus::new(source, reasons, idle_timeout, clock).with_calls(calls);
        Self {
            waits_for_turn,
            is_placed: !consumer.keeps_its_place(),
            consumer,
            status: Arc::new(status),
        }
    }

    /// Which feed.
    #[must_use]
    pub fn source(&self) -> SourceName {
        self.status.source()
    }

    /// Whether it makes up by itself for what it has missed.
    #[must_use]
    pub fn can_look_back(&self) -> bool {
        self.consumer.can_look_back()
    }

    /// Whether it says how far it has told of everything.
    #[must_use]
    pub fn tells_in_order(&self) -> bool {
        self.consumer.tells_in_order()
    }

    /// What is known of its connection, for whoever shows it.
    #[must_use]
    pub fn status(&self) -> Arc<SourceStatus> {
        Arc::clone(&self.status)
    }

    /// Waits for the next thing that happens, and for room for it in `backlog`.
    ///
    /// Dropping the future loses nothing: the port asks for that.
    pub(crate) async fn next(&mut self, backlog: &Backlog) -> FeedEvent {
        if self.waits_for_turn {
            let _waiting = (backlog.role() == Role::Standby).then(|| self.status.stand_by());
            backlog.turn().await;
        }
        if !self.is_placed {
            let place = backlog.last_checkpoint(self.source()).await;
            let source = self.source();
            tracing::info!(
                %source,
                place = place.as_ref().map(Checkpoint::as_str),
                "the feed goes on where it was; without a place, as its settings say"
            );
            self.consumer.resume(place);
            self.is_placed = true;
        }
        loop {
            let mut next = self.consumer.next();
            // Asked each time that something may have come, not once: all feeds
            // share the room, and another one may have taken what was left.
            let event = poll_fn(|context| {
                if backlog.has_room() {
                    next.as_mut().poll(context).map(Some)
                } else {
                    Poll::Ready(None)
                }
            });
            if let Some(event) = event.await {
                return event;
            }
            drop(next);
            let _unread = self.status.unread();
            backlog.room().await;
        }
    }

    /// Follows the connection, and puts what was received into `backlog`, and what
    /// was missed into `gaps`.
    pub(crate) fn handle(&self, event: FeedEvent, backlog: &Backlog, gaps: Option<&Gaps>) {
        let source = self.source();
        match event {
            FeedEvent::Connected => {
                let upstream = self.consumer.upstream();
                let name = upstream.as_ref().map(ToString::to_string);
                tracing::info!(%source, upstream = name, "connected to the feed");
                self.status.connected_to(upstream);
            }
            FeedEvent::Received(batch) => {
                // A place alone is no data: the upstream may be silent all the same.
                let is_data = !batch.frames.is_empty();
                let received_at = batch.received_at;
                backlog.receive(source, batch);
                if is_data {
                    self.status.received();
                    if let Some(gaps) = gaps {
                        gaps.heard(source, received_at);
                    }
                }
            }
            FeedEvent::Covered(coverage) => {
                if let Some(gaps) = gaps {
                    gaps.covered(source, coverage);
                }
            }
            FeedEvent::PassedOver(passed) => {
                if let Some(gaps) = gaps {
                    gaps.passed_over(source, passed);
                }
            }
            FeedEvent::Disconnected(disconnection) if disconnection.reason.is_planned() => {
                tracing::info!(
                    %source,
                    reason = %disconnection.reason,
                    "going on with another connection to the feed: {}",
                    disconnection.detail
                );
                if let Some(gaps) = gaps
                    && !disconnection.reason.is_without_seam()
                {
                    gaps.interrupted(source, disconnection.reason);
                }
                self.status.disconnected(disconnection);
            }
            FeedEvent::Disconnected(disconnection) => {
                tracing::warn!(
                    %source,
                    reason = %disconnection.reason,
                    retry_in_ms = u64::try_from(disconnection.retry_in.as_millis()).ok(),
                    "not connected to the feed: {}",
                    disconnection.detail
                );
                if let Some(gaps) = gaps {
                    gaps.interrupted(source, disconnection.reason);
                }
                self.status.disconnected(disconnection);
            }
        }
    }

    /// Ends it; what it had read is in `backlog` when this returns.
    pub(crate) async fn close(&mut self, backlog: &Backlog) {
        while let Some(batch) = self.consumer.close().await {
            backlog.receive(self.status.source(), batch);
        }
    }
}
