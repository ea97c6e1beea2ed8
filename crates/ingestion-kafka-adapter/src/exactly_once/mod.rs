//! Each message exactly once: the thread of transactions, and how it is run.

pub(crate) mod committed;
mod lanes;
mod others;
pub(crate) mod places;
pub(crate) mod reports;
mod transaction;
mod transaction_loop;
mod transaction_queue;
mod transactional_producer;
mod trying;
mod writer_end;

use std::{
    future::pending,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use ingestion_application::{
    Receipt,
    ports::{Message, PublishError},
};
use kafka_kit::{ownership::Ownership, reader::Reader, settings::SettingsError};
use rdkafka::producer::ThreadedProducer;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use self::{
    lanes::Lanes,
    places::{Kept, Places},
    transaction_loop::TransactionLoop,
    transaction_queue::{Progress, TransactionQueue},
    transactional_producer::{Slot, TransactionalProducer},
    writer_end::WriterEnd,
};
use crate::{
    delivery::{
        client::Context, in_flight::extra_bytes, record::Topics, room::Room, trouble::Trouble,
    },
    settings::KafkaSettings,
    shared_state::SharedState,
};

/// Hands messages to the thread of transactions.
pub(crate) struct ExactlyOnce {
    room: Arc<Room>,
    trouble: Arc<Trouble>,
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
        shared: SharedState,
    ) -> Result<Self, SettingsError> {
        let SharedState {
            room,
            trouble,
            readability,
        } = shared;
        let queue = Arc::new(TransactionQueue::new());
        let producer = TransactionalProducer::try_new(
            settings,
            Arc::clone(&trouble),
            readability,
            Arc::clone(&queue),
        )?;
        let slot = producer.slot();
        let work = TransactionLoop {
            producer,
            queue: Arc::clone(&queue),
            room: Arc::clone(&room),
            trouble: Arc::clone(&trouble),
            topics: Topics::from(settings),
            consumer_config: Reader::config(&settings.client),
            linger: settings.linger,
            lanes: Lanes::default(),
            places: Places::default(),
            unsure: Vec::new(),
        };
        Ok(Self {
            room,
            trouble,
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
        content: Message,
        receipt: Receipt,
    ) -> Result<(), PublishError> {
        let place = self.room.enter(extra_bytes(&content)).await;
        let Some(place) = place else {
            return Err(self.over());
        };
        self.queue.push([(content, receipt, place)]);
        Ok(())
    }

    /// Takes a new match and what is known of it when there is room for both.
    ///
    /// # Errors
    /// [`PublishError`] when nothing more will be sent.
    pub(crate) async fn publish_both(
        &self,
        [found, told]: [(Message, Receipt); 2],
    ) -> Result<(), PublishError> {
        let places = self.room.enter_both(extra_bytes(&told.0)).await;
        let Some([first, second]) = places else {
            return Err(self.over());
        };
        self.queue
            .push([(found.0, found.1, first), (told.0, told.1, second)]);
        Ok(())
    }

    /// Gives back what was kept when the run ended.
    pub(crate) fn let_go(&self) {
        self.queue.let_go();
    }

    /// Keeps a place when it is its turn.
    pub(crate) fn keep_place(&self, place: Kept) {
        self.queue.keep_place(place);
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

    /// Waits until nothing more will be sent, and says why.
    pub(crate) async fn ended(&self) -> PublishError {
        let mut progress = self.queue.progress();
        let is_over = |progress: &Progress| matches!(progress, Progress::Over(_));
        // The queue lives as long as this.
        drop(progress.wait_for(is_over).await);
        self.over()
    }

    /// Runs transactions until `stop`; where there is an `ownership`, only while
    /// it is this process's.
    ///
    /// # Errors
    /// [`PublishError`] when they end before that.
    pub(crate) async fn run(
        &self,
        stop: &CancellationToken,
        ownership: Option<&Ownership>,
    ) -> Result<(), PublishError> {
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
        if let Some(ownership) = ownership {
            // To open a producer fences whoever has one: not before it is time.
            let owned = ownership.owned();
            if stop.run_until_cancelled(owned).await.is_none() {
                return Ok(());
            }
        }
        let (done, mut ended) = oneshot::channel();
        let thread = thread::Builder::new().name("kafka-transactions".to_owned());
        let started = thread.spawn(move || {
            // Nobody listens any more after an abort.
            let _ = done.send(work.run());
        });
        if let Err(error) = started {
            return Err(self.end(stopped(&format!("no thread can be started: {error}"))));
        }
        let given_away = async {
            match ownership {
                Some(ownership) => ownership.given_away().await,
                None => pending().await,
            }
        };
        let end = tokio::select! {
            end = &mut ended => end,
            () = stop.cancelled() => {
                self.queue.stop();
                ended.await
            }
            () = given_away => {
                self.queue.stop();
                let reason = "the group has given the topic to it".to_owned();
                ended.await.map(|_| WriterEnd::Fenced(reason))
            }
        };
        match end {
            Ok(WriterEnd::Stopped) => Ok(()),
            Ok(WriterEnd::Fenced(reason)) => {
                let why = format!("another instance has taken over: {reason}; stop one of them");
                self.trouble.set_transactions(Some(why));
                Err(self.end(PublishError::Fenced { reason }))
            }
            Err(_) => Err(self.end(stopped("the thread of transactions has panicked"))),
        }
    }

    /// Lets nobody in any more, and says why.
    fn end(&self, error: PublishError) -> PublishError {
        self.queue.set_progress(Progress::Over(error));
        self.room.close();
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

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, time::Duration};

    use domain::{MatchId, Timestamp};
    use ingestion_application::{ReceivedMatch, SourceName};
    use ingestion_test_support::receipts::{ReceiptFigures, ReceiptRecorder};
    use kafka_test_kit::KafkaCluster;
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::topic::published_tail::{match_id, read_tail};

    const FEED: SourceName = SourceName::new("feed");
    const PATIENCE: Duration = Duration::from_mins(1);

    async fn wait_until(what: &str, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn publish(
        way: &ExactlyOnce,
        receipts: &Arc<ReceiptRecorder>,
        ids: std::ops::Range<i64>,
    ) {
        for id in ids {
            let content = Message::Match(ReceivedMatch {
                id: MatchId::try_new(id).expect("it is valid"),
                source: FEED,
                received_at: Timestamp::from_unix_ms(1),
            });
            let published = way.publish(content, receipts.give_out()).await;
            published.expect("it goes on");
            // The pace of a feed, not a wait for anything.
            sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn producers_given_up_in_the_middle_of_transactions_lose_and_repeat_nothing() {
        let cluster = KafkaCluster::start(1).await.expect("it can be started");
        for topic in ["matches", "letters"] {
            cluster
                .create_topic(topic, 3, &[])
                .await
                .expect("it is new");
        }
        let settings = KafkaSettings {
            publish_topic: "matches".to_owned(),
            dead_letter_topic: "letters".to_owned(),
            ..KafkaSettings::at(cluster.bootstrap_servers())
        };
        let shared = SharedState::new();
        let trouble = Arc::clone(&shared.trouble);
        let way = ExactlyOnce::try_new(&settings, shared);
        let way = Arc::new(way.expect("these settings are fine"));
        let work = |work: &mut TransactionLoop| {
            work.producer.stuck_after = Duration::from_millis(500);
        };
        way.work.lock().expect("nobody panics").as_mut().map(work);
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let (way, stop) = (Arc::clone(&way), stop.clone());
            async move { way.run(&stop, None).await }
        });
        way.ready().await.expect("the broker answers");
        let receipts = Arc::new(ReceiptRecorder::default());
        for round in 0..2 {
            let first = 1 + round * 600;
            publish(&way, &receipts, first..first + 300).await;
            cluster.pause(0).expect("it runs");
            publish(&way, &receipts, first + 300..first + 600).await;
            wait_until("the next producer cannot be opened", || {
                trouble.transactions().is_some()
            })
            .await;
            cluster.resume(0).expect("it is paused");
            wait_until("all are settled", || receipts.figures().pending == 0).await;
            assert_eq!(trouble.transactions(), None);
        }
        let expected = ReceiptFigures {
            published: 1200,
            ..ReceiptFigures::default()
        };
        assert_eq!(receipts.figures(), expected);
        let reading = tokio::task::spawn_blocking(move || {
            let config = Reader::config(&settings.client);
            read_tail(
                &config,
                "matches",
                100_000,
                match_id,
                &CancellationToken::new(),
            )
        });
        let tail = reading.await.expect("reading does not panic");
        let mut counts = HashMap::new();
        for id in tail.expect("the broker answers").found {
            *counts.entry(id.get()).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 1200, "every match is there");
        assert!(counts.values().all(|count| *count == 1), "and none twice");
        stop.cancel();
        let ended = running.await.expect("it does not panic");
        assert_eq!(ended, Ok(()));
    }
}
