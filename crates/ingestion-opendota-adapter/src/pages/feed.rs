//! The feed as the application sees it: one page after another.

use std::{
    collections::VecDeque, future::pending, panic::resume_unwind, sync::Arc, time::Duration,
};

use async_trait::async_trait;
use domain::{MatchId, Timestamp};
use health_kit::Clock;
use ingestion_application::{
    Checkpoint, SourceName,
    ports::{CallFigures, DisconnectReason, Disconnection, FeedEvent, FeedReader, ReceivedBatch},
};
use opendota_client::{CallError, Caller, OpenDota, Page, PageList};
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::{
    PagesHealth, SOURCE,
    calls::Calls,
    pace::{calls_a_day, pace},
    place,
    progress::Progress,
    rows::{Frame, frame},
    walk::{ListWalk, Plan},
};

/// A longer wait for a call is as good as a lost connection: the next minute is
/// waited for without a word.
const WAIT_UNSAID_MAX: Duration = Duration::from_secs(75);

/// The longest sleep in one go: calls may be permitted again earlier than was known.
const SLEEP_MAX: Duration = Duration::from_mins(10);

/// Before a page is asked for again that cannot be used.
const UNUSABLE_PAUSE: Duration = Duration::from_mins(1);

/// After so many pages a place is handed over though nothing was new on them.
const PAGES_A_PLACE: u32 = 20;

/// Lists of matches, read page by page.
///
/// It asks when it is asked, one call at a time. A call goes on in a task of its
/// own while nobody waits for it, and ends with the feed: so its deadlines are
/// those of the upstream alone, and what it brings waits for the next
/// [`next`](FeedReader::next).
pub struct PagesFeed {
    client: Arc<OpenDota>,
    clock: Arc<dyn Clock>,
    walks: Vec<Turn>,
    progress: Arc<Progress>,
    call: Option<Call>,
    /// When the last call began, by both clocks.
    called: Option<Instant>,
    asked_at: Timestamp,
    not_before: Instant,
    is_connected: bool,
    pages_since_place: u32,
    ready: VecDeque<FeedEvent>,
}

/// A list, and when it was asked for last.
struct Turn {
    walk: ListWalk,
    asked: Instant,
}

struct Call {
    /// Which list.
    nth: usize,
    below: Option<MatchId>,
    answer: AbortOnDropHandle<Result<Page, CallError>>,
}

impl PagesFeed {
    /// A feed of these lists. Nothing is asked before it is asked for events.
    #[must_use]
    pub fn new(client: Arc<OpenDota>, lists: &[PageList], clock: Arc<dyn Clock>) -> Self {
        Self::with_plan(client, lists, Plan::DEFAULT, clock)
    }

    /// The same for lists that are walked down in another way.
    #[must_use]
    pub fn with_plan(
        client: Arc<OpenDota>,
        lists: &[PageList],
        plan: Plan,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let now = Instant::now();
        let asked_at = clock.now();
        let turn = |list: &PageList| Turn {
            walk: ListWalk::new(*list, plan, now),
            asked: now,
        };
        Self {
            client,
            clock,
            walks: lists.iter().map(turn).collect(),
            progress: Arc::default(),
            call: None,
            called: None,
            asked_at,
            not_before: now,
            is_connected: false,
            pages_since_place: 0,
            ready: VecDeque::new(),
        }
    }

    /// Says whether the calls are enough.
    #[must_use]
    pub fn health(&self) -> PagesHealth {
        PagesHealth::new(Arc::clone(&self.progress), Arc::clone(&self.clock))
    }

    /// Waits for an answer. A dropped future loses neither call nor answer.
    async fn ask(&mut self) -> (usize, Option<MatchId>, Result<Page, CallError>) {
        if self.call.is_none() {
            let (nth, below) = self.due().await;
            self.call = Some(self.begin(nth, below));
        }
        let call = self.call.as_mut().expect("it was begun just now");
        let answer = match (&mut call.answer).await {
            Ok(answer) => answer,
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            // The runtime is about to end, and everything with it.
            Err(_) => pending().await,
        };
        let (nth, below) = (call.nth, call.below);
        self.call = None;
        (nth, below, answer)
    }

    fn begin(&mut self, nth: usize, below: Option<MatchId>) -> Call {
        let now = Instant::now();
        self.called = Some(now);
        self.asked_at = self.clock.now();
        let turn = &mut self.walks[nth];
        turn.asked = now;
        let (client, list) = (Arc::clone(&self.client), turn.walk.list());
        let answer = tokio::spawn(async move { client.page(list, below, Caller::Whole).await });
        Call {
            nth,
            below,
            answer: AbortOnDropHandle::new(answer),
        }
    }

    /// Waits until a page is to be asked for, and it is time for a call.
    async fn due(&self) -> (usize, Option<MatchId>) {
        loop {
            let now = Instant::now();
            let due = self.walks.iter().enumerate().map(|(nth, turn)| {
                let (from, below) = turn.walk.due(now);
                // Of those whose time has come, the one that has waited longest.
                ((from.max(now), turn.asked), nth, below)
            });
            let Some(((from, _), nth, below)) = due.min_by_key(|(order, ..)| *order) else {
                pending().await
            };
            let pace = pace(&self.client.status(), self.clock.now());
            let paced = self.called.map_or(now, |called| called + pace);
            let at = from.max(paced).max(self.not_before);
            if at <= now {
                return (nth, below);
            }
            sleep_until(at.min(now + SLEEP_MAX)).await;
        }
    }

    fn take(&mut self, nth: usize, below: Option<MatchId>, answer: Result<Page, CallError>) {
        let page = match answer {
            Ok(page) => page,
            Err(error) => return self.fail(nth, &error),
        };
        self.connected();
        let now = page.fetched_at;
        let calls_a_day = calls_a_day(&self.client.status());
        let walk = &mut self.walks[nth].walk;
        let list = walk.list();
        let (before, told_before) = (walk.place(), walk.coverage());
        let step = walk.take(below, page, self.asked_at, calls_a_day, Instant::now());
        let is_complete = walk.place().until != before.until;
        // The other lists have few of the matches.
        let told = walk.coverage().filter(|_| list == PageList::Public);
        let walks = self.walks.iter().map(|turn| turn.walk.progress());
        self.progress.tell(walks);
        let frames: Vec<_> = step.news.into_iter().map(|row| frame(list, row)).collect();
        self.pages_since_place += 1;
        if !frames.is_empty() || is_complete || self.pages_since_place >= PAGES_A_PLACE {
            self.hand_over(now, frames);
        }
        if told != told_before {
            self.ready.extend(told.map(FeedEvent::Covered));
        }
        if let Some(detail) = step.trouble {
            self.unusable(nth, &detail);
        }
    }

    fn hand_over(&mut self, received_at: Timestamp, frames: Vec<Frame>) {
        let places = self.walks.iter().map(|turn| &turn.walk);
        let places = places.map(|walk| (walk.list(), walk.place()));
        let checkpoint = Checkpoint::try_new(place::encode(places));
        self.pages_since_place = 0;
        self.ready.push_back(FeedEvent::Received(ReceivedBatch {
            received_at,
            frames,
            checkpoint: Some(checkpoint.expect("a place is short")),
            passed_over: 0,
        }));
    }

    fn fail(&mut self, nth: usize, error: &CallError) {
        let detail = error.to_string();
        match error {
            CallError::NoRoom { until } => {
                let wait = self.wait_until(*until);
                if wait > WAIT_UNSAID_MAX {
                    self.disconnected(DisconnectReason::RateLimited, &detail, wait);
                }
            }
            CallError::Refused { until, .. } => {
                let wait = self.wait_until(*until);
                self.disconnected(DisconnectReason::KeyRefused, &detail, wait);
            }
            CallError::Unavailable { until, .. } => {
                let wait = self.wait_until(*until);
                self.disconnected(DisconnectReason::CallFailed, &detail, wait);
            }
            CallError::NotFound | CallError::Unusable { .. } => self.unusable(nth, &detail),
        }
    }

    /// Of one list; the others are asked for meanwhile.
    fn unusable(&mut self, nth: usize, detail: &str) {
        let walk = &mut self.walks[nth].walk;
        walk.pause_until(Instant::now() + UNUSABLE_PAUSE);
        let detail = format!("the list {}: {detail}", walk.list().as_str());
        self.disconnected(DisconnectReason::ProtocolError, &detail, UNUSABLE_PAUSE);
    }

    fn wait_until(&mut self, until: Timestamp) -> Duration {
        let ms = until.as_unix_ms() - self.clock.now().as_unix_ms();
        let wait = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
        self.not_before = Instant::now() + wait;
        wait
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
            detail: detail.to_owned(),
            retry_in,
        }));
    }
}

#[async_trait]
impl FeedReader for PagesFeed {
    fn source(&self) -> SourceName {
        SOURCE
    }

    fn disconnect_reasons(&self) -> &'static [DisconnectReason] {
        &DisconnectReason::OF_CALLS
    }

    fn call_figures(&self) -> Option<Arc<dyn CallFigures>> {
        Some(Arc::new(Calls {
            client: Arc::clone(&self.client),
            progress: Arc::clone(&self.progress),
            clock: Arc::clone(&self.clock),
        }))
    }

    fn keeps_its_place(&self) -> bool {
        true
    }

    fn tells_in_order(&self) -> bool {
        let mut lists = self.walks.iter().map(|turn| turn.walk.list());
        lists.any(|list| list == PageList::Public)
    }

    fn resume(&mut self, place: Option<Checkpoint>) {
        let Some(place) = place else {
            return;
        };
        match place::decode(place.as_str(), self.clock.now()) {
            Ok(places) => {
                for turn in &mut self.walks {
                    let walk = &mut turn.walk;
                    let place = places.iter().find(|(list, _)| *list == walk.list());
                    if let Some((_, place)) = place {
                        walk.resume(*place, Instant::now());
                    }
                }
            }
            Err(error) => tracing::error!(%error, "the lists are read as if for the first time"),
        }
    }

    async fn next(&mut self) -> FeedEvent {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return event;
            }
            let (nth, below, answer) = self.ask().await;
            self.take(nth, below, answer);
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
