//! A writer to the simulated brokers, behind the publisher's port.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use domain::MatchId;
use ingestion_application::{
    Checkpoint, Receipt, SourceName, SummaryKey,
    ports::{FlushError, Message, MessagePublisher, PublishError},
};
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::{sleep, timeout},
};

use crate::week::{Bug, brokers::Brokers};

/// So many messages may be unacknowledged.
const ROOM: usize = 20_000;
/// A transaction takes no more.
const TRANSACTION_MESSAGES_MAX: usize = 10_000;
/// Between two transactions.
const LINGER: Duration = Duration::from_millis(20);

/// One writer, with transactions.
pub(crate) struct SimulatedPublisher {
    brokers: Arc<Brokers>,
    bug: Option<Bug>,
    room: Semaphore,
    queue: Mutex<Queue>,
    queued: Notify,
    epoch: watch::Sender<Option<u64>>,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<(Message, Receipt)>,
    /// To be kept with the message of this sequence.
    places: VecDeque<(SourceName, Checkpoint, u64)>,
}

impl SimulatedPublisher {
    pub(crate) fn new(brokers: Arc<Brokers>, bug: Option<Bug>) -> Arc<Self> {
        Arc::new(Self {
            brokers,
            bug,
            room: Semaphore::new(ROOM),
            queue: Mutex::default(),
            queued: Notify::new(),
            epoch: watch::Sender::new(None),
        })
    }

    /// Writes until it is dropped.
    pub(crate) async fn run(&self) {
        self.brokers.reach().await;
        let epoch = {
            let mut state = self.brokers.lock();
            state.epoch += 1;
            state.epoch
        };
        self.epoch.send_replace(Some(epoch));
        loop {
            let batch = self.gather().await;
            self.brokers.reach().await;
            self.commit(&batch);
            // A process that dies here does not know what it has written.
            self.brokers.reach().await;
            self.room.add_permits(batch.len());
            for (message, receipt) in batch {
                match message {
                    Message::Match(_) | Message::Summary(_) => receipt.published(),
                    Message::DeadLetter(letter) => receipt.dead_lettered(letter.reason),
                }
            }
            sleep(LINGER).await;
        }
    }

    async fn gather(&self) -> Vec<(Message, Receipt)> {
        loop {
            let batch: Vec<_> = {
                let messages = &mut self.queue().messages;
                let count = messages.len().min(TRANSACTION_MESSAGES_MAX);
                messages.drain(..count).collect()
            };
            if !batch.is_empty() {
                return batch;
            }
            self.queued.notified().await;
        }
    }

    fn commit(&self, batch: &[(Message, Receipt)]) {
        let now_ms = self.brokers.now_ms();
        let mut state = self.brokers.lock();
        for (message, _) in batch {
            let source = message.source();
            match message {
                Message::Match(found) => state.append(found.id, source, now_ms),
                Message::Summary(told) => state.append(told.summary.match_id, source, now_ms),
                Message::DeadLetter(_) => {}
            }
        }
        let last = batch.last().map(|(_, receipt)| receipt.sequence());
        let places = &mut self.queue().places;
        while let Some((source, place, after)) = places.pop_front() {
            if last < Some(after) {
                places.push_front((source, place, after));
                break;
            }
            state.checkpoints.insert(source, place);
        }
    }

    /// Waits until no earlier writer can write any more.
    async fn begun(&self) {
        let mut epoch = self.epoch.subscribe();
        let begun = epoch.wait_for(Option::is_some).await;
        begun.expect("the sender is held here");
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // A panic fails the whole run.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl MessagePublisher for SimulatedPublisher {
    async fn publish(&self, message: Message, receipt: Receipt) -> Result<(), PublishError> {
        let permit = self.room.acquire().await;
        permit.expect("nobody closes the room").forget();
        self.queue().messages.push_back((message, receipt));
        self.queued.notify_one();
        Ok(())
    }

    async fn published(&self, count: usize) -> Result<Vec<MatchId>, PublishError> {
        self.begun().await;
        if self.bug == Some(Bug::WindowNotRestored) {
            return Ok(Vec::new());
        }
        let state = self.brokers.lock();
        let first = state.ids.len().saturating_sub(count);
        Ok(state.ids[first..].to_vec())
    }

    async fn published_summaries(&self, _: usize) -> Result<Vec<SummaryKey>, PublishError> {
        Ok(Vec::new())
    }

    fn announce_checkpoint(&self, source: SourceName, checkpoint: &Checkpoint, after: u64) {
        let place = (source, checkpoint.clone(), after);
        self.queue().places.push_back(place);
    }

    async fn keep_checkpoint(
        &self,
        source: SourceName,
        checkpoint: &Checkpoint,
    ) -> Result<(), PublishError> {
        self.begun().await;
        self.brokers.reach().await;
        let mut state = self.brokers.lock();
        // Refused to a stale writer, which is none in one process after the other.
        if *self.epoch.borrow() == Some(state.epoch) {
            state.checkpoints.insert(source, checkpoint.clone());
        }
        Ok(())
    }

    async fn last_checkpoint(
        &self,
        source: SourceName,
    ) -> Result<Option<Checkpoint>, PublishError> {
        self.begun().await;
        self.brokers.reach().await;
        Ok(self.brokers.lock().checkpoints.get(&source).cloned())
    }

    async fn flush(&self, deadline: Duration) -> Result<(), FlushError> {
        let all = u32::try_from(ROOM).expect("the room is small");
        match timeout(deadline, self.room.acquire_many(all)).await {
            Ok(_) => Ok(()),
            Err(_) => Err(FlushError::DeadlinePassed {
                unacknowledged: (ROOM - self.room.available_permits()) as u64,
                deadline,
            }),
        }
    }
}
