//! The use case: every match of a feed, once, into the backlog.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::{
    Backlog, SourceStatus,
    ports::{SourceEvent, SourceStreamConsumer},
};

/// Reads a feed into the backlog, as long as there is room.
///
/// While there is none the feed is not read, so a full journal pushes back on
/// the upstream's socket.
pub struct ProcessMatchStream {
    /// Shared by all feeds: the same match may come from several.
    backlog: Arc<Backlog>,
    status: Arc<SourceStatus>,
}

impl ProcessMatchStream {
    /// Processes into `backlog`, and follows the connection in `status`.
    #[must_use]
    pub fn new(backlog: Arc<Backlog>, status: Arc<SourceStatus>) -> Self {
        Self { backlog, status }
    }

    /// Processes `feed` until `drain` is cancelled; what was read by then is
    /// in the backlog when this returns.
    pub async fn run(&self, feed: &mut dyn SourceStreamConsumer, drain: CancellationToken) {
        let source = feed.source();
        loop {
            let next = async {
                self.backlog.room().await;
                feed.next().await
            };
            // Cancelling `next` loses nothing: the port asks for that.
            let event = tokio::select! {
                biased;
                () = drain.cancelled() => break,
                event = next => event,
            };
            match event {
                SourceEvent::Connected => {
                    self.status.connected();
                    tracing::info!(%source, "connected to the feed");
                }
                SourceEvent::Received(batch) => {
                    self.backlog.receive(source, batch);
                    self.status.received();
                }
                SourceEvent::Disconnected(disconnection) => {
                    tracing::warn!(
                        %source,
                        reason = %disconnection.reason,
                        retry_in_ms = u64::try_from(disconnection.retry_in.as_millis()).ok(),
                        "not connected to the feed: {}",
                        disconnection.detail
                    );
                    self.status.disconnected(disconnection);
                }
            }
        }
        while let Some(batch) = feed.close().await {
            self.backlog.receive(source, batch);
        }
    }
}
