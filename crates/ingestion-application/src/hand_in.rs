//! The use case for frames that do not come from a live feed: handed in by a
//! person, taken as long as there is room.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};

use crate::{
    Backlog, SourceName,
    ports::{FrameParser, ReceivedBatch},
};
use health_kit::Clock;

/// Lines of a file that is replayed.
pub const REPLAY: SourceName = SourceName::new("replay");

/// Dead letters that are sent through the pipeline again.
///
/// The name is their mark as well: what is set aside once more has it as its
/// source, on disk and in the topic, and is not sent again by itself.
pub const REDRIVE: SourceName = SourceName::new("redrive");

/// So many frames are taken in one go …
const BATCH_FRAMES_MAX: usize = 512;
/// … and no further one beyond so many bytes: what the backlog can be above
/// its limits by.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// Takes frames into the backlog, judged as those of a feed are.
pub struct HandIn {
    backlog: Arc<Backlog>,
    parser: Arc<dyn FrameParser>,
    clock: Arc<dyn Clock>,
}

/// What became of frames that were handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "what was not taken is still the caller's"]
pub struct HandedIn {
    /// So many were taken, from the first on: they are received, and as safe
    /// as the frames of a feed.
    pub taken: usize,
    /// Of these, so many are invalid and become dead letters.
    pub invalid: usize,
    /// Why not all were taken.
    pub refusal: Option<Refusal>,
}

/// Why frames were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There was no room in time; it helps to try again.
    NoRoom,
    /// The service is ending, and takes nothing new.
    Draining,
}

impl HandIn {
    /// Takes frames into `backlog`, judged by `parser`.
    #[must_use]
    pub fn new(backlog: Arc<Backlog>, parser: Arc<dyn FrameParser>, clock: Arc<dyn Clock>) -> Self {
        Self {
            backlog,
            parser,
            clock,
        }
    }

    /// Takes `frames` in their order, and waits for room for at most `patience`.
    ///
    /// Dropping the future leaves what was taken taken.
    pub async fn take(&self, source: SourceName, frames: &[&[u8]], patience: Duration) -> HandedIn {
        let deadline = Instant::now() + patience;
        let mut handed_in = HandedIn {
            taken: 0,
            invalid: 0,
            refusal: None,
        };
        while handed_in.taken < frames.len() {
            let batch = next_batch(&frames[handed_in.taken..]);
            let accepted = self.backlog.accept(source, || ReceivedBatch {
                received_at: self.clock.now(),
                frames: batch.iter().map(|frame| self.parser.parse(frame)).collect(),
            });
            match timeout_at(deadline, accepted).await {
                Ok(Some(invalid)) => {
                    handed_in.taken += batch.len();
                    handed_in.invalid += invalid;
                }
                Ok(None) => {
                    handed_in.refusal = Some(Refusal::Draining);
                    break;
                }
                Err(_) => {
                    handed_in.refusal = Some(Refusal::NoRoom);
                    break;
                }
            }
        }
        handed_in
    }
}

/// The first of `frames`, which is not empty; at least one.
fn next_batch<'a, 'b>(frames: &'b [&'a [u8]]) -> &'b [&'a [u8]] {
    let mut bytes = 0;
    let fits = |frame: &&&[u8]| {
        let fits = bytes < BATCH_BYTES_MAX;
        bytes += frame.len();
        fits
    };
    let count = frames
        .iter()
        .take(BATCH_FRAMES_MAX)
        .take_while(fits)
        .count();
    &frames[..count]
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use domain::MatchId;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::{
        BacklogLimits, BacklogSettings, BacklogWork, DeadLetterReason, Ledger, LedgerFigures,
        ports::{
            InvalidFrame, JournalFigures, Message, MockJournal, MockMessagePublisher, Recovered,
        },
    };
    use health_kit::SystemClock;

    /// Takes digits for a match.
    struct Digits;

    impl FrameParser for Digits {
        fn parse(&self, frame: &[u8]) -> Result<MatchId, Box<InvalidFrame>> {
            let raw = str::from_utf8(frame)
                .ok()
                .and_then(|text| text.parse().ok());
            raw.and_then(|raw| MatchId::try_new(raw).ok())
                .ok_or_else(|| {
                    Box::new(InvalidFrame {
                        reason: DeadLetterReason::NotJson,
                        detail: "no digits".to_owned(),
                        payload: Bytes::copy_from_slice(frame),
                    })
                })
        }
    }

    struct Fixture {
        backlog: Arc<Backlog>,
        work: BacklogWork,
        ledger: Arc<Ledger>,
        hand_in: Arc<HandIn>,
    }

    /// A journal without anything and a publisher that settles at once.
    fn fixture() -> Fixture {
        let mut publisher = MockMessagePublisher::new();
        publisher.expect_published().returning(|_| Ok(Vec::new()));
        publisher.expect_publish().returning(|message, receipt| {
            match message {
                Message::Match(found) => {
                    assert_eq!(found.source, REPLAY);
                    receipt.published();
                }
                Message::DeadLetter(letter) => {
                    assert_eq!(letter.source, REPLAY);
                    receipt.dead_lettered(letter.reason);
                }
            }
            Ok(())
        });
        let mut journal = MockJournal::new();
        journal
            .expect_recover()
            .returning(|| Ok(Recovered::default()));
        journal.expect_figures().return_const(JournalFigures {
            room: u64::MAX,
            ..JournalFigures::default()
        });
        let clock = Arc::new(SystemClock);
        let ledger = Arc::new(Ledger::new(clock.clone()));
        let settings = BacklogSettings {
            dedup_window_size: 10_000,
            limits: BacklogLimits::DEFAULT,
        };
        let (backlog, work) = Backlog::new(
            settings,
            Arc::new(journal),
            Arc::new(publisher),
            Arc::clone(&ledger),
            clock.clone(),
        );
        let hand_in = Arc::new(HandIn::new(Arc::clone(&backlog), Arc::new(Digits), clock));
        Fixture {
            backlog,
            work,
            ledger,
            hand_in,
        }
    }

    fn run(work: BacklogWork) -> JoinHandle<()> {
        tokio::spawn(async move {
            let ended = work.run().await;
            panic!("it runs until it is dropped: {ended:?}");
        })
    }

    const PATIENCE: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn frames_are_judged_deduplicated_and_booked_like_those_of_a_feed() {
        let fixture = fixture();
        let running = run(fixture.work);
        let many: Vec<_> = (1..=2_000).map(|id: i64| id.to_string()).collect();
        let mut frames: Vec<_> = many.iter().map(String::as_bytes).collect();
        frames.extend([&b"7"[..], b"PING", b""]);
        let handed_in = fixture.hand_in.take(REPLAY, &frames, PATIENCE).await;
        let expected = HandedIn {
            taken: 2_003,
            invalid: 2,
            refusal: None,
        };
        assert_eq!(handed_in, expected);
        fixture.backlog.drained().await;
        let expected = LedgerFigures {
            received: 2_003,
            published: 2_000,
            duplicates: 1,
            dead_lettered: 2,
            pending: 0,
        };
        assert_eq!(fixture.ledger.figures(), expected);
        running.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn what_finds_no_room_in_time_stays_with_the_caller() {
        // It has not looked through its journal yet, and takes nothing before.
        let fixture = fixture();
        let begun = Instant::now();
        let handed_in = fixture.hand_in.take(REPLAY, &[b"1"], PATIENCE).await;
        let expected = HandedIn {
            taken: 0,
            invalid: 0,
            refusal: Some(Refusal::NoRoom),
        };
        assert_eq!(handed_in, expected);
        assert_eq!(begun.elapsed(), PATIENCE);
        assert_eq!(fixture.ledger.figures(), LedgerFigures::default());
    }

    #[tokio::test(start_paused = true)]
    async fn a_backlog_that_drains_takes_nothing_and_lets_nobody_wait() {
        let fixture = fixture();
        let hand_in = Arc::clone(&fixture.hand_in);
        let waiting = tokio::spawn(async move {
            let begun = Instant::now();
            let handed_in = hand_in.take(REPLAY, &[b"1"], PATIENCE).await;
            (handed_in, begun.elapsed())
        });
        tokio::task::yield_now().await;
        fixture.backlog.drained().await;
        let (handed_in, waited) = waiting.await.expect("it does not panic");
        assert_eq!(handed_in.refusal, Some(Refusal::Draining));
        assert!(waited < PATIENCE, "{waited:?}");
        let again = fixture.hand_in.take(REPLAY, &[b"1"], PATIENCE).await;
        assert_eq!((again.taken, again.refusal), (0, Some(Refusal::Draining)));
        assert_eq!(fixture.ledger.figures(), LedgerFigures::default());
    }

    #[test]
    fn a_batch_is_bounded_in_frames_and_bytes() {
        let check = |frames: &[&[u8]], expected: usize| {
            assert_eq!(next_batch(frames).len(), expected);
        };
        let half = vec![b'x'; BATCH_BYTES_MAX / 2];
        let whole = vec![b'x'; BATCH_BYTES_MAX];
        check(&[&b"1"[..]; 600], BATCH_FRAMES_MAX);
        check(&[&b"1"[..]; 3], 3);
        check(&[&half[..]; 3], 2);
        check(&[&whole, b"1"], 1);
    }
}
