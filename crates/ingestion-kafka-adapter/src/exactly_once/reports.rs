//! What has become of the records of one transaction.

use std::{
    mem,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::MatchId;
use ingestion_application::ports::Message;
use kafka_kit::undecided::EndOffsets;
use rdkafka::error::RDKafkaErrorCode;

use crate::{
    delivery::{
        client::Outcomes,
        in_flight::{InFlight, Messages},
    },
    topic::end_offsets::lies_before,
};

/// Collects librdkafka's reports until it has told of every record.
#[derive(Default)]
pub(crate) struct Reports {
    state: Mutex<State>,
    all_are_in: Condvar,
}

#[derive(Default)]
struct State {
    /// How many reports make it whole.
    expected: usize,
    received: Received,
}

/// What has been reported.
#[derive(Default)]
pub(crate) struct Received {
    /// In the topic, and to be seen there once the transaction is committed.
    pub(crate) delivered: Messages,
    /// Not in the topic, and why.
    pub(crate) failed: Vec<(Box<InFlight>, RDKafkaErrorCode)>,
    /// One of those delivered.
    pub(crate) sample: Option<Sample>,
    /// Where the matches among them end.
    pub(crate) ends: EndOffsets,
    /// Where the others among them end.
    pub(crate) other_ends: OtherEnds,
}

/// Where messages that are no matches end, by their topic.
#[derive(Debug, Clone, Default)]
pub(crate) struct OtherEnds {
    pub(crate) letters: EndOffsets,
    pub(crate) summaries: EndOffsets,
}

impl OtherEnds {
    /// Takes over later ones.
    pub(crate) fn extend(&mut self, later: Self) {
        self.letters.extend(later.letters);
        self.summaries.extend(later.summaries);
    }

    /// Whether some of these lie before `older` ones, as in a topic made anew.
    pub(crate) fn lie_before(&self, older: &Self) -> bool {
        lies_before(&self.letters, &older.letters) || lies_before(&self.summaries, &older.summaries)
    }
}

/// Where a match or a summary of a transaction is, if the transaction is committed: then
/// all of it is there, and otherwise nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) id: MatchId,
    /// Whether it is in the topic of summaries.
    pub(crate) is_summary: bool,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

impl Reports {
    /// Begins anew, with so many records to be told of.
    pub(crate) fn expect(&self, count: usize) {
        let mut state = self.lock();
        state.expected = count;
        state.received.delivered.reserve(count);
    }

    /// Waits until every record has been told of, at most so long; whether that is so.
    pub(crate) fn wait(&self, time_max: Duration) -> bool {
        let waiting = self
            .all_are_in
            .wait_timeout_while(self.lock(), time_max, |state| !state.is_whole());
        let (state, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        state.is_whole()
    }

    /// Whether a record has failed, so that nothing of this can be committed.
    pub(crate) fn has_failed(&self) -> bool {
        !self.lock().received.failed.is_empty()
    }

    /// Where the matches reported so far end, and where the others do.
    pub(crate) fn ends(&self) -> (EndOffsets, OtherEnds) {
        let received = &self.lock().received;
        (received.ends.clone(), received.other_ends.clone())
    }

    /// Takes what has been reported so far.
    pub(crate) fn take(&self) -> Received {
        mem::take(&mut *self.lock()).received
    }

    fn notify(&self, state: &State) {
        if state.is_whole() {
            self.all_are_in.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outcomes for Reports {
    fn delivered(&self, message: Box<InFlight>, partition: i32, offset: i64) {
        let mut state = self.lock();
        let ends = match &message.content {
            Message::Match(found) => {
                state.received.sample = Some(Sample {
                    id: found.id,
                    is_summary: false,
                    partition,
                    offset,
                });
                &mut state.received.ends
            }
            Message::Summary(told) => {
                // Better a match, as its topic is the one that counts.
                state.received.sample.get_or_insert(Sample {
                    id: told.summary.match_id,
                    is_summary: true,
                    partition,
                    offset,
                });
                &mut state.received.other_ends.summaries
            }
            Message::DeadLetter(_) => &mut state.received.other_ends.letters,
        };
        // Brokers do not always say where a repeated request has put it.
        if offset >= 0 {
            ends.insert(partition, offset + 1);
        }
        state.received.delivered.push(message);
        self.notify(&state);
    }

    fn failed(&self, message: Box<InFlight>, code: RDKafkaErrorCode) {
        let mut state = self.lock();
        state.received.failed.push((message, code));
        self.notify(&state);
    }

    /// The thread of transactions looks by itself.
    fn lost_partitions(&self) {}
}

impl State {
    fn is_whole(&self) -> bool {
        self.received.delivered.len() + self.received.failed.len() >= self.expected
    }
}
