//! Each message exactly once: the thread of transactions, and how it is run.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use application::{Receipt, ports::PublishError};
use rdkafka::producer::ThreadedProducer;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::{
    KafkaSettings, SettingsError,
    delivery::{Context, Deliveries},
    in_flight::Content,
    lanes::Lanes,
    record::Topics,
    transaction_loop::TransactionLoop,
    transaction_queue::{Progress, TransactionQueue},
    transactional_producer::{End, Slot, TransactionalProducer},
};

/// Hands messages to the thread of transactions.
pub(crate) struct ExactlyOnce {
    deliveries: Arc<Deliveries>,
    queue: Arc<TransactionQueue>,
    slot: Slot,
    /// Until it is running.
    work: Mutex<Option<TransactionLoop>>,
}

impl ExactlyOnce {
    /// Makes the producer; nothing is connected yet.
    ///
    /// # Errors
    /// [`SettingsError`] when librdkafka does not accept the settings.
    pub(crate) fn try_new(
        settings: &KafkaSettings,
        deliveries: Arc<Deliveries>,
    ) -> Result<Self, SettingsError> {
        let queue = Arc::new(TransactionQueue::new());
        let producer =
            TransactionalProducer::try_new(settings, Arc::clone(&deliveries), Arc::clone(&queue))?;
        let slot = producer.slot();
        let work = TransactionLoop {
            producer,
            queue: Arc::clone(&queue),
            deliveries: Arc::clone(&deliveries),
            topics: Topics::from(settings),
            consumer_config: settings.consumer_config()?,
            linger: settings.linger,
            lanes: Lanes::default(),
            unsure: Vec::new(),
        };
        Ok(Self {
            deliveries,
            queue,
            slot,
            work: Mutex::new(Some(work)),
        })
    }

    /// The producer through which the brokers are asked.
    pub(crate) fn producer(&self) -> ThreadedProducer<Context> {
        // The slot always holds a whole producer, whatever has panicked elsewhere.
        let current = self.slot.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a message when there is room.
    ///
    /// # Errors
    /// [`PublishError`] when nothing more will be sent.
    pub(crate) async fn publish(
        &self,
        content: Content,
        receipt: Receipt,
    ) -> Result<(), PublishError> {
        let place = self.deliveries.room.enter(content.extra_bytes()).await;
        let Some(place) = place else {
            return Err(self.over());
        };
        self.queue.push(content, receipt, place);
        Ok(())
    }

    /// Waits until no earlier instance can write any more.
    ///
    /// # Errors
    /// [`PublishError`] when that will never be.
    pub(crate) async fn ready(&self) -> Result<(), PublishError> {
        let mut progress = self.queue.progress();
        let reached = progress.wait_for(|progress| *progress != Progress::Starting);
        match &*reached.await.expect("the queue lives as long as this") {
            Progress::Over(error) => Err(error.clone()),
            Progress::Starting | Progress::Ready => Ok(()),
        }
    }

    /// Runs transactions until `stop`.
    ///
    /// # Errors
    /// [`PublishError`] when they end before that.
    pub(crate) async fn run(&self, stop: &CancellationToken) -> Result<(), PublishError> {
        let work = self
            .work
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(work) = work else {
            return Err(self.over());
        };
        // Also when this future is dropped.
        let _guard = EndGuard(self);
        let (done, mut ended) = oneshot::channel();
        let thread = thread::Builder::new().name("kafka-transactions".to_owned());
        let started = thread.spawn(move || {
            // Nobody listens any more after an abort.
            let _ = done.send(work.run());
        });
        if let Err(error) = started {
            return Err(self.end(stopped(&format!("no thread can be started: {error}"))));
        }
        let end = tokio::select! {
            end = &mut ended => end,
            () = stop.cancelled() => {
                self.queue.stop();
                ended.await
            }
        };
        match end {
            Ok(End::Stopped) => Ok(()),
            Ok(End::Fenced(reason)) => {
                let trouble =
                    format!("another instance has taken over: {reason}; stop one of them");
                self.deliveries.set_transaction_trouble(Some(trouble));
                Err(self.end(PublishError::Fenced { reason }))
            }
            Err(_) => Err(self.end(stopped("the thread of transactions has panicked"))),
        }
    }

    /// Lets nobody in any more, and says why.
    fn end(&self, error: PublishError) -> PublishError {
        self.queue.set_progress(Progress::Over(error));
        self.deliveries.room.close();
        self.over()
    }

    /// Why nothing more will be sent.
    pub(crate) fn over(&self) -> PublishError {
        let over = self.queue.over();
        over.unwrap_or_else(|| stopped("it is being run already"))
    }
}

/// Ends everything when the run ends, or is given up.
struct EndGuard<'a>(&'a ExactlyOnce);

impl Drop for EndGuard<'_> {
    fn drop(&mut self) {
        self.0.queue.stop();
        self.0.end(stopped("it was asked to"));
    }
}

fn stopped(reason: &str) -> PublishError {
    PublishError::Stopped {
        reason: reason.to_owned(),
    }
}
