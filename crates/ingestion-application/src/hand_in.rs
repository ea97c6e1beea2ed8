//! The use case for frames that do not come from a live feed: handed in by a
//! person, taken as long as there is room.

use std::{sync::Arc, time::Duration};

use health_kit::Clock;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use crate::{
    Backlog, NotAccepted, SourceName,
    ports::{FrameParser, ReceivedBatch},
};

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
    parsers: FrameParsers,
    clock: Arc<dyn Clock>,
}

/// Who judges the frames of which feed.
pub struct FrameParsers {
    replayed: Arc<dyn FrameParser>,
    feeds: Vec<(SourceName, Arc<dyn FrameParser>)>,
}

/// The name of a source that no feed here has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no feed here is called {name:?}, so nobody can judge its frames; known are {known}")]
pub struct UnknownSource {
    /// The name.
    pub name: String,
    /// Those that would do, separated by commas.
    pub known: String,
}

impl FrameParsers {
    /// Lines that are replayed are judged by `replayed`, and so is what has come
    /// back from a redrive, of which it is not known what it was at first; the
    /// frames of each of `feeds` by its own parser.
    #[must_use]
    pub fn new(
        replayed: Arc<dyn FrameParser>,
        feeds: Vec<(SourceName, Arc<dyn FrameParser>)>,
    ) -> Self {
        Self { replayed, feeds }
    }

    /// All sources there are: the feeds, and what is handed in.
    #[must_use]
    pub fn sources(&self) -> Vec<SourceName> {
        self.all().map(|(name, _)| name).collect()
    }

    /// The parser of the frames that `source` has handed over.
    ///
    /// # Errors
    /// [`UnknownSource`] when there is none.
    pub fn of(&self, source: &str) -> Result<&dyn FrameParser, UnknownSource> {
        let found = self.all().find(|(name, _)| name.as_str() == source);
        found.map(|(_, parser)| parser).ok_or_else(|| {
            let known: Vec<_> = self.all().map(|(name, _)| name.as_str()).collect();
            UnknownSource {
                name: source.to_owned(),
                known: known.join(", "),
            }
        })
    }

    fn all(&self) -> impl Iterator<Item = (SourceName, &dyn FrameParser)> {
        let on_request = [REPLAY, REDRIVE].map(|name| (name, &*self.replayed));
        let feeds = self.feeds.iter().map(|(name, parser)| (*name, &**parser));
        feeds.chain(on_request)
    }
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
    /// It does not help to try again here.
    Never(NotAccepted),
}

impl HandIn {
    /// Takes frames into `backlog`, judged by `parsers`.
    #[must_use]
    pub fn new(backlog: Arc<Backlog>, parsers: FrameParsers, clock: Arc<dyn Clock>) -> Self {
        Self {
            backlog,
            parsers,
            clock,
        }
    }

    /// Takes lines that are replayed, in their order, and waits for room for at
    /// most `patience`.
    ///
    /// Dropping the future leaves what was taken taken.
    pub async fn replay(&self, lines: &[&[u8]], patience: Duration) -> HandedIn {
        let parser = &*self.parsers.replayed;
        self.take(REPLAY, parser, lines, patience).await
    }

    /// Takes the payloads of dead letters as [`replay`](Self::replay) takes lines,
    /// judged as the frames of `source`, which the letters name as theirs.
    ///
    /// # Errors
    /// [`UnknownSource`] when nobody can judge them; nothing is taken then.
    pub async fn redrive(
        &self,
        source: &str,
        payloads: &[&[u8]],
        patience: Duration,
    ) -> Result<HandedIn, UnknownSource> {
        let parser = self.parsers.of(source)?;
        Ok(self.take(REDRIVE, parser, payloads, patience).await)
    }

    async fn take(
        &self,
        source: SourceName,
        parser: &dyn FrameParser,
        frames: &[&[u8]],
        patience: Duration,
    ) -> HandedIn {
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
                frames: batch.iter().map(|frame| parser.parse(frame)).collect(),
                checkpoint: None,
                passed_over: 0,
            });
            match timeout_at(deadline, accepted).await {
                Ok(Ok(invalid)) => {
                    handed_in.taken += batch.len();
                    handed_in.invalid += invalid;
                }
                Ok(Err(never)) => {
                    handed_in.refusal = Some(Refusal::Never(never));
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
    use health_kit::SystemClock;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::{
        BacklogLimits, BacklogSettings, BacklogWork, DeadLetterReason, FoundMatch, Ledger,
        LedgerFigures,
        ports::{
            InvalidFrame, JournalFigures, Message, MockJournal, MockMessagePublisher, Recovered,
        },
    };

    /// Takes digits for a match.
    struct Digits;

    impl FrameParser for Digits {
        fn parse(&self, frame: &[u8]) -> Result<FoundMatch, Box<InvalidFrame>> {
            let raw = str::from_utf8(frame)
                .ok()
                .and_then(|text| text.parse().ok());
            raw.and_then(|raw| MatchId::try_new(raw).ok())
                .map(FoundMatch::Id)
                .ok_or_else(|| {
                    Box::new(InvalidFrame {
                        reason: DeadLetterReason::NotJson,
                        detail: "no digits".to_owned(),
                        payload: Bytes::copy_from_slice(frame),
                    })
                })
        }
    }

    /// Takes any two bytes for match 22, and no other frame.
    struct TwoBytes;

    impl FrameParser for TwoBytes {
        fn parse(&self, frame: &[u8]) -> Result<FoundMatch, Box<InvalidFrame>> {
            Digits.parse(if frame.len() == 2 { b"22" } else { b"" })
        }
    }

    const OTHER: SourceName = SourceName::new("other_feed");

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
            assert!([REPLAY, REDRIVE].contains(&message.source()));
            match message {
                Message::DeadLetter(letter) => receipt.dead_lettered(letter.reason),
                Message::Match(_) | Message::Summary(_) => receipt.published(),
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
            has_summaries: false,
            may_stand_by: false,
            limits: BacklogLimits::DEFAULT,
        };
        let (backlog, work) = Backlog::new(
            settings,
            Arc::new(journal),
            Arc::new(publisher),
            Arc::clone(&ledger),
            clock.clone(),
        );
        let parsers = FrameParsers::new(Arc::new(Digits), vec![(OTHER, Arc::new(TwoBytes))]);
        let hand_in = Arc::new(HandIn::new(Arc::clone(&backlog), parsers, clock));
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
        let handed_in = fixture.hand_in.replay(&frames, PATIENCE).await;
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
    async fn a_redriven_letter_is_judged_by_the_parser_of_its_own_source() {
        let fixture = fixture();
        let running = run(fixture.work);
        for (source, payload, invalid) in [
            ("replay", &b"1"[..], 0),
            ("replay", b"PI", 1),
            ("other_feed", b"PI", 0),
            ("other_feed", b"1", 1),
            ("redrive", b"3", 0),
        ] {
            let taken = fixture.hand_in.redrive(source, &[payload], PATIENCE).await;
            let taken = taken.expect("the source is known");
            assert_eq!((taken.taken, taken.invalid), (1, invalid), "{source}");
        }
        fixture.backlog.drained().await;
        let before = fixture.ledger.figures();
        assert_eq!((before.published, before.dead_lettered), (3, 2));
        let refused = fixture.hand_in.redrive("steam", &[b"1"], PATIENCE).await;
        assert_eq!(
            refused.expect_err("nobody knows it").to_string(),
            "no feed here is called \"steam\", so nobody can judge its frames; \
             known are other_feed, replay, redrive"
        );
        assert_eq!(fixture.ledger.figures(), before, "nothing is taken");
        running.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn what_finds_no_room_in_time_stays_with_the_caller() {
        // It has not looked through its journal yet, and takes nothing before.
        let fixture = fixture();
        let begun = Instant::now();
        let handed_in = fixture.hand_in.replay(&[b"1"], PATIENCE).await;
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
            let handed_in = hand_in.replay(&[b"1"], PATIENCE).await;
            (handed_in, begun.elapsed())
        });
        tokio::task::yield_now().await;
        fixture.backlog.drained().await;
        let (handed_in, waited) = waiting.await.expect("it does not panic");
        assert_eq!(
            handed_in.refusal,
            Some(Refusal::Never(NotAccepted::Draining))
        );
        assert!(waited < PATIENCE, "{waited:?}");
        let again = fixture.hand_in.replay(&[b"1"], PATIENCE).await;
        assert_eq!(
            (again.taken, again.refusal),
            (0, Some(Refusal::Never(NotAccepted::Draining)))
        );
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
