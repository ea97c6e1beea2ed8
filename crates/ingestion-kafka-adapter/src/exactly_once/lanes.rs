//! What waits for a transaction, one lane a topic.
//!
//! A transaction stands or falls as a whole, so what cannot be written must
//! not take down what can: while all is well the lanes share transactions; a
//! lane in trouble gets transactions of its own, each after a pause, until one
//! succeeds. Within a lane the order of acceptance is kept.

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, mem};

use ingestion_application::ports::Message;
use rdkafka::error::RDKafkaErrorCode;
use tokio::time::{Duration, Instant};

use crate::{
    delivery::{
        in_flight::{InFlight, Messages},
        pause::{RESEND_PAUSE_MAX, RESEND_PAUSE_MIN},
        trouble::{Trouble, Verdict},
    },
    exactly_once::reports::Received,
};

/// One transaction takes at most so many messages: half the room, so that as
/// many gather while it is on its way.
const SIZE_MAX: usize = 10_000;
/// Up to so many messages that must travel alone get a transaction each; to
/// change to a producer of single records and back takes about as long.
const SINGLES_MAX: usize = 20;
/// Where single records are refused a transaction takes ever fewer of them,
/// down to this: as many are in flight together, and can be refused together.
const REFUSED_SIZE_MIN: usize = 5;

/// One for each topic.
const LANES: usize = 3;
const MATCHES: usize = 0;
const DEAD_LETTERS: usize = 1;
const SUMMARIES: usize = 2;

/// All lanes.
#[derive(Default)]
pub(crate) struct Lanes {
    lanes: [Lane; LANES],
    /// The last sequence that was added: they ascend.
    newest: u64,
}

/// What waits for one topic.
#[derive(Default)]
struct Lane {
    waiting: VecDeque<Box<InFlight>>,
    setback: Option<Setback>,
}

/// A lane's last transaction has failed through a fault of its own.
struct Setback {
    retry_at: Instant,
    pause: Duration,
    size_max: usize,
    /// So many at the front must travel alone.
    alone: usize,
}

/// What the next transaction is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// One lane in trouble, or all that are in none.
    only: Option<usize>,
    /// How many messages it takes.
    pub(crate) size: usize,
    /// Whether each record must travel in a batch of its own.
    pub(crate) is_alone: bool,
}

impl Plan {
    /// Whether this is of a lane in trouble, which has waited for its time.
    pub(crate) fn is_retry(self) -> bool {
        self.only.is_some()
    }
}

/// When there will be something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idle {
    /// As soon as something is added.
    Empty,
    /// Also at this time, without that.
    Until(Instant),
}

impl Lanes {
    /// Adds what has been accepted last.
    pub(crate) fn add(&mut self, message: Box<InFlight>) {
        self.newest = message.receipt.sequence();
        self.lanes[lane_of(&message.content)]
            .waiting
            .push_back(message);
    }

    /// What to do now, or for how long there is nothing to do.
    pub(crate) fn plan(&self, now: Instant) -> Result<Plan, Idle> {
        let mut idle = Idle::Empty;
        for (index, lane) in self.lanes.iter().enumerate().rev() {
            let Some(setback) = lane.setback.as_ref().filter(|_| !lane.waiting.is_empty()) else {
                continue;
            };
            if setback.retry_at <= now {
                let (size, is_alone) = setback.size(lane.waiting.len());
                return Ok(Plan {
                    only: Some(index),
                    size,
                    is_alone,
                });
            }
            idle = match idle {
                Idle::Until(other) if other < setback.retry_at => idle,
                _ => Idle::Until(setback.retry_at),
            };
        }
        let well = self.lanes.iter().filter(|lane| lane.setback.is_none());
        let size = well.map(|lane| lane.waiting.len()).sum::<usize>();
        if size == 0 {
            return Err(idle);
        }
        Ok(Plan {
            only: None,
            size: size.min(SIZE_MAX),
            is_alone: false,
        })
    }

    /// Takes what the plan says.
    pub(crate) fn take(&mut self, plan: Plan) -> Messages {
        let mut taken = Vec::with_capacity(plan.size);
        if let Some(only) = plan.only {
            let lane = &mut self.lanes[only];
            let count = lane.waiting.len().min(plan.size);
            taken.extend(lane.waiting.drain(..count));
            if let Some(setback) = &mut lane.setback
                && setback.alone > 0
            {
                setback.alone -= count;
                for message in &mut taken {
                    message.is_alone = true;
                }
            }
            return taken;
        }
        // Dead letters first: they are few, and matches may fill transactions for long.
        for index in [DEAD_LETTERS, MATCHES] {
            if index == MATCHES && self.lanes[SUMMARIES].is_going() {
                self.take_in_pairs(plan.size, &mut taken);
            }
            let lane = &mut self.lanes[index];
            if lane.setback.is_none() {
                let count = lane
                    .waiting
                    .len()
                    .min(plan.size.saturating_sub(taken.len()));
                taken.extend(lane.waiting.drain(..count));
            }
        }
        taken
    }

    /// Takes matches and summaries in the order of receipt, up to `size` messages
    /// in all and one more if a summary would be parted from its match.
    fn take_in_pairs(&mut self, size: usize, taken: &mut Messages) {
        let [matches, _, summaries] = &mut self.lanes;
        let mut last = None;
        loop {
            let front = |lane: &Lane| lane.front();
            let (of_match, of_summary) = (front(matches), front(summaries));
            let Some(next) = of_match.into_iter().chain(of_summary).min() else {
                return;
            };
            if taken.len() >= size && last != Some(next) {
                return;
            }
            let lane = if of_match == Some(next) {
                &mut *matches
            } else {
                &mut *summaries
            };
            taken.extend(lane.waiting.pop_front());
            last = Some(next);
        }
    }

    /// Whether the message of this sequence has been added, and nothing up to it waits.
    pub(crate) fn is_all_taken(&self, up_to: u64) -> bool {
        let mut waiting = self.lanes.iter().flat_map(|lane| &lane.waiting);
        self.newest >= up_to && waiting.all(|message| message.receipt.sequence() > up_to)
    }

    /// The planned transaction is committed.
    pub(crate) fn succeeded(&mut self, plan: Plan) {
        let Some(only) = plan.only else { return };
        let setback = &mut self.lanes[only].setback;
        match setback {
            Some(setback) if setback.alone > 0 => {
                setback.size_max = SIZE_MAX.min(setback.size_max * 2);
                setback.pause = RESEND_PAUSE_MIN;
                setback.retry_at = Instant::now();
            }
            _ => *setback = None,
        }
    }

    /// The planned transaction is not committed: keeps all of it, and finds
    /// out whose fault it was, `cause` being what librdkafka says of the whole.
    pub(crate) fn failed(
        &mut self,
        received: Received,
        cause: Option<RDKafkaErrorCode>,
        trouble: &Trouble,
    ) {
        let now = Instant::now();
        // Of each lane: whether it is at fault, and whether the next attempt differs.
        let mut faults: [Option<bool>; LANES] = [None; LANES];
        let mut messages = received.delivered;
        for (mut message, code) in received.failed {
            if !is_collateral(code) {
                let lane = lane_of(&message.content);
                let verdict = trouble.judge(&mut message, code);
                *faults[lane].get_or_insert(false) |= verdict != Verdict::SendLater;
            }
            messages.push(message);
        }
        if faults == [None; LANES] {
            for one in &messages {
                faults[lane_of(&one.content)] = Some(false);
            }
            let is_one_lane = faults.iter().flatten().count() == 1;
            if is_one_lane && let (Some(cause), Some(one)) = (cause, messages.first()) {
                trouble.refusal(&one.content).note(cause);
            }
        }
        for (lane, fault) in self.lanes.iter_mut().zip(faults) {
            if let Some(is_different) = fault {
                lane.setback(now).deepen(now, is_different);
            }
        }
        self.restore(messages);
    }

    /// Puts back what has been taken, before all that waits.
    pub(crate) fn restore(&mut self, mut messages: Messages) {
        let now = Instant::now();
        messages.sort_unstable_by_key(|message| message.receipt.sequence());
        for message in messages.into_iter().rev() {
            let lane = &mut self.lanes[lane_of(&message.content)];
            // All up to the last of those that must travel alone do.
            if message.is_alone || lane.setback.as_ref().is_some_and(|one| one.alone > 0) {
                lane.setback(now).alone += 1;
            }
            lane.waiting.push_front(message);
        }
    }

    /// Takes everything.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Box<InFlight>> {
        let lanes = mem::take(&mut self.lanes);
        lanes.into_iter().flat_map(|lane| lane.waiting)
    }
}

impl Lane {
    /// Whether something waits for the next transaction of all.
    fn is_going(&self) -> bool {
        self.front().is_some()
    }

    /// The place of its first message in the order of receipt, unless it is in trouble.
    fn front(&self) -> Option<u64> {
        let first = self.waiting.front().filter(|_| self.setback.is_none());
        first.map(|message| message.receipt.sequence())
    }

    /// The lane's setback, which begins now if there is none.
    fn setback(&mut self, now: Instant) -> &mut Setback {
        self.setback.get_or_insert(Setback {
            retry_at: now,
            pause: RESEND_PAUSE_MIN,
            size_max: SIZE_MAX,
            alone: 0,
        })
    }
}

impl Setback {
    /// Another attempt has failed; whether the next one differs from it.
    fn deepen(&mut self, now: Instant, is_different: bool) {
        let size_min = if is_different { REFUSED_SIZE_MIN } else { 1 };
        self.size_max = size_min.max(self.size_max / 2);
        if is_different {
            self.pause = RESEND_PAUSE_MIN;
            self.retry_at = now;
        } else {
            self.retry_at = now + self.pause;
            self.pause = RESEND_PAUSE_MAX.min(self.pause * 2);
        }
    }

    /// How many of `waiting` messages the next transaction takes, and whether
    /// it needs a producer of single records.
    fn size(&self, waiting: usize) -> (usize, bool) {
        match self.alone {
            0 => (waiting.min(SIZE_MAX), false),
            // A record that is the only one travels alone anyway.
            alone if alone <= SINGLES_MAX || self.size_max == 1 => (1, false),
            alone => (alone.min(self.size_max), true),
        }
    }
}

fn lane_of(content: &Message) -> usize {
    match content {
        Message::Match(_) => MATCHES,
        Message::DeadLetter(_) => DEAD_LETTERS,
        Message::Summary(_) => SUMMARIES,
    }
}

/// Whether a record failed with its transaction, through no fault of its own.
fn is_collateral(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{Fatal, PurgeInflight, PurgeQueue, State};
    matches!(code, PurgeQueue | PurgeInflight | State | Fatal)
}
