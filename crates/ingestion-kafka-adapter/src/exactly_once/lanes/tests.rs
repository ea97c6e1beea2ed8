//! Lanes in trouble and out of it.

use std::sync::Arc;

use bytes::Bytes;
use domain::{MatchId, Timestamp};
use ingestion_application::{
    DeadLetterReason, ReceivedMatch, ReceivedSummary, SourceName, ports::DeadLetter,
};
use ingestion_test_support::{receipts::ReceiptRecorder, summaries::summary_of};

use super::*;
use crate::delivery::{halves::halve, room::Room};

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

    /// A new match and what is known of it, in the order in which they are published.
    async fn add_pairs(&mut self, count: usize) {
        for _ in 0..count {
            let id = MatchId::try_new(1).expect("it is valid");
            let found = ReceivedMatch {
                id,
                source: FEED,
                received_at: AT,
            };
            let told = ReceivedSummary {
                summary: summary_of(id),
                source: FEED,
                received_at: AT,
                is_id_new: true,
            };
            let places = self.room.enter_both(0).await.expect("it is open");
            let contents = [Message::Match(found), Message::Summary(Arc::new(told))];
            let receipts = halve(self.receipts.give_out());
            for ((content, receipt), permit) in contents.into_iter().zip(receipts).zip(places) {
                self.lanes.add(Box::new(InFlight {
                    content,
                    is_alone: false,
                    receipt,
                    permit,
                }));
            }
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
async fn a_summary_is_never_parted_from_its_match_while_all_is_well() {
    let mut rig = Rig::new();
    rig.add_matches(1).await;
    rig.add_pairs(8_000).await;
    let (plan, taken) = rig.succeed();
    assert_eq!(plan.size, SIZE_MAX);
    // One match alone, and then pairs: the last of them is whole.
    let pairs: Vec<_> = (1..=5_000).flat_map(|number| [number, number]).collect();
    assert_eq!(taken, [vec![0], pairs].concat());
    assert_eq!(rig.succeed().1.len(), 6_000, "the rest");
    assert_eq!(rig.plan(), Err(Idle::Empty));
}

#[tokio::test(start_paused = true)]
async fn a_topic_of_summaries_that_cannot_be_written_holds_up_no_match() {
    let mut rig = Rig::new();
    rig.add_pairs(2).await;
    rig.fail(&[1, 3], FORBIDDEN);
    rig.add_pairs(1).await;
    let (plan, taken) = rig.succeed();
    assert_eq!((plan.size, taken), (3, vec![0, 1, 2]), "the matches");
    tokio::time::advance(RESEND_PAUSE_MAX).await;
    let (plan, taken) = rig.succeed();
    assert!(plan.is_retry());
    assert_eq!(taken, [0, 1, 2], "what is known of them");
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
