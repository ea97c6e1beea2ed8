//! One transaction, from its beginning to its end.

use std::{mem, thread};

use kafka_kit::error_code::code_of;
use rdkafka::{error::RDKafkaErrorCode, producer::Producer};
use tokio::time::Duration;

use crate::{
    delivery::{client::send, in_flight::Messages, record::Topics},
    exactly_once::{
        places::Place,
        reports::{OtherEnds, Received},
        transactional_producer::{Failure, STEP, TransactionalProducer, classify, is_fencing},
        trying::Trying,
        writer_end::WriterEnd,
    },
};

/// For so long messages wait for a place that goes along with them.
const ALONG_TIME_MAX: Duration = Duration::from_secs(1);

/// How a transaction has ended.
pub(crate) struct Conclusion {
    pub(crate) fate: Fate,
    /// All its messages.
    pub(crate) received: Received,
    /// Whether its producer can do nothing more.
    pub(crate) is_broken: bool,
    /// Why a place could not go along: it was given up for that.
    pub(crate) refused_place: Option<RDKafkaErrorCode>,
}

/// What has become of its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// All of them are in their topics.
    Committed,
    /// None of them is, nor will be; and why, if that is known.
    Aborted(Option<RDKafkaErrorCode>),
    /// All of them are, or none.
    Unsure,
}

impl TransactionalProducer {
    /// Sends messages in one transaction, and places of feeds along with them;
    /// blocks until it has ended.
    ///
    /// # Errors
    /// [`WriterEnd`], and the messages are left with the producer.
    pub(crate) fn transact(
        &mut self,
        messages: Messages,
        topics: &Topics,
        along: &[Place],
    ) -> Result<Conclusion, WriterEnd> {
        let mut trying = Trying::begin();
        self.reports.expect(messages.len());
        // All that was sent before has been reported.
        self.client.context().unreported.set_lost_partitions(false);
        let is_begun = self.client.begin_transaction().is_ok();
        for message in messages {
            send(&self.client, message, topics);
        }
        while !self.reports.wait(STEP) {
            if self.is_waiting_in_vain(&mut trying)? {
                return self.give_up(Fate::Aborted(None));
            }
            // Records of a transaction that brokers have refused are not
            // reported before it is aborted.
            if is_begun && let Some(cause) = self.cause() {
                return self.abort(&mut trying, Fate::Aborted(Some(cause)));
            }
        }
        if !is_begun {
            self.is_hopeless(&mut trying)?;
            return self.give_up(Fate::Aborted(None));
        }
        if self.reports.has_failed() {
            return self.abort(&mut trying, Fate::Aborted(self.cause()));
        }
        if self.may_have_lost_a_topic() {
            let ended = self.give_up(Fate::Aborted(None));
            // As far as they are of a topic that is gone they tell nothing more.
            self.other_ends = OtherEnds::default();
            return ended;
        }
        for place in along {
            if let Some(code) = self.add(place, &mut trying, ALONG_TIME_MAX)? {
                let ended = self.abort(&mut trying, Fate::Aborted(None))?;
                return Ok(Conclusion {
                    refused_place: Some(code),
                    ..ended
                });
            }
        }
        self.commit(&mut trying)
    }

    /// Keeps a place in a transaction of its own; why it is not kept, if it is
    /// not. Blocks until that is known.
    ///
    /// # Errors
    /// [`WriterEnd`] when it never will be.
    pub(crate) fn keep(
        &mut self,
        place: &Place,
    ) -> Result<Result<(), RDKafkaErrorCode>, WriterEnd> {
        let mut trying = Trying::begin();
        self.reports.expect(0);
        if self.client.begin_transaction().is_err() {
            self.is_hopeless(&mut trying)?;
            self.give_up(Fate::Aborted(None))?;
            return Ok(Err(RDKafkaErrorCode::State));
        }
        if let Some(code) = self.add(place, &mut trying, self.stuck_after)? {
            self.abort(&mut trying, Fate::Aborted(Some(code)))?;
            return Ok(Err(code));
        }
        // Kept again where that is not known: it is the same place.
        Ok(match self.commit(&mut trying)?.fate {
            Fate::Committed => Ok(()),
            Fate::Aborted(_) | Fate::Unsure => Err(RDKafkaErrorCode::OperationTimedOut),
        })
    }

    /// Adds a place to the transaction, in at most so long; why it cannot be, if
    /// it cannot: then nothing of the transaction may be committed.
    fn add(
        &self,
        place: &Place,
        trying: &mut Trying,
        time_max: Duration,
    ) -> Result<Option<RDKafkaErrorCode>, WriterEnd> {
        let until = trying.time() + time_max;
        loop {
            let sent = self
                .client
                .send_offsets_to_transaction(&place.offsets, &place.group, STEP);
            let Err(error) = sent else {
                return Ok(None);
            };
            match classify(&error) {
                Failure::NotYet(_) if !self.is_hopeless(trying)? && trying.time() < until => {}
                Failure::Fenced(reason) => return Err(WriterEnd::Fenced(reason)),
                Failure::NotYet(code) | Failure::Abort(code) | Failure::Broken(code, _) => {
                    return Ok(Some(code));
                }
            }
        }
    }

    fn commit(&mut self, trying: &mut Trying) -> Result<Conclusion, WriterEnd> {
        loop {
            self.wait_for_last_report();
            let Err(error) = self.client.commit_transaction(STEP) else {
                return Ok(self.ended(Fate::Committed, false));
            };
            match classify(&error) {
                Failure::NotYet(_) if !self.is_hopeless(trying)? => {}
                Failure::Fenced(reason) => return Err(WriterEnd::Fenced(reason)),
                // Every record was delivered, so the request to commit may
                // have arrived, though its answer has not.
                Failure::Abort(_) => return self.abort(trying, Fate::Unsure),
                Failure::NotYet(_) | Failure::Broken(..) => return self.give_up(Fate::Unsure),
            }
        }
    }

    fn abort(&mut self, trying: &mut Trying, fate: Fate) -> Result<Conclusion, WriterEnd> {
        loop {
            let Err(error) = self.client.abort_transaction(STEP) else {
                return self.aborted(trying, fate);
            };
            match classify(&error) {
                Failure::NotYet(_) if !self.is_waiting_in_vain(trying)? => {}
                Failure::Fenced(reason) => return Err(WriterEnd::Fenced(reason)),
                _ => return self.give_up(fate),
            }
        }
    }

    /// Waits for the last reports of an aborted transaction.
    fn aborted(&mut self, trying: &mut Trying, fate: Fate) -> Result<Conclusion, WriterEnd> {
        while !self.reports.wait(STEP) {
            if self.is_waiting_in_vain(trying)? {
                return self.give_up(fate);
            }
        }
        Ok(self.ended(fate, false))
    }

    /// Gives the transaction up with its producer, and takes back what that has.
    fn give_up(&mut self, fate: Fate) -> Result<Conclusion, WriterEnd> {
        self.discard_failed()?;
        Ok(self.ended(fate, true))
    }

    fn ended(&mut self, fate: Fate, is_broken: bool) -> Conclusion {
        let mut received = self.reports.take();
        if fate == Fate::Committed {
            self.readability.all_acknowledged(&received.ends);
        }
        self.others.delivered(mem::take(&mut received.ends));
        self.other_ends.extend(mem::take(&mut received.other_ends));
        Conclusion {
            fate,
            received,
            is_broken,
            refused_place: None,
        }
    }

    /// Whether not all reports are to be expected of the producer.
    fn is_waiting_in_vain(&self, trying: &mut Trying) -> Result<bool, WriterEnd> {
        Ok(self.is_hopeless(trying)? || self.has_lost_partitions())
    }

    /// Whether records may have been delivered to a topic that was deleted, and
    /// others to the one made in its place: committed, those would be gone.
    fn may_have_lost_a_topic(&self) -> bool {
        let (ends, other_ends) = self.reports.ends();
        self.has_lost_partitions()
            || self.others.is_made_anew(&ends)
            || other_ends.lie_before(&self.other_ends)
    }

    fn has_lost_partitions(&self) -> bool {
        self.client.context().unreported.has_lost_partitions()
    }

    /// Whether nothing more is to be expected of the producer.
    fn is_hopeless(&self, trying: &mut Trying) -> Result<bool, WriterEnd> {
        self.queue.check_stop()?;
        match self.client.client().fatal_error() {
            Some((code, reason)) if is_fencing(code) => Err(WriterEnd::Fenced(reason)),
            Some(_) => Ok(true),
            None => Ok(trying.time() > self.stuck_after),
        }
    }

    /// Why the transaction cannot be committed, if brokers have said so: that
    /// is what librdkafka answers when another one is to begin.
    fn cause(&self) -> Option<RDKafkaErrorCode> {
        let code = code_of(&self.client.begin_transaction().err()?);
        (code != RDKafkaErrorCode::State).then_some(code)
    }

    /// Waits until librdkafka has forgotten the records it has reported: a
    /// moment. Asked to commit before, rdkafka would wait a tenth of a second.
    fn wait_for_last_report(&self) {
        const LOOK_PAUSE: Duration = Duration::from_micros(50);
        const LOOKS_MAX: usize = 400;
        for _ in 0..LOOKS_MAX {
            if self.client.in_flight_count() == 0 {
                return;
            }
            thread::sleep(LOOK_PAUSE);
        }
    }
}
