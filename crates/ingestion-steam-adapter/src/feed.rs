//! The feed as the application sees it: one page after another.

mod passing_over;
mod turns;

use std::{
    collections::VecDeque, future::pending, panic::resume_unwind, sync::Arc, time::Duration,
};

use async_trait::async_trait;
use domain::Timestamp;
use health_kit::Clock;
use ingestion_application::{
    Checkpoint, SourceName,
    ports::{CallFigures, DisconnectReason, Disconnection, FeedEvent, FeedReader, ReceivedBatch},
};
use steam_client::{CallError, Page, ROWS_MAX, Steam};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    Start,
    calls::{Calls, TrailDue},
    place::Place,
    rows::{Frame, Row, end, frame, is_old, number},
    seen::Seen,
    told::Told,
};

use self::passing_over::behind_max;

/// The name of this feed in records and metrics.
pub const SOURCE: SourceName = SourceName::new("steam_sequence");

/// Matches end at any time of the day: without one for so long the feed is silent.
pub const SILENT_AFTER: Duration = Duration::from_mins(5);

/// A page with fewer rows ends where the sequence ended: some may be hidden.
const FULL_ROWS: usize = 90;

/// Of a page in the middle of the sequence at least so many rows are told: up to
/// a third is hidden, sometimes.
const MIDDLE_ROWS: usize = 50;

/// Where nothing has ended for so long, the sequence goes on behind it.
const END_WITHIN: Duration = Duration::from_mins(2);

/// The pause at the end of the sequence.
const PAUSE: Duration = Duration::from_secs(5);

/// Of so many calls and one more, the first pass has all but one where its pages are full.
const HEAD_TURNS: u32 = 9;

/// It is late when what it reads has ended so long ago.
const HEAD_LATE_AFTER: Duration = Duration::from_mins(10);

/// So many ids the service remembers, unless it is told otherwise.
pub const DEDUP_WINDOW_SIZE: usize = 1_000_000;

/// A longer wait for a key is as good as a lost connection.
const WAIT_UNSAID_MAX: Duration = Duration::from_mins(1);

/// The longest sleep in one go: keys may be permitted again earlier than was known.
const SLEEP_MAX: Duration = Duration::from_mins(10);

/// So many numbers in a row are skipped of which the upstream does not want
/// to tell; beyond, it is asked for the first of them again.
const SKIPPED_MAX: u64 = 100;

/// The pause before that.
const SKIPPED_PAUSE: Duration = Duration::from_mins(1);

/// Steam's sequence of matches, read by two passes.
///
/// It asks when it is asked, one call at a time. A call goes on in a task of its
/// own while nobody waits for it, and ends with the feed: so its deadlines are
/// those of the upstream alone, and what it brings waits for the next
/// [`next`](FeedReader::next).
pub struct SteamFeed {
    steam: Arc<Steam>,
    clock: Arc<dyn Clock>,
    start: Start,
    /// Where it is, once it knows.
    place: Option<Place>,
    trail_due: Arc<TrailDue>,
    seen: Seen,
    /// Of which time it has told.
    told: Told,
    head: Pass,
    trail: Pass,
    /// How many calls the first pass may make before the second one has its turn.
    head_turns: u32,
    /// Whether the first pass is late: then the second one has to wait.
    is_head_behind: bool,
    /// When the first pass has found itself at the end of the sequence; none where
    /// there was more.
    at_end: Option<Instant>,
    /// How many matches may be between the two passes.
    behind_max: u64,
    /// Below this number the first pass of an earlier process has read.
    resumed_at: u64,
    /// How far apart the numbers of matches are.
    spacing: u64,
    /// How many rows it asks for: fewer after an answer that was too large.
    rows: u8,
    call: Option<(Asked, AbortOnDropHandle<Answer>)>,
    is_connected: bool,
    ready: VecDeque<FeedEvent>,
}

/// What one pass has to remember between two calls.
struct Pass {
    not_before: Instant,
    /// How many numbers it has skipped since its place.
    skipped: u64,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// The newest number, before there is a place.
    Newest,
    /// The first pass, from here on.
    Head(u64),
    /// The second one, from here up to there.
    Trail { start: u64, target: u64 },
}

enum Answer {
    Newest(Result<u64, CallError>),
    Page(Result<Page, CallError>),
}

impl SteamFeed {
    /// A feed that begins at `start` unless it is told where it was. Nothing is
    /// asked before it is asked for events.
    #[must_use]
    pub fn new(steam: Arc<Steam>, start: Start, clock: Arc<dyn Clock>) -> Self {
        let pass = || Pass {
            not_before: Instant::now(),
            skipped: 0,
        };
        Self {
            steam,
            clock,
            start,
            place: None,
            trail_due: Arc::default(),
            seen: Seen::default(),
            told: Told::default(),
            head: pass(),
            trail: pass(),
            head_turns: HEAD_TURNS,
            is_head_behind: false,
            at_end: None,
            behind_max: behind_max(DEDUP_WINDOW_SIZE),
            resumed_at: 0,
            spacing: 1,
            rows: ROWS_MAX,
            call: None,
            is_connected: false,
            ready: VecDeque::new(),
        }
    }

    /// Where so many ids are remembered, other than [`DEDUP_WINDOW_SIZE`]: what a
    /// restart hands over again has to be among them.
    #[must_use]
    pub fn with_dedup_window(mut self, size: usize) -> Self {
        self.behind_max = behind_max(size);
        self
    }

    /// Waits for an answer. A dropped future loses neither call nor answer.
    async fn ask(&mut self) -> (Asked, Answer) {
        if self.call.is_none() {
            let asked = self.due().await;
            self.call = Some((asked, self.begin(asked)));
        }
        let (asked, call) = self.call.as_mut().expect("it was begun just now");
        let asked = *asked;
        let answer = match call.await {
            Ok(answer) => answer,
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            // The runtime is about to end, and everything with it.
            Err(_) => pending().await,
        };
        self.call = None;
        (asked, answer)
    }

    fn begin(&self, asked: Asked) -> AbortOnDropHandle<Answer> {
        let (steam, rows) = (Arc::clone(&self.steam), self.rows);
        AbortOnDropHandle::new(tokio::spawn(async move {
            match asked {
                Asked::Newest => Answer::Newest(steam.newest_sequence_number().await),
                Asked::Head(start) | Asked::Trail { start, .. } => {
                    Answer::Page(steam.matches_from(start, rows).await)
                }
            }
        }))
    }

    fn take(&mut self, asked: Asked, answer: Answer) {
        match answer {
            Answer::Newest(Ok(number)) => {
                self.connected();
                tracing::info!(
                    match_seq_num = number,
                    "the sequence is read from its newest match on"
                );
                self.told = Told::from_now(self.clock.now());
                self.begin_at(Place::at(number));
            }
            Answer::Page(Ok(page)) => {
                self.connected();
                self.rows = ROWS_MAX;
                match asked {
                    Asked::Head(start) => self.take_head(start, page),
                    Asked::Trail { start, target } => self.take_trail(start, target, page),
                    Asked::Newest => unreachable!("no page was asked for"),
                }
            }
            Answer::Newest(Err(error)) | Answer::Page(Err(error)) => self.fail(asked, &error),
        }
        self.trail_due
            .tell(self.place.as_ref().and_then(Place::trail_due));
    }

    /// The place is known from here on, also to a process that comes after this one.
    fn begin_at(&mut self, place: Place) {
        self.place = Some(place);
        self.hand_over(self.clock.now(), Vec::new());
    }

    fn take_head(&mut self, start: u64, page: Page) {
        let now = page.fetched_at;
        let full = is_full(&page);
        if full {
            self.head_turns = self.head_turns.saturating_sub(1);
            self.at_end = None;
            self.head.not_before = Instant::now();
        } else {
            self.head_turns = 0;
            self.head.not_before = Instant::now() + self.pause(page.rows());
        }
        let newest = page.matches.iter().filter_map(end).max();
        let is_late = |end| now.saturating_since(end) >= HEAD_LATE_AFTER;
        self.is_head_behind = full && newest.is_some_and(is_late);
        let place = self.place.as_mut().expect("a pass has a place");
        let Some(last) = page.last_sequence_number().filter(|last| *last >= start) else {
            place.mark(now);
            self.head.skipped = 0;
            if page.rows() > 0 {
                self.head.not_before = Instant::now() + PAUSE;
                let detail = format!(
                    "answered with {} matches, none of them from number {start} on",
                    page.rows()
                );
                self.disconnected(DisconnectReason::ProtocolError, &detail, PAUSE);
            }
            return;
        };
        self.head
            .report_skipped(place.head, "in an hour it is asked again");
        let is_old = page.matches.iter().all(|row| is_old(row, now));
        let mut numbers: Vec<u64> = page.matches.iter().filter_map(number).collect();
        numbers.sort_unstable();
        let first = numbers.first().copied().unwrap_or(last);
        place.advance_head(first, last.saturating_add(1), is_old);
        place.mark(now);
        let trail = place.trail;
        let apart = numbers.len().saturating_sub(1) as u64;
        self.spacing = (last - first).checked_div(apart).unwrap_or(1).max(1);
        for number in numbers {
            if number >= trail {
                self.seen.add(number);
            }
        }
        let is_all = place.trail == place.head;
        self.told.read(&page.matches, is_all);
        self.bound_trail(now);
        let frames = page.matches.into_iter().map(|row| frame(row, now));
        self.hand_over(now, frames.collect());
    }

    /// Hands over what the first pass has not found.
    fn take_trail(&mut self, start: u64, target: u64, page: Page) {
        let place = self.place.as_mut().expect("a pass has a place");
        let now = page.fetched_at;
        self.head_turns = HEAD_TURNS;
        let Some(last) = page.last_sequence_number().filter(|last| *last >= start) else {
            // The first pass has been further than this, so there is more.
            self.trail.not_before = Instant::now() + PAUSE;
            self.trail.skipped = 0;
            return;
        };
        self.trail
            .report_skipped(place.trail, "it is not asked again");
        self.trail.not_before = Instant::now();
        place.trail = last.saturating_add(1).min(target);
        let is_reached = |row: &&Row| number(row).is_some_and(|it| it < target);
        self.told.read_again(page.matches.iter().filter(is_reached));
        let seen = &self.seen;
        let is_news = |row: &Row| number(row).is_some_and(|it| it < target && !seen.contains(it));
        let news = page.matches.into_iter().filter(is_news);
        let frames: Vec<_> = news.map(|row| frame(row, now)).collect();
        self.seen.forget_below(place.trail);
        if !frames.is_empty() {
            tracing::debug!(matches = frames.len(), "found matches that appeared late");
        }
        self.hand_over(now, frames);
    }

    fn hand_over(&mut self, received_at: Timestamp, frames: Vec<Frame>) {
        let place = self.place.as_ref().expect("it has read something");
        let checkpoint = Checkpoint::try_new(place.encode());
        self.ready.push_back(FeedEvent::Received(ReceivedBatch {
            received_at,
            frames,
            checkpoint: Some(checkpoint.expect("a place is short")),
            passed_over: 0,
        }));
        let coverage = self.told.coverage();
        self.ready.extend(coverage.map(FeedEvent::Covered));
    }

    fn fail(&mut self, asked: Asked, error: &CallError) {
        let detail = error.to_string();
        match error {
            CallError::NoRoom { retry_in } | CallError::Limited { retry_in } => {
                if *retry_in > WAIT_UNSAID_MAX {
                    self.disconnected(DisconnectReason::RateLimited, &detail, *retry_in);
                }
            }
            CallError::Refused { retry_in, .. } => {
                tracing::warn!("a key was refused: {detail}");
                if *retry_in > WAIT_UNSAID_MAX {
                    self.disconnected(DisconnectReason::KeyRefused, &detail, *retry_in);
                }
            }
            CallError::Unavailable { retry_in, .. } => {
                self.disconnected(DisconnectReason::CallFailed, &detail, *retry_in);
            }
            CallError::TooLarge { .. } if self.rows > 1 => {
                self.rows /= 2;
                tracing::warn!(rows = self.rows, "{detail}: asking for fewer matches");
            }
            CallError::TooLarge { .. } | CallError::InVain { .. } => self.skip(asked, &detail),
        }
    }

    /// Goes on behind a number of which nothing is told.
    fn skip(&mut self, asked: Asked, detail: &str) {
        let pass = match asked {
            Asked::Head(_) => &mut self.head,
            Asked::Trail { .. } => &mut self.trail,
            Asked::Newest => {
                self.head.not_before = Instant::now() + SKIPPED_PAUSE;
                let reason = DisconnectReason::ProtocolError;
                return self.disconnected(reason, detail, SKIPPED_PAUSE);
            }
        };
        if pass.skipped < SKIPPED_MAX {
            pass.skipped += 1;
            return;
        }
        pass.skipped = 0;
        pass.not_before = Instant::now() + SKIPPED_PAUSE;
        let detail = format!("{detail}, for {SKIPPED_MAX} numbers in a row");
        self.disconnected(DisconnectReason::ProtocolError, &detail, SKIPPED_PAUSE);
    }

    fn connected(&mut self) {
        if !self.is_connected {
            self.is_connected = true;
            self.ready.push_back(FeedEvent::Connected);
        }
    }

    fn disconnected(&mut self, reason: DisconnectReason, detail: &str, retry_in: Duration) {
        self.is_connected = false;
        self.ready.push_back(FeedEvent::Disconnected(Disconnection {
            reason,
            detail: format!("Steam: {detail}"),
            retry_in,
        }));
    }
}

/// Whether there is more behind a page.
fn is_full(page: &Page) -> bool {
    let has_ended = |row: &Row| {
        let end = end(row);
        end.is_some_and(|end| page.fetched_at.saturating_since(end) >= END_WITHIN)
    };
    let rows = page.rows();
    rows >= FULL_ROWS || rows >= MIDDLE_ROWS && page.matches.iter().all(has_ended)
}

impl Pass {
    /// Numbers were skipped, and there is something behind them.
    fn report_skipped(&mut self, from: u64, outlook: &'static str) {
        if self.skipped > 0 {
            let count = self.skipped;
            tracing::warn!(
                from,
                count,
                "the upstream tells nothing of these numbers; {outlook}"
            );
            self.skipped = 0;
        }
    }
}

#[async_trait]
impl FeedReader for SteamFeed {
    fn source(&self) -> SourceName {
        SOURCE
    }

    fn disconnect_reasons(&self) -> &'static [DisconnectReason] {
        &DisconnectReason::OF_CALLS
    }

    fn call_figures(&self) -> Option<Arc<dyn CallFigures>> {
        Some(Arc::new(Calls {
            steam: Arc::clone(&self.steam),
            trail: Arc::clone(&self.trail_due),
            clock: Arc::clone(&self.clock),
        }))
    }

    fn keeps_its_place(&self) -> bool {
        true
    }

    fn tells_in_order(&self) -> bool {
        true
    }

    fn resume(&mut self, place: Option<Checkpoint>) {
        let now = self.clock.now();
        let decoded = place.map(|place| Place::decode(place.as_str(), now));
        match (decoded, self.start) {
            (Some(Ok(place)), _) => {
                self.resumed_at = place.head;
                self.place = Some(place);
                self.told = Told::resumed();
            }
            (Some(Err(error)), _) => {
                tracing::error!(%error, "the feed begins where STEAM_START says");
                self.resume(None);
            }
            (None, Start::At(number)) => self.begin_at(Place::at(number)),
            // The upstream is asked first.
            (None, Start::Newest) => {}
        }
    }

    async fn next(&mut self) -> FeedEvent {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return event;
            }
            let (asked, answer) = self.ask().await;
            self.take(asked, answer);
        }
    }

    /// A call on its way is given up: the next process makes it again.
    async fn close(&mut self) -> Option<ReceivedBatch> {
        self.call = None;
        while let Some(event) = self.ready.pop_front() {
            if let FeedEvent::Received(batch) = event
                && !batch.frames.is_empty()
            {
                return Some(batch);
            }
        }
        None
    }
}
