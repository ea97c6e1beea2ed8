//! What waits for a transaction, one lane a topic.
//!
//! A transaction stands or falls as a whole, so what cannot be written must
//! not take down what can: while all is well both lanes share transactions; a
//! lane in trouble gets transactions of its own, each after a pause, until one
//! succeeds. Within a lane the order of acceptance is kept.

use std::{collections::VecDeque, mem};

use rdkafka::error::RDKafkaErrorCode;
use tokio::time::{Duration, Instant};

use crate::{
    at_least_once::{RESEND_PAUSE_MAX, RESEND_PAUSE_MIN},
    delivery::{Deliveries, Verdict},
    in_flight::{Content, InFlight, Messages},
    reports::Received,
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

/// Both lanes.
#[derive(Default)]
pub(crate) struct Lanes {
    lanes: [Lane; 2],
}

/// What waits for one topic.
#[derive(Default)]
struct Lane {
    waiting: VecDeque<Box<InFlight>>,
    trouble: Option<Trouble>,
}

/// A lane's last transaction has failed through a fault of its own.
struct Trouble {
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
        self.lanes[lane_of(&message.content)]
            .waiting
            .push_back(message);
    }

    /// What to do now, or for how long there is nothing to do.
    pub(crate) fn plan(&self, now: Instant) -> Result<Plan, Idle> {
        let mut idle = Idle::Empty;
        for (index, lane) in self.lanes.iter().enumerate().rev() {
            let Some(trouble) = lane.trouble.as_ref().filter(|_| !lane.waiting.is_empty()) else {
                continue;
            };
            if trouble.retry_at <= now {
                let (size, is_alone) = trouble.size(lane.waiting.len());
                return Ok(Plan {
                    only: Some(index),
                    size,
                    is_alone,
                });
            }
            idle = match idle {
                Idle::Until(other) if other < trouble.retry_at => idle,
                _ => Idle::Until(trouble.retry_at),
            };
        }
        let well = self.lanes.iter().filter(|lane| lane.trouble.is_none());
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
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            if plan
                .only
                .map_or(lane.trouble.is_some(), |only| only != index)
            {
                continue;
            }
            let count = lane.waiting.len().min(plan.size - taken.len());
            let begin = taken.len();
            taken.extend(lane.waiting.drain(..count));
            if let Some(trouble) = &mut lane.trouble
                && trouble.alone > 0
            {
                trouble.alone -= count;
                for message in &mut taken[begin..] {
                    message.is_alone = true;
                }
            }
        }
        taken
    }

    /// The planned transaction is committed.
    pub(crate) fn succeeded(&mut self, plan: Plan) {
        let Some(only) = plan.only else { return };
        let trouble = &mut self.lanes[only].trouble;
        match trouble {
            Some(trouble) if trouble.alone > 0 => {
                trouble.size_max = SIZE_MAX.min(trouble.size_max * 2);
                trouble.pause = RESEND_PAUSE_MIN;
                trouble.retry_at = Instant::now();
            }
            _ => *trouble = None,
        }
    }

    /// The planned transaction is not committed: keeps all of it, and finds
    /// out whose fault it was, `cause` being what librdkafka says of the whole.
    pub(crate) fn failed(
        &mut self,
        received: Received,
        cause: Option<RDKafkaErrorCode>,
        deliveries: &Deliveries,
    ) {
        let now = Instant::now();
        // Of each lane: whether it is at fault, and whether the next attempt differs.
        let mut faults: [Option<bool>; 2] = [None; 2];
        let mut messages = received.delivered;
        for (mut message, code) in received.failed {
            if !is_collateral(code) {
                let lane = lane_of(&message.content);
                let verdict = deliveries.judge(&mut message, code);
                *faults[lane].get_or_insert(false) |= verdict != Verdict::SendLater;
            }
            messages.push(message);
        }
        if faults == [None; 2] {
            let takes_part = |lane| messages.iter().any(|one| lane_of(&one.content) == lane);
            let [matches, letters] = [0, 1].map(takes_part);
            if matches != letters
                && let (Some(cause), Some(one)) = (cause, messages.first())
            {
                deliveries.refusal(&one.content).note(cause);
            }
            faults = [matches, letters].map(|takes_part| takes_part.then_some(false));
        }
        for (lane, fault) in self.lanes.iter_mut().zip(faults) {
            if let Some(is_different) = fault {
                lane.trouble(now).deepen(now, is_different);
            }
        }
        self.restore(messages);
    }

    /// Puts back what has been taken, before all that waits.
    pub(crate) fn restore(&mut self, mut messages: Messages) {
        let now = Instant::now();
        messages.sort_unstable_by_key(|message| message.number);
        for message in messages.into_iter().rev() {
            let lane = &mut self.lanes[lane_of(&message.content)];
            // All up to the last of those that must travel alone do.
            if message.is_alone || lane.trouble.as_ref().is_some_and(|one| one.alone > 0) {
                lane.trouble(now).alone += 1;
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
    /// The lane's trouble, which begins now if there is none.
    fn trouble(&mut self, now: Instant) -> &mut Trouble {
        self.trouble.get_or_insert(Trouble {
            retry_at: now,
            pause: RESEND_PAUSE_MIN,
            size_max: SIZE_MAX,
            alone: 0,
        })
    }
}

impl Trouble {
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

fn lane_of(content: &Content) -> usize {
    match content {
        Content::Match(_) => 0,
        Content::DeadLetter(_) => 1,
    }
}

/// Whether a record failed with its transaction, through no fault of its own.
fn is_collateral(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{Fatal, PurgeInflight, PurgeQueue, State};
    matches!(code, PurgeQueue | PurgeInflight | State | Fatal)
}
