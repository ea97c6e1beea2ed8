//! Transaction after transaction, on a thread of its own.
//!
//! While one is on its way messages gather for the next. What is acknowledged
//! is committed; what is not committed is sent again, in its order.

use std::{mem, sync::Arc};

use rdkafka::ClientConfig;
use tokio::time::{Duration, Instant};

use crate::{
    delivery::{
        in_flight::{InFlight, Messages},
        record::Topics,
        room::Room,
        trouble::Trouble,
    },
    exactly_once::{
        committed::was_committed,
        lanes::{Idle, Lanes, Plan},
        places::Places,
        reports::{Received, Sample},
        transaction::{Conclusion, Fate},
        transaction_queue::{Progress, TransactionQueue},
        transactional_producer::TransactionalProducer,
        writer_end::WriterEnd,
    },
};

/// With so many messages waiting the next transaction begins at once.
const MANY: usize = 2_000;
/// After a commit brokers still mark its partitions. Asked for another
/// transaction meanwhile they refuse, and librdkafka asks again only 20 ms later;
/// measured: ADR 011.
const MARKED_AFTER: Duration = Duration::from_millis(2);
/// There is always something to wake the thread: this only bounds a wait.
const IDLE_TIME_MAX: Duration = Duration::from_mins(1);

/// The thread's own.
pub(crate) struct TransactionLoop {
    pub(crate) producer: TransactionalProducer,
    pub(crate) queue: Arc<TransactionQueue>,
    pub(crate) room: Arc<Room>,
    pub(crate) trouble: Arc<Trouble>,
    pub(crate) topics: Topics,
    /// For a look at what has been committed.
    pub(crate) consumer_config: ClientConfig,
    pub(crate) linger: Duration,
    pub(crate) lanes: Lanes,
    pub(crate) places: Places,
    /// Committed or not, this is to be found out.
    pub(crate) unsure: Messages,
}

impl TransactionLoop {
    /// Works until it is asked to stop, or shut out; keeps what is open then.
    pub(crate) fn run(mut self) -> WriterEnd {
        let Err(end) = self.work();
        self.producer.discard();
        let received = self.producer.reports.take();
        let failed = received.failed.into_iter().map(|(message, _)| message);
        self.queue
            .keep(received.delivered.into_iter().chain(failed));
        self.queue.keep(mem::take(&mut self.unsure));
        self.queue.keep(self.lanes.drain());
        end
    }

    fn work(&mut self) -> Result<std::convert::Infallible, WriterEnd> {
        self.producer.open(false)?;
        self.queue.set_progress(Progress::Ready);
        let mut next_at = Instant::now();
        let mut marked_at = next_at;
        loop {
            let Some(plan) = self.wait_for_plan(next_at, marked_at)? else {
                self.keep_place()?;
                marked_at = Instant::now() + MARKED_AFTER;
                continue;
            };
            self.producer.open(plan.is_alone)?;
            let messages = self.lanes.take(plan);
            let is_all_taken = |up_to| self.lanes.is_all_taken(up_to);
            let along = self.places.take_along(is_all_taken);
            next_at = Instant::now() + self.linger;
            let ended = self.producer.transact(messages, &self.topics, &along)?;
            marked_at = Instant::now() + MARKED_AFTER;
            match (ended.fate, ended.refused_place) {
                (Fate::Committed, _) => self.places.went_along(along),
                (_, Some(code)) => {
                    tracing::debug!(%code, "the place of a feed does not go along with messages");
                    self.places.was_in_the_way();
                    self.trouble.set_places(Some(code));
                }
                (_, None) => {}
            }
            self.conclude(plan, ended)?;
        }
    }

    /// Waits until there is something to do: in general not before `next_at`,
    /// and with many messages waiting not before `at_once_at`. None where it is
    /// to keep a place.
    fn wait_for_plan(
        &mut self,
        next_at: Instant,
        at_once_at: Instant,
    ) -> Result<Option<Plan>, WriterEnd> {
        let (mut count, mut time_max) = (0, Duration::ZERO);
        loop {
            let (lanes, places) = (&mut self.lanes, &mut self.places);
            self.queue.gather(lanes, places, count, time_max)?;
            let now = Instant::now();
            let keep_at = places.due_at().map(|due_at| due_at.max(at_once_at));
            if keep_at.is_some_and(|keep_at| keep_at <= now) {
                return Ok(None);
            }
            (count, time_max) = match self.lanes.plan(now) {
                Ok(plan) => {
                    let many = plan.size >= MANY || plan.is_retry();
                    let begin_at = if many {
                        at_once_at
                    } else {
                        next_at.max(at_once_at)
                    };
                    if begin_at <= now {
                        return Ok(Some(plan));
                    }
                    let missing = if many { usize::MAX } else { MANY - plan.size };
                    (missing, begin_at - now)
                }
                Err(Idle::Empty) => (1, IDLE_TIME_MAX),
                Err(Idle::Until(time)) => (1, time - now),
            };
            if let Some(keep_at) = keep_at {
                time_max = time_max.min(keep_at - now);
            }
        }
    }

    fn keep_place(&mut self) -> Result<(), WriterEnd> {
        let Some(place) = self.places.take() else {
            return Ok(());
        };
        self.producer.open(false)?;
        let result = self.producer.keep(&place.0)?;
        self.trouble.set_places(result.err());
        if let Err(code) = result {
            tracing::debug!(%code, "the place of a feed is not kept yet");
        }
        self.places.tried(place, result);
        Ok(())
    }

    fn conclude(&mut self, plan: Plan, ended: Conclusion) -> Result<(), WriterEnd> {
        let Conclusion {
            fate,
            received,
            is_broken,
            refused_place,
        } = ended;
        match fate {
            Fate::Committed => {
                self.producer.succeeded();
                self.lanes.succeeded(plan);
                self.settle(received.delivered);
            }
            // It was no fault of theirs.
            Fate::Aborted(_) if refused_place.is_some() => self.lanes.restore(all_of(received)),
            // A refused topic breaks the producer as well: brokers have no open
            // transaction to abort then. It is the cause that counts.
            Fate::Aborted(cause) if !is_broken || cause.is_some() => {
                tracing::debug!(
                    ?cause,
                    "a transaction is aborted, its messages are sent again"
                );
                self.lanes.failed(received, cause, &self.trouble);
                self.trouble.warn_of_refused();
            }
            Fate::Aborted(_) => self.lanes.restore(all_of(received)),
            Fate::Unsure => {
                self.unsure = received.delivered;
                self.make_sure(plan, received.sample)?;
            }
        }
        Ok(())
    }

    /// Finds out whether the messages in `unsure` are committed. If there is
    /// no match among them that could be looked up, they are sent again.
    fn make_sure(&mut self, plan: Plan, sample: Option<Sample>) -> Result<(), WriterEnd> {
        // Settles the transaction one way or the other, if it was not.
        self.producer.open(plan.is_alone)?;
        let is_committed = match sample {
            Some(sample) => was_committed(
                &self.consumer_config,
                self.topics.of(sample),
                sample,
                &self.trouble,
                &self.queue,
            )?,
            None => false,
        };
        let messages = mem::take(&mut self.unsure);
        let what = match (sample, is_committed) {
            (Some(_), true) => "as the topic shows they are there",
            (Some(_), false) => "as the topic shows they are not there, and are sent again",
            (None, _) => "its dead letters are sent again, and may be there twice",
        };
        tracing::warn!(
            messages = messages.len(),
            "the answer to a commit was lost: {what}"
        );
        if is_committed {
            if let Some(Sample {
                partition,
                offset,
                is_summary: false,
                ..
            }) = sample
            {
                self.producer.readability.acknowledged(partition, offset);
            }
            self.lanes.succeeded(plan);
            self.settle(messages);
        } else {
            self.lanes.restore(messages);
        }
        Ok(())
    }

    fn settle(&self, messages: Messages) {
        let acknowledged = messages.into_iter().map(|message| {
            self.trouble.acknowledged(&message);
            *message
        });
        InFlight::settle_all(acknowledged, &self.room);
    }
}

fn all_of(received: Received) -> Messages {
    let failed = received.failed.into_iter().map(|(message, _)| message);
    received.delivered.into_iter().chain(failed).collect()
}
