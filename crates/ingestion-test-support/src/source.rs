//! A feed that follows a script, and what every feed must do.
//!
//! [`FakeSource`] stands for an upstream in the tests of use cases. It says
//! what it was told to say, then nothing more, like a feed gone quiet.
//! [`source_contract::check`] holds it and the real adapters to the same
//! promises.

use std::{collections::VecDeque, future::pending};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{MatchId, Timestamp};
use ingestion_application::{
    Checkpoint, DeadLetterReason, SourceName,
    ports::{DisconnectReason, FeedEvent, FeedReader, InvalidFrame, ReceivedBatch},
};
use tokio::sync::watch;

use crate::summaries::summary_of;

pub mod source_contract;

/// The name of a scripted feed that was given no other.
pub const FAKE_SOURCE: SourceName = SourceName::new("fake_source");

/// When everything in a script is received.
pub const FAKE_RECEIVED_AT: Timestamp = Timestamp::from_unix_ms(1_776_027_022_000);

/// Hands over the events of its script, one a call.
pub struct FakeSource {
    source: SourceName,
    disconnect_reasons: &'static [DisconnectReason],
    script: VecDeque<FeedEvent>,
    read_ahead: VecDeque<ReceivedBatch>,
    keeps_its_place: bool,
    tells_in_order: bool,
    progress: watch::Sender<Progress>,
}

/// Follows a [`FakeSource`] that somebody else owns.
#[derive(Clone)]
pub struct FakeSourceObserver(watch::Receiver<Progress>);

#[derive(Default)]
struct Progress {
    handed_over: usize,
    is_exhausted: bool,
    is_closed: bool,
    resumed_at: Vec<Option<Checkpoint>>,
}

impl FakeSource {
    /// A feed that says this, and somebody who watches it.
    pub fn new(script: impl IntoIterator<Item = FeedEvent>) -> (Self, FakeSourceObserver) {
        let (progress, observed) = watch::channel(Progress::default());
        let source = Self {
            source: FAKE_SOURCE,
            disconnect_reasons: &DisconnectReason::OF_WEBSOCKETS,
            script: script.into_iter().collect(),
            read_ahead: VecDeque::new(),
            keeps_its_place: false,
            tells_in_order: false,
            progress,
        };
        (source, FakeSourceObserver(observed))
    }

    /// The same feed under another name.
    #[must_use]
    pub fn named(self, source: SourceName) -> Self {
        Self { source, ..self }
    }

    /// The same feed, whose connections can end for these reasons alone.
    #[must_use]
    pub fn ending_for(self, disconnect_reasons: &'static [DisconnectReason]) -> Self {
        Self {
            disconnect_reasons,
            ..self
        }
    }

    /// The same feed, which has to be told where to go on; its script stays the same.
    #[must_use]
    pub fn keeping_its_place(self) -> Self {
        Self {
            keeps_its_place: true,
            ..self
        }
    }

    /// The same feed, which looks back and says how far it has come.
    #[must_use]
    pub fn telling_in_order(self) -> Self {
        Self {
            tells_in_order: true,
            ..self
        }
    }

    /// The same feed with batches that it hands over only when it is closed.
    #[must_use]
    pub fn having_read(mut self, batches: impl IntoIterator<Item = ReceivedBatch>) -> Self {
        self.read_ahead.extend(batches);
        self
    }
}

#[async_trait]
impl FeedReader for FakeSource {
    fn source(&self) -> SourceName {
        self.source
    }

    fn disconnect_reasons(&self) -> &'static [DisconnectReason] {
        self.disconnect_reasons
    }

    fn keeps_its_place(&self) -> bool {
        self.keeps_its_place
    }

    fn can_look_back(&self) -> bool {
        self.keeps_its_place || self.tells_in_order
    }

    fn tells_in_order(&self) -> bool {
        self.tells_in_order
    }

    fn resume(&mut self, place: Option<Checkpoint>) {
        self.progress
            .send_modify(|progress| progress.resumed_at.push(place));
    }

    async fn next(&mut self) -> FeedEvent {
        let Some(event) = self.script.pop_front() else {
            self.progress
                .send_modify(|progress| progress.is_exhausted = true);
            return pending().await;
        };
        self.progress
            .send_modify(|progress| progress.handed_over += 1);
        event
    }

    async fn close(&mut self) -> Option<ReceivedBatch> {
        let batch = self.read_ahead.pop_front();
        if batch.is_none() {
            self.progress
                .send_modify(|progress| progress.is_closed = true);
        }
        batch
    }
}

impl FakeSourceObserver {
    /// Waits until more is asked for than the script holds: all of it is done with.
    pub async fn exhausted(&mut self) {
        // A feed that is gone will not be asked again; the test sees what is missing.
        let _ = self.0.wait_for(|progress| progress.is_exhausted).await;
    }

    /// Waits until so many events have been handed over.
    pub async fn handed_over(&mut self, events: usize) {
        let _ = self
            .0
            .wait_for(|progress| progress.handed_over >= events)
            .await;
    }

    /// How many events have been handed over.
    #[must_use]
    pub fn events(&self) -> usize {
        self.0.borrow().handed_over
    }

    /// Where the feed was told to go on, each time that it was.
    #[must_use]
    pub fn resumed_at(&self) -> Vec<Option<Checkpoint>> {
        self.0.borrow().resumed_at.clone()
    }

    /// Whether the feed was told goodbye.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.borrow().is_closed
    }
}

/// A batch of valid frames with these ids, which must be positive.
#[must_use]
pub fn received(ids: &[i64]) -> FeedEvent {
    FeedEvent::Received(batch(ids))
}

/// Valid frames with these ids, which must be positive.
#[must_use]
pub fn batch(ids: &[i64]) -> ReceivedBatch {
    let id = |id: &i64| MatchId::try_new(*id).expect("tests use positive ids");
    ReceivedBatch {
        received_at: FAKE_RECEIVED_AT,
        frames: ids.iter().map(|raw| Ok(id(raw).into())).collect(),
        checkpoint: None,
        passed_over: 0,
    }
}

/// A batch of frames that say what [`summary_of`] knows of these matches.
#[must_use]
pub fn summaries(ids: &[i64]) -> ReceivedBatch {
    let id = |id: &i64| MatchId::try_new(*id).expect("tests use positive ids");
    ReceivedBatch {
        received_at: FAKE_RECEIVED_AT,
        frames: ids
            .iter()
            .map(|raw| Ok(summary_of(id(raw)).into()))
            .collect(),
        checkpoint: None,
        passed_over: 0,
    }
}

/// A batch of one frame that breaks a rule.
#[must_use]
pub fn received_invalid(reason: DeadLetterReason, detail: &str, payload: &str) -> FeedEvent {
    FeedEvent::Received(ReceivedBatch {
        received_at: FAKE_RECEIVED_AT,
        frames: vec![Err(Box::new(InvalidFrame {
            reason,
            detail: detail.to_owned(),
            payload: Bytes::copy_from_slice(payload.as_bytes()),
        }))],
        checkpoint: None,
        passed_over: 0,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ingestion_application::ports::Disconnection;

    use super::*;

    #[tokio::test]
    async fn the_fake_keeps_the_contract() {
        let ids: Vec<_> = source_contract::IDS.collect();
        let connection = [
            FeedEvent::Connected,
            received(&ids[..1]),
            received(&ids[1..]),
            FeedEvent::Disconnected(Disconnection {
                reason: DisconnectReason::ClosedByUpstream,
                detail: "done".to_owned(),
                retry_in: Duration::ZERO,
            }),
        ];
        let mut script = vec![connection; source_contract::CONNECTIONS].concat();
        script.extend([FeedEvent::Connected, received(&ids[..1])]);
        let (source, observer) = FakeSource::new(script);
        let mut source = source.having_read([batch(&ids[1..10]), batch(&ids[10..20])]);
        source_contract::check(&mut source).await;
        assert!(observer.is_closed());
    }
}
