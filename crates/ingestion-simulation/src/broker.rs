//! A broker behind the publisher's port: transactions, fencing, and every
//! trouble between client and broker.
//!
//! It is a model of the two together, the Kafka client and the brokers, as far
//! as the port shows them: messages are taken as long as there is room, a
//! transaction takes all that have gathered, and a receipt is settled when its
//! transaction is known to be committed.

use std::{
    collections::{HashSet, VecDeque},
    mem,
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
    sync::{Notify, Semaphore},
    time::{sleep, timeout},
};

use crate::{
    Bug,
    brokers::{ASK_AGAIN_AFTER, Brokers},
};

/// So many messages may be unacknowledged.
pub(crate) const ROOM: usize = 40;
/// A transaction takes no more.
const TRANSACTION_MESSAGES_MAX: usize = 25;
/// A matches' room that is given up by nobody.
const OPEN: &str = "nobody closes the semaphore";

/// How a transaction ended, as the client sees it.
enum TransactionEnd {
    Committed,
    Fenced,
    /// The client has to begin anew, and does not know what became of it.
    Unknown,
}

/// One writer.
pub(crate) struct ModelPublisher {
    brokers: Arc<Brokers>,
    bug: Option<Bug>,
    writer: u64,
    /// How much of the topic was there when this one began.
    begun_at: Mutex<usize>,
    room: Semaphore,
    queue: Mutex<VecDeque<(Message, Option<Receipt>)>>,
    queued: Notify,
    epoch: Mutex<Option<u64>>,
    started: Notify,
    is_fenced: Mutex<bool>,
    fenced: Notify,
}

impl ModelPublisher {
    pub(crate) fn new(brokers: Arc<Brokers>, bug: Option<Bug>) -> Arc<Self> {
        let writer = {
            let mut state = brokers.lock();
            state.last_writer += 1;
            state.last_writer
        };
        Arc::new(Self {
            brokers,
            bug,
            writer,
            begun_at: Mutex::new(0),
            room: Semaphore::new(ROOM),
            queue: Mutex::default(),
            queued: Notify::new(),
            epoch: Mutex::new(None),
            started: Notify::new(),
            is_fenced: Mutex::new(false),
            fenced: Notify::new(),
        })
    }

    /// Writes until it is dropped or fenced.
    pub(crate) async fn run(&self) {
        self.begin().await;
        *lock(&self.begun_at) = self.brokers.lock().matches.len();
        loop {
            let batch = self.take_batch().await;
            if let Some((batch, ended)) = self.write(batch).await {
                match ended {
                    TransactionEnd::Committed => self.settle(batch),
                    TransactionEnd::Unknown if self.begin_anew(batch).await => {}
                    TransactionEnd::Unknown | TransactionEnd::Fenced => {
                        *lock(&self.is_fenced) = true;
                        self.fenced.notify_waiters();
                        return;
                    }
                }
            }
        }
    }

    async fn begin(&self) {
        self.brokers.reach().await;
        let mut state = self.brokers.lock();
        state.epoch += 1;
        *lock(&self.epoch) = Some(state.epoch);
        self.started.notify_waiters();
    }

    async fn take_batch(&self) -> Vec<(Message, Option<Receipt>)> {
        loop {
            let batch: Vec<_> = {
                let mut queue = lock(&self.queue);
                let count = queue.len().min(TRANSACTION_MESSAGES_MAX);
                queue.drain(..count).collect()
            };
            if !batch.is_empty() {
                return batch;
            }
            self.queued.notified().await;
        }
    }

    /// One transaction; none when a bug has swallowed it.
    async fn write(
        &self,
        batch: Vec<(Message, Option<Receipt>)>,
    ) -> Option<(Vec<(Message, Option<Receipt>)>, TransactionEnd)> {
        self.brokers.reach().await;
        let ended = {
            let mut state = self.brokers.lock();
            let is_stale = *lock(&self.epoch) != Some(state.epoch);
            let fatal_percent = state.fatal_percent;
            if is_stale && self.bug != Some(Bug::FencedWriterGoesOn) {
                TransactionEnd::Fenced
            } else if state.happens(fatal_percent) {
                // It may have been committed or not.
                if state.happens(50) {
                    state.commit(&batch, self.writer);
                }
                TransactionEnd::Unknown
            } else {
                state.commit(&batch, self.writer);
                TransactionEnd::Committed
            }
        };
        if self.is_acknowledgement_lost() {
            // The commit is asked for again, and answered: done already.
            self.brokers.reach().await;
            if self.bug == Some(Bug::LostAcknowledgementIsRepeated) {
                self.brokers.lock().commit(&batch, self.writer);
            }
        }
        self.brokers.reach().await;
        Some((batch, ended))
    }

    fn is_acknowledgement_lost(&self) -> bool {
        let mut state = self.brokers.lock();
        let percent = state.acknowledgements_lost_percent;
        state.happens(percent)
    }

    fn settle(&self, batch: Vec<(Message, Option<Receipt>)>) {
        for (message, receipt) in batch {
            match (message, receipt) {
                (_, None) => {}
                (Message::Match(_) | Message::Summary(_), Some(receipt)) => receipt.published(),
                (Message::DeadLetter(letter), Some(receipt)) => {
                    receipt.dead_lettered(letter.reason);
                }
            }
            self.room.add_permits(1);
        }
    }

    /// A new client: what the last transaction has left is looked up. Not so
    /// when somebody else has written in between.
    async fn begin_anew(&self, batch: Vec<(Message, Option<Receipt>)>) -> bool {
        if self.bug == Some(Bug::LostWhenTheClientIsReplaced) {
            for (_, receipt) in batch {
                mem::forget(receipt);
                self.room.add_permits(1);
            }
            self.begin().await;
            return true;
        }
        // Fencing is judged before anything is begun anew.
        if *lock(&self.epoch) == Some(self.brokers.lock().epoch) {
            self.begin().await;
        }
        if self.has_successor() && self.bug != Some(Bug::FencedWriterGoesOn) {
            return false;
        }
        let found: HashSet<_> = self.brokers.matches().into_iter().collect();
        let is_committed = |message: &Message| match message {
            Message::Match(received) => {
                self.bug != Some(Bug::UnknownCommitIsRepeated) && found.contains(&received.id)
            }
            Message::Summary(told) => {
                self.bug != Some(Bug::UnknownCommitIsRepeated)
                    && self.brokers.lock().has_summary(told)
            }
            Message::DeadLetter(_) => false,
        };
        let (done, open) = batch
            .into_iter()
            .partition(|(message, _)| is_committed(message));
        self.settle(done);
        let open: Vec<_> = open;
        // A publisher may also give back what it cannot keep.
        let gives_back = lock(&self.epoch).is_some_and(|epoch| epoch.is_multiple_of(2));
        if gives_back {
            self.give_back(open);
            return true;
        }
        let mut queue = lock(&self.queue);
        for pair in open.into_iter().rev() {
            queue.push_front(pair);
        }
        drop(queue);
        self.queued.notify_one();
        true
    }

    fn give_back(&self, open: Vec<(Message, Option<Receipt>)>) {
        for (_, receipt) in open {
            if self.bug == Some(Bug::DroppedReceiptIsNotGivenBack) {
                mem::forget(receipt);
            } else {
                drop(receipt);
            }
            self.room.add_permits(1);
        }
    }

    /// Waits until no earlier writer can write any more, and a broker answers.
    async fn begun(&self) {
        loop {
            let started = self.started.notified();
            tokio::pin!(started);
            started.as_mut().enable();
            if lock(&self.epoch).is_some() {
                break;
            }
            started.await;
        }
        self.brokers.reach().await;
    }

    /// Whether another instance has written since this one began.
    fn has_successor(&self) -> bool {
        let begun_at = *lock(&self.begun_at);
        let state = self.brokers.lock();
        state.writers[begun_at..]
            .iter()
            .any(|writer| *writer != self.writer)
    }

    fn check_fenced(&self) -> Result<(), PublishError> {
        if *lock(&self.is_fenced) {
            let reason = "a later start".to_owned();
            return Err(PublishError::Fenced { reason });
        }
        Ok(())
    }
}

#[async_trait]
impl MessagePublisher for ModelPublisher {
    async fn publish(&self, message: Message, receipt: Receipt) -> Result<(), PublishError> {
        loop {
            let fenced = self.fenced.notified();
            tokio::pin!(fenced);
            fenced.as_mut().enable();
            self.check_fenced()?;
            tokio::select! {
                permit = self.room.acquire() => {
                    permit.expect(OPEN).forget();
                    break;
                }
                () = fenced => {}
            }
        }
        let receipt = if self.bug == Some(Bug::AcknowledgedTooEarly) {
            match &message {
                Message::Match(_) | Message::Summary(_) => receipt.published(),
                Message::DeadLetter(letter) => receipt.dead_lettered(letter.reason),
            }
            None
        } else {
            Some(receipt)
        };
        lock(&self.queue).push_back((message, receipt));
        self.queued.notify_one();
        Ok(())
    }

    async fn published(&self, count: usize) -> Result<Vec<MatchId>, PublishError> {
        self.begun().await;
        if self.bug == Some(Bug::WindowNotRestored) {
            return Ok(Vec::new());
        }
        let mut ids = self.brokers.matches();
        ids.drain(..ids.len().saturating_sub(count));
        Ok(ids)
    }

    async fn published_summaries(&self, count: usize) -> Result<Vec<SummaryKey>, PublishError> {
        self.begun().await;
        if self.bug == Some(Bug::WindowNotRestored) {
            return Ok(Vec::new());
        }
        let mut keys: Vec<_> = {
            let state = self.brokers.lock();
            state.summaries.iter().map(|(_, key)| *key).collect()
        };
        keys.drain(..keys.len().saturating_sub(count));
        Ok(keys)
    }

    async fn keep_checkpoint(
        &self,
        source: SourceName,
        checkpoint: &Checkpoint,
    ) -> Result<(), PublishError> {
        loop {
            self.brokers.reach().await;
            self.check_fenced()?;
            {
                let mut state = self.brokers.lock();
                // Refused to a stale writer, which hears of it with its next transaction.
                if *lock(&self.epoch) == Some(state.epoch) {
                    state.checkpoints.insert(source, checkpoint.clone());
                    return Ok(());
                }
            }
            sleep(ASK_AGAIN_AFTER).await;
        }
    }

    async fn last_checkpoint(
        &self,
        source: SourceName,
    ) -> Result<Option<Checkpoint>, PublishError> {
        self.begun().await;
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic fails the whole run.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
