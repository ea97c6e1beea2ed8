//! What every publisher must do, as one suite of checks.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{MatchId, MatchSummary, Timestamp};
use ingestion_application::{
    Checkpoint, DeadLetterReason, Outcome, ReceivedMatch, ReceivedSummary, SourceName,
    ports::{DeadLetter, FlushError, Message, MessagePublisher},
};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    receipts::{ReceiptFigures, ReceiptRecorder},
    summaries::summary_of,
};

/// What the checks publish comes from this feed.
const SOURCE: SourceName = SourceName::new("contract");
/// How long anything may take that must happen.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long something is watched that must not happen.
const WATCHED_FOR: Duration = Duration::from_millis(500);

/// A publisher under test, with a way to see and to disturb what is behind it.
#[async_trait]
pub trait Target: Send + Sync {
    /// The publisher.
    fn publisher(&self) -> Arc<dyn MessagePublisher>;

    /// How many matches it takes before it must wait for an acknowledgement.
    fn room(&self) -> usize;

    /// From the return of this on, nothing is acknowledged.
    async fn stop_acknowledging(&self);

    /// From now on, and for everything kept, there are acknowledgements again.
    async fn acknowledge_again(&self);

    /// All that has arrived so far; the messages of one match in their order.
    async fn arrived(&self) -> Vec<Arrived>;
}

/// A message at its destination.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Arrived {
    /// Among the matches.
    Match {
        /// Which match.
        id: i64,
        /// Which feed told of it.
        source: String,
        /// When it was received.
        received_at: Timestamp,
    },
    /// Among the summaries.
    Summary {
        /// What is known.
        summary: MatchSummary,
        /// Which feed told of it.
        source: String,
        /// When it was received.
        received_at: Timestamp,
    },
    /// Among the dead letters.
    DeadLetter {
        /// Which rule it broke.
        reason: DeadLetterReason,
        /// What exactly was wrong.
        detail: String,
        /// Which feed it came from.
        source: String,
        /// When it was received.
        received_at: Timestamp,
        /// The frame.
        payload: Bytes,
    },
}

impl Arrived {
    /// Everything that `message` becomes.
    #[must_use]
    pub fn all_of(message: &Message) -> Vec<Self> {
        match message {
            Message::Match(found) => vec![Self::of_match(*found)],
            Message::Summary(told) => {
                let id = told
                    .is_id_new
                    .then(|| Self::of_match(told.received_match()));
                let summary = Self::Summary {
                    summary: told.summary.clone(),
                    source: told.source.to_string(),
                    received_at: told.received_at,
                };
                id.into_iter().chain([summary]).collect()
            }
            Message::DeadLetter(letter) => vec![Self::DeadLetter {
                reason: letter.reason,
                detail: letter.detail.clone(),
                source: letter.source.to_string(),
                received_at: letter.received_at,
                payload: letter.payload.clone(),
            }],
        }
    }

    fn of_match(found: ReceivedMatch) -> Self {
        Self::Match {
            id: found.id.get(),
            source: found.source.to_string(),
            received_at: found.received_at,
        }
    }
}

/// Checks every promise of the port on `target`, which must be fresh.
///
/// # Panics
/// When a promise is broken; the message says which.
pub async fn check(target: &dyn Target) {
    everything_arrives_once_and_in_order(target).await;
    nothing_is_settled_before_its_acknowledgement(target).await;
    a_full_room_makes_the_caller_wait(target).await;
    the_last_checkpoint_of_each_feed_is_kept(target).await;
}

async fn everything_arrives_once_and_in_order(target: &dyn Target) {
    let receipts = Arc::new(ReceiptRecorder::default());
    // Each of 100 matches ten times, and a dead letter of every kind.
    let mut messages: Vec<_> = (0..1000).map(|n| a_match(1 + n % 100, n)).collect();
    messages.extend(DeadLetterReason::ALL.map(a_dead_letter));
    messages.extend((0..100).map(a_summary));
    for message in &messages {
        publish(target, message.clone(), &receipts).await;
    }
    let flushed = target.publisher().flush(PATIENCE).await;
    assert_eq!(flushed, Ok(()), "everything is acknowledged in time");
    let expected = ReceiptFigures {
        published: 1100,
        dead_lettered: DeadLetterReason::ALL.len() as u64,
        ..ReceiptFigures::default()
    };
    assert_eq!(
        receipts.figures(),
        expected,
        "each receipt is settled once, as what it is"
    );
    let outcomes = receipts.outcomes();
    for reason in DeadLetterReason::ALL {
        let is_so = outcomes.contains(&Outcome::DeadLettered(reason));
        assert!(is_so, "each dead letter by its reason: {reason}");
    }

    let arrived = target.arrived().await;
    let sent: HashSet<_> = messages.iter().flat_map(Arrived::all_of).collect();
    assert_eq!(
        arrived.len(),
        1000 + DeadLetterReason::ALL.len() + 150,
        "everything arrives once"
    );
    assert_eq!(
        arrived.iter().cloned().collect::<HashSet<_>>(),
        sent,
        "as it was sent"
    );
    let mut latest = HashMap::new();
    for message in arrived {
        if let Arrived::Match {
            id, received_at, ..
        } = message
        {
            let before = latest.insert(id, received_at);
            assert!(
                before < Some(received_at),
                "match {id} arrives in the order of receipt"
            );
        }
    }
}

async fn nothing_is_settled_before_its_acknowledgement(target: &dyn Target) {
    let receipts = Arc::new(ReceiptRecorder::default());
    target.stop_acknowledging().await;
    for n in 0..9 {
        publish(target, a_match(10_000 + n, n), &receipts).await;
    }
    let letter = a_dead_letter(DeadLetterReason::NotJson);
    publish(target, letter, &receipts).await;
    let flushed = target.publisher().flush(WATCHED_FOR).await;
    let expected = FlushError::DeadlinePassed {
        unacknowledged: 10,
        deadline: WATCHED_FOR,
    };
    assert_eq!(
        flushed,
        Err(expected),
        "the flush ends at its deadline and says what is open"
    );
    assert_eq!(
        receipts.figures().pending,
        10,
        "nothing is settled without an acknowledgement"
    );
    target.acknowledge_again().await;
    let flushed = target.publisher().flush(PATIENCE).await;
    assert_eq!(flushed, Ok(()), "what was kept is sent when it can be");
    let ReceiptFigures {
        published,
        dead_lettered,
        ..
    } = receipts.figures();
    assert_eq!((published, dead_lettered), (9, 1), "all of it");
}

async fn a_full_room_makes_the_caller_wait(target: &dyn Target) {
    let receipts = Arc::new(ReceiptRecorder::default());
    let room = target.room();
    let count = room + 10;
    target.stop_acknowledging().await;
    let accepted = Arc::new(AtomicUsize::new(0));
    let mut publishing = tokio::spawn({
        let (publisher, accepted) = (target.publisher(), Arc::clone(&accepted));
        let receipts = Arc::clone(&receipts);
        async move {
            for n in (20_000..).take(count) {
                let taken = publisher.publish(a_match(n, n), receipts.give_out()).await;
                assert_eq!(taken, Ok(()), "it is taken in the end");
                accepted.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let deadline = Instant::now() + PATIENCE;
    while accepted.load(Ordering::SeqCst) < room {
        assert!(
            Instant::now() < deadline,
            "it takes as many as it has room for"
        );
        sleep(Duration::from_millis(5)).await;
    }
    let early = timeout(WATCHED_FOR, &mut publishing).await;
    assert!(early.is_err(), "with no room left the caller waits");
    assert_eq!(
        accepted.load(Ordering::SeqCst),
        room,
        "not one more is taken"
    );
    // The caller that waits has one of its own.
    let pending = receipts.figures().pending;
    assert_eq!(pending, room as u64 + 1, "nothing is dropped");
    target.acknowledge_again().await;
    let waited = timeout(PATIENCE, publishing).await;
    waited
        .expect("with room again it goes on")
        .expect("the task does not panic");
    assert_eq!(
        target.publisher().flush(PATIENCE).await,
        Ok(()),
        "all is acknowledged"
    );
    assert_eq!(receipts.figures().published, count as u64, "all of it");
    let ids = |arrived: Vec<Arrived>| -> HashSet<i64> {
        let matches = arrived.into_iter().filter_map(|message| match message {
            Arrived::Match { id, .. } if id >= 20_000 => Some(id),
            _ => None,
        });
        matches.collect()
    };
    assert_eq!(
        ids(target.arrived().await).len(),
        count,
        "nothing is lost on the way"
    );
}

async fn the_last_checkpoint_of_each_feed_is_kept(target: &dyn Target) {
    let publisher = target.publisher();
    let place = |text: &str| Checkpoint::try_new(text).expect("it is short");
    assert_eq!(
        publisher.last_checkpoint(SOURCE).await,
        Ok(None),
        "none yet"
    );
    let longest = place(&"x".repeat(Checkpoint::SIZE_MAX_BYTES));
    for checkpoint in [place("1"), longest, place("{\"next\":2}")] {
        let kept = publisher.keep_checkpoint(SOURCE, &checkpoint).await;
        assert_eq!(kept, Ok(()));
        let found = publisher.last_checkpoint(SOURCE).await;
        assert_eq!(found, Ok(Some(checkpoint)), "the last one, as it was given");
    }
    let other = SourceName::new("other_feed");
    assert_eq!(
        publisher.last_checkpoint(other).await,
        Ok(None),
        "each its own"
    );

    target.stop_acknowledging().await;
    let last = place("the last");
    let mut keeping = Box::pin(publisher.keep_checkpoint(SOURCE, &last));
    let early = timeout(WATCHED_FOR, &mut keeping).await;
    assert!(early.is_err(), "it is not kept before somebody says so");
    target.acknowledge_again().await;
    let kept = timeout(PATIENCE, &mut keeping).await;
    assert_eq!(kept, Ok(Ok(())), "and then it is");
    drop(keeping);
    let found = publisher.last_checkpoint(SOURCE).await;
    assert_eq!(found, Ok(Some(last)));
}

async fn publish(target: &dyn Target, message: Message, receipts: &Arc<ReceiptRecorder>) {
    let receipt = receipts.give_out();
    let published = timeout(PATIENCE, target.publisher().publish(message, receipt)).await;
    assert_eq!(published, Ok(Ok(())), "there is room, so it is taken");
}

fn a_match(raw: i64, received_at_ms: i64) -> Message {
    Message::Match(ReceivedMatch {
        id: MatchId::try_new(raw).expect("the checks use valid ids"),
        source: SOURCE,
        received_at: Timestamp::from_unix_ms(received_at_ms),
    })
}

/// Every other one with a new id.
fn a_summary(n: i64) -> Message {
    let id = MatchId::try_new(1_000 + n).expect("the checks use valid ids");
    Message::Summary(Arc::new(ReceivedSummary {
        summary: summary_of(id),
        source: SOURCE,
        received_at: Timestamp::from_unix_ms(1_763_817_901_040 + n),
        is_id_new: n % 2 == 0,
    }))
}

fn a_dead_letter(reason: DeadLetterReason) -> Message {
    Message::DeadLetter(Box::new(DeadLetter {
        reason,
        detail: format!("it is {reason}"),
        source: SOURCE,
        received_at: Timestamp::from_unix_ms(1_763_817_901_040),
        payload: Bytes::from_static(b"{\"match_id\": \xff\"\0}"),
        size_bytes: 16,
    }))
}
