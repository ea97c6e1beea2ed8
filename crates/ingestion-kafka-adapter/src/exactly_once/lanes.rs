//! What waits for a transaction, one lane a topic.
//!
//! A transaction stands or falls as a whole, so what cannot be written must
//! not take down what can: while all is well both lanes share transactions; a
//! lane in trouble gets transactions of its own, each after a pause, until one
//! succeeds. Within a lane the order of acceptance is kept.

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

/// Both lanes.
#[derive(Default)]
pub(crate) struct Lanes {
    lanes: [Lane; 2],
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
        // Dead letters first: they are few, and matches may fill transactions for long.
        for (index, lane) in self.lanes.iter_mut().enumerate().rev() {
            if plan
                .only
                .map_or(lane.setback.is_some(), |only| only != index)
            {
                continue;
            }
            let count = lane.waiting.len().min(plan.size - taken.len());
            let begin = taken.len();
            taken.extend(lane.waiting.drain(..count));
            if let Some(setback) = &mut lane.setback
                && setback.alone > 0
            {
                setback.alone -= count;
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
        let mut faults: [Option<bool>; 2] = [None; 2];
        let mut messages = received.delivered;
        for (mut message, code) in received.failed {
            if !is_collateral(code) {
                let lane = lane_of(&message.content);
                let verdict = trouble.judge(&mut message, code);
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
                trouble.refusal(&one.content).note(cause);
            }
            faults = [matches, letters].map(|takes_part| takes_part.then_some(false));
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
        Message::Match(_) => 0,
        Message::DeadLetter(_) => 1,
    }
}

/// Whether a record failed with its transaction, through no fault of its own.
fn is_collateral(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{Fatal, PurgeInflight, PurgeQueue, State};
    matches!(code, PurgeQueue | PurgeInflight | State | Fatal)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use domain::{MatchId, Timestamp};
    use ingestion_application::{DeadLetterReason, ReceivedMatch, SourceName, ports::DeadLetter};
    use ingestion_test_support::receipts::ReceiptRecorder;

    use super::*;
    use crate::delivery::room::Room;

    const FEED: SourceName = SourceName::new("feed");
    const AT: Timestamp = Timestamp::from_unix_ms(1);

    struct Rig {
        lanes: Lanes,
        room: Room,
        trouble: Trouble,
        receipts: Arc<ReceiptRecorder>,
    }

    impl Rig {
        fn new() -> Self {
            Self {
                lanes: Lanes::default(),
                room: Room::new(),
                trouble: Trouble::default(),
                receipts: Arc::default(),
            }
        }

        async fn add(&mut self, content: Message) {
            let permit = self.room.enter(0).await;
            self.lanes.add(Box::new(InFlight {
                content,
                is_alone: false,
                receipt: self.receipts.give_out(),
                permit: permit.expect("it is open"),
            }));
        }

        async fn add_matches(&mut self, count: usize) {
            for _ in 0..count {
                let content = Message::Match(ReceivedMatch {
                    id: MatchId::try_new(1).expect("it is valid"),
                    source: FEED,
                    received_at: AT,
                });
                self.add(content).await;
            }
        }

        async fn add_letter(&mut self) {
            let letter = DeadLetter {
                reason: DeadLetterReason::NotJson,
                detail: String::new(),
                source: FEED,
                received_at: AT,
                payload: Bytes::from_static(b"x"),
                size_bytes: 1,
            };
            self.add(Message::DeadLetter(Box::new(letter))).await;
        }

        fn plan(&self) -> Result<Plan, Idle> {
            self.lanes.plan(Instant::now())
        }

        /// Takes what is planned; the records at these places fail with
        /// `code`, and those behind the first of them with their transaction.
        fn fail(&mut self, places: &[usize], code: RDKafkaErrorCode) -> Plan {
            let plan = self.plan().expect("something waits");
            let mut received = Received::default();
            for (place, message) in self.lanes.take(plan).into_iter().enumerate() {
                if places.contains(&place) {
                    received.failed.push((message, code));
                } else if place < places[0] {
                    received.delivered.push(message);
                } else {
                    received
                        .failed
                        .push((message, RDKafkaErrorCode::PurgeQueue));
                }
            }
            self.lanes.failed(received, None, &self.trouble);
            plan
        }

        fn succeed(&mut self) -> (Plan, Vec<u64>) {
            let plan = self.plan().expect("something waits");
            let taken = self.lanes.take(plan);
            self.lanes.succeeded(plan);
            (
                plan,
                taken
                    .iter()
                    .map(|message| message.receipt.sequence())
                    .collect(),
            )
        }
    }

    const TOO_LARGE: RDKafkaErrorCode = RDKafkaErrorCode::MessageSizeTooLarge;
    const FORBIDDEN: RDKafkaErrorCode = RDKafkaErrorCode::TopicAuthorizationFailed;

    #[tokio::test(start_paused = true)]
    async fn both_lanes_share_a_transaction_while_all_is_well() {
        let mut rig = Rig::new();
        assert_eq!(rig.plan(), Err(Idle::Empty));
        rig.add_matches(2).await;
        rig.add_letter().await;
        let (plan, mut taken) = rig.succeed();
        taken.sort_unstable();
        assert_eq!(taken, [0, 1, 2]);
        assert!(!plan.is_retry() && !plan.is_alone);
        assert_eq!(rig.plan(), Err(Idle::Empty));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lane_at_fault_waits_and_the_other_one_goes_on() {
        let mut rig = Rig::new();
        rig.add_letter().await;
        rig.add_matches(3).await;
        // The dead letter is taken first.
        rig.fail(&[0], FORBIDDEN);
        let (plan, taken) = rig.succeed();
        assert_eq!(taken, [1, 2, 3], "in their order");
        assert!(!plan.is_retry());
        let Err(Idle::Until(time)) = rig.plan() else {
            panic!("the dead letter waits: {:?}", rig.plan());
        };
        assert_eq!(time - Instant::now(), RESEND_PAUSE_MIN);
        for _ in 0..10 {
            tokio::time::advance(RESEND_PAUSE_MAX).await;
            assert!(rig.fail(&[0], FORBIDDEN).is_retry());
        }
        tokio::time::advance(RESEND_PAUSE_MAX).await;
        assert_eq!(rig.succeed().1, [0]);
        rig.add_letter().await;
        assert!(!rig.succeed().0.is_retry(), "all is well again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_of_nobody_makes_both_lanes_wait_and_part() {
        let mut rig = Rig::new();
        rig.add_letter().await;
        rig.add_matches(2).await;
        rig.fail(&[0], RDKafkaErrorCode::PurgeQueue);
        assert!(rig.plan().is_err(), "both wait");
        tokio::time::advance(RESEND_PAUSE_MAX).await;
        assert_eq!(rig.succeed().1, [0]);
        assert_eq!(rig.succeed().1, [1, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_refused_in_a_batch_travels_alone_and_at_once() {
        let mut rig = Rig::new();
        rig.add_matches(500).await;
        rig.fail(&[99, 100], TOO_LARGE);
        rig.add_matches(1).await;
        let (plan, taken) = rig.succeed();
        // All up to the last one refused.
        assert!(plan.is_alone);
        assert_eq!(taken, (0..=100).collect::<Vec<_>>());
        let (plan, taken) = rig.succeed();
        assert!(!plan.is_alone);
        assert_eq!(taken, (101..=500).collect::<Vec<_>>(), "the rest together");
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_that_travel_alone_get_a_transaction_each() {
        let mut rig = Rig::new();
        rig.add_matches(3).await;
        rig.fail(&[2], TOO_LARGE);
        for number in 0..3 {
            let (plan, taken) = rig.succeed();
            assert!(!plan.is_alone, "no other producer is needed for that");
            assert_eq!(taken, [number]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_alone_becomes_a_dead_letter_that_travels_alone() {
        let mut rig = Rig::new();
        rig.add_matches(2).await;
        rig.fail(&[0], TOO_LARGE);
        rig.fail(&[0], TOO_LARGE);
        let plan = rig.plan().expect("at once");
        let letters = rig.lanes.take(plan);
        assert!(matches!(letters[..], [ref one] if matches!(one.content, Message::DeadLetter(_))));
        assert!(letters[0].is_alone);
        rig.lanes.succeeded(plan);
        assert_eq!(rig.succeed().1, [1], "the other match is as good as before");
    }
}
