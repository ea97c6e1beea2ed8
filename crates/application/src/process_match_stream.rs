//! The use case: every match of a feed, once, to the publisher.

use std::sync::{Arc, Mutex, PoisonError};

use domain::{Match, SourceName};
use thiserror::Error;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    DedupWindow, Ledger, SourceStatus,
    ports::{
        DeadLetter, Message, MessagePublisher, PublishError, ReceivedBatch, SourceEvent,
        SourceStreamConsumer,
    },
};

/// Reads a feed, drops what was seen before, and publishes the rest.
///
/// It never waits for an acknowledgement, only for room: many matches are on
/// their way at once. While the publisher has no room the feed is not read,
/// so a full memory pushes back on the upstream's socket.
pub struct ProcessMatchStream {
    publisher: Arc<dyn MessagePublisher>,
    /// Shared by all feeds: the same match may come from several.
    window: Arc<Mutex<DedupWindow>>,
    ledger: Arc<Ledger>,
    status: Arc<SourceStatus>,
}

/// Why processing ended without being asked to.
#[derive(Debug, Error)]
pub enum ProcessingError {
    /// Matches cannot be published any more.
    #[error("matches cannot be published any more: {0}")]
    Publish(#[from] PublishError),
}

impl ProcessMatchStream {
    /// Processes into `publisher`, on the books of `ledger` and `status`.
    pub fn new(
        publisher: Arc<dyn MessagePublisher>,
        window: Arc<Mutex<DedupWindow>>,
        ledger: Arc<Ledger>,
        status: Arc<SourceStatus>,
    ) -> Self {
        Self {
            publisher,
            window,
            ledger,
            status,
        }
    }

    /// Processes `feed` until `drain` is cancelled; what was read by then has
    /// been handed to the publisher when this returns.
    ///
    /// # Errors
    /// [`ProcessingError::Publish`] when the publisher stops for good.
    pub async fn run(
        &self,
        mut feed: Box<dyn SourceStreamConsumer>,
        drain: CancellationToken,
    ) -> Result<(), ProcessingError> {
        let source = feed.source();
        loop {
            // Cancelling `next` loses nothing: the port asks for that.
            let event = tokio::select! {
                biased;
                () = drain.cancelled() => break,
                event = feed.next() => event,
            };
            match event {
                SourceEvent::Connected => {
                    self.status.connected();
                    tracing::info!(%source, "connected to the feed");
                }
                SourceEvent::Received(batch) => {
                    self.process(source, batch).await?;
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
            self.process(source, batch).await?;
        }
        Ok(())
    }

    async fn process(
        &self,
        source: SourceName,
        batch: ReceivedBatch,
    ) -> Result<(), ProcessingError> {
        let received = batch.frames.len();
        let messages = self.deduplicate(source, batch);
        // Booked before the first await: from here on nothing can be lost unseen.
        let mut receipts =
            self.ledger
                .receive(source, received, received - messages.len(), Instant::now());
        for message in messages {
            let receipt = receipts
                .next()
                .expect("as many receipts were taken as there are messages");
            self.publisher.publish(message, receipt).await?;
        }
        Ok(())
    }

    fn deduplicate(&self, source: SourceName, batch: ReceivedBatch) -> Vec<Message> {
        let received_at = batch.received_at;
        // A panic cannot leave the window unusable, at worst without the newest id.
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let messages = batch.frames.into_iter().filter_map(|frame| match frame {
            Ok(id) if window.insert(id) => Some(Message::Match(Match {
                id,
                source,
                received_at,
            })),
            Ok(id) => {
                tracing::debug!(match.id = id.get(), %source, "seen before");
                None
            }
            Err(frame) => Some(Message::DeadLetter(Box::new(DeadLetter {
                reason: frame.reason,
                detail: frame.detail,
                source,
                received_at,
                payload: frame.payload,
            }))),
        });
        messages.collect()
    }
}

#[cfg(test)]
mod tests {
    use domain::{MatchId, Timestamp};

    use super::*;
    use crate::ports::{MockMessagePublisher, MockSourceStreamConsumer, SystemClock};

    const FEED: SourceName = SourceName::new("feed");

    #[tokio::test]
    async fn a_publisher_that_stops_ends_the_processing() {
        let mut feed = MockSourceStreamConsumer::new();
        feed.expect_source().return_const(FEED);
        feed.expect_next().once().returning(|| {
            SourceEvent::Received(ReceivedBatch {
                received_at: Timestamp::from_unix_ms(0),
                frames: vec![Ok(MatchId::try_new(1).expect("1 is an id"))],
            })
        });
        let mut publisher = MockMessagePublisher::new();
        publisher.expect_publish().once().returning(|_, _| {
            Err(PublishError::Stopped {
                reason: "fenced".to_owned(),
            })
        });

        let clock = Arc::new(SystemClock);
        let ledger = Arc::new(Ledger::new(clock.clone()));
        let status = SourceStatus::new(FEED, std::time::Duration::MAX, clock);
        let window = Arc::new(Mutex::new(DedupWindow::new(1)));
        let process = ProcessMatchStream::new(
            Arc::new(publisher),
            window,
            Arc::clone(&ledger),
            Arc::new(status),
        );
        let ended = process.run(Box::new(feed), CancellationToken::new()).await;
        assert_eq!(
            ended.expect_err("it cannot go on").to_string(),
            "matches cannot be published any more: the publisher has stopped: fenced"
        );
        assert!(
            ledger.figures().check().is_err(),
            "the match is lost, and that shows"
        );
    }
}
