//! A publisher in memory, and what every publisher must do.
//!
//! [`FakePublisher`] stands for Kafka in the tests of use cases.
//! [`publisher_contract::check`] holds it and the real adapter to the same
//! promises, so that a test with the fake says something about the service.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use domain::MatchId;
use ingestion_application::{
    Checkpoint, Receipt, SourceName, SummaryKey,
    ports::{FlushError, Followed, Message, MessagePublisher, PublishError},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};

pub mod publisher_contract;

/// How long a publisher that stands by waits for something to tell.
const TOLD_WITHIN: Duration = Duration::from_millis(100);

/// Takes messages into memory and acknowledges them at once, or when it is told to.
pub struct FakePublisher {
    room: usize,
    permits: Arc<Semaphore>,
    state: Mutex<State>,
    is_holding: watch::Sender<bool>,
    is_standing_by: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    held: Vec<(Message, Receipt, OwnedSemaphorePermit)>,
    arrived: Vec<Message>,
    checkpoints: Vec<(SourceName, Checkpoint)>,
    /// What another instance has published, and how much of it was told.
    elsewhere: Vec<MatchId>,
    told: usize,
}

impl FakePublisher {
    /// Takes up to `room` messages that are not acknowledged.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self {
            room,
            permits: Arc::new(Semaphore::new(room)),
            state: Mutex::default(),
            is_holding: watch::Sender::new(false),
            is_standing_by: watch::Sender::new(false),
        }
    }

    /// The same, while another instance publishes.
    #[must_use]
    pub fn standing_by(self) -> Self {
        self.is_standing_by.send_replace(true);
        self
    }

    /// The other instance publishes this.
    pub fn publish_elsewhere(&self, ids: &[i64]) {
        let ids = ids.iter().map(|raw| MatchId::try_new(*raw));
        let ids = ids.map(|id| id.expect("tests use valid ids"));
        self.lock().elsewhere.extend(ids);
    }

    /// The other instance is gone.
    pub fn take_over(&self) {
        self.is_standing_by.send_replace(false);
    }

    /// Acknowledges nothing from now on.
    pub fn hold(&self) {
        self.is_holding.send_replace(true);
    }

    /// Acknowledges what is held, and everything from now on.
    pub fn release(&self) {
        let mut state = self.lock();
        self.is_holding.send_replace(false);
        for (message, receipt, _room) in mem::take(&mut state.held) {
            state.arrive(message, receipt);
        }
    }

    /// Everything acknowledged so far, in order.
    #[must_use]
    pub fn arrived(&self) -> Vec<Message> {
        self.lock().arrived.clone()
    }

    /// The places that feeds go on from, in the order in which they were first kept.
    #[must_use]
    pub fn checkpoints(&self) -> Vec<(SourceName, Checkpoint)> {
        self.lock().checkpoints.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere fails its own test.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn arrive(&mut self, message: Message, receipt: Receipt) {
        match &message {
            Message::Match(_) | Message::Summary(_) => receipt.published(),
            Message::DeadLetter(letter) => receipt.dead_lettered(letter.reason),
        }
        self.arrived.push(message);
    }
}

#[async_trait]
impl MessagePublisher for FakePublisher {
    async fn followed(&self, _: usize, _: usize) -> Result<Option<Followed>, PublishError> {
        let mut is_standing_by = self.is_standing_by.subscribe();
        let turn = is_standing_by.wait_for(|is_standing_by| !is_standing_by);
        if timeout(TOLD_WITHIN, turn).await.is_ok() {
            return Ok(None);
        }
        let mut state = self.lock();
        let ids = state.elsewhere[state.told..].to_vec();
        state.told = state.elsewhere.len();
        let summaries = Vec::new();
        Ok(Some(Followed { ids, summaries }))
    }

    async fn publish(&self, message: Message, receipt: Receipt) -> Result<(), PublishError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.expect("nobody closes the semaphore");
        let mut state = self.lock();
        if *self.is_holding.borrow() {
            state.held.push((message, receipt, permit));
        } else {
            state.arrive(message, receipt);
        }
        Ok(())
    }

    async fn published(&self, count: usize) -> Result<Vec<MatchId>, PublishError> {
        let mut ids = self.arrived();
        ids.drain(..ids.len().saturating_sub(count));
        let id = |message: Message| match message {
            Message::Match(found) => Some(found.id),
            Message::Summary(told) => told.is_id_new.then_some(told.summary.match_id),
            Message::DeadLetter(_) => None,
        };
        let state = self.lock();
        let elsewhere = state.elsewhere[state.told..].iter().copied();
        Ok(elsewhere.chain(ids.into_iter().filter_map(id)).collect())
    }

    async fn published_summaries(&self, count: usize) -> Result<Vec<SummaryKey>, PublishError> {
        let key = |message: Message| match message {
            Message::Summary(told) => Some(SummaryKey::of(told.source.as_str(), &told.summary)),
            Message::Match(_) | Message::DeadLetter(_) => None,
        };
        let mut keys: Vec<_> = self.arrived().into_iter().filter_map(key).collect();
        keys.drain(..keys.len().saturating_sub(count));
        Ok(keys)
    }

    async fn keep_checkpoint(
        &self,
        source: SourceName,
        checkpoint: &Checkpoint,
    ) -> Result<(), PublishError> {
        let mut is_holding = self.is_holding.subscribe();
        let released = is_holding.wait_for(|is_holding| !is_holding).await;
        released.expect("this publisher holds the sender");
        let kept = &mut self.lock().checkpoints;
        match kept.iter_mut().find(|(name, _)| *name == source) {
            Some((_, last)) => last.clone_from(checkpoint),
            None => kept.push((source, checkpoint.clone())),
        }
        Ok(())
    }

    async fn last_checkpoint(
        &self,
        source: SourceName,
    ) -> Result<Option<Checkpoint>, PublishError> {
        let kept = self.checkpoints();
        let found = kept.into_iter().find(|(name, _)| *name == source);
        Ok(found.map(|(_, checkpoint)| checkpoint))
    }

    async fn flush(&self, deadline: Duration) -> Result<(), FlushError> {
        let room = u32::try_from(self.room).expect("tests use little room");
        match timeout(deadline, self.permits.acquire_many(room)).await {
            Ok(_) => Ok(()),
            Err(_) => Err(FlushError::DeadlinePassed {
                unacknowledged: self.lock().held.len() as u64,
                deadline,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        publisher_contract::{Arrived, Target},
        *,
    };

    struct Fake(Arc<FakePublisher>);

    #[async_trait]
    impl Target for Fake {
        fn publisher(&self) -> Arc<dyn MessagePublisher> {
            Arc::clone(&self.0) as _
        }

        fn room(&self) -> usize {
            self.0.room
        }

        async fn stop_acknowledging(&self) {
            self.0.hold();
        }

        async fn acknowledge_again(&self) {
            self.0.release();
        }

        async fn arrived(&self) -> Vec<Arrived> {
            self.0.arrived().iter().flat_map(Arrived::all_of).collect()
        }
    }

    #[tokio::test]
    async fn the_fake_keeps_the_contract() {
        let fake = Fake(Arc::new(FakePublisher::new(50)));
        publisher_contract::check(&fake).await;
    }
}
