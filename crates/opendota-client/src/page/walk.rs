//! Down the pages of a time.

use std::sync::Arc;
use std::time::Duration;

use domain::{MatchId, Timestamp};

use super::{
    Page, PageList,
    search::{SearchStep, StartSearch},
};
use crate::{CallError, Caller, OpenDota};

/// How far a match may be out of order: ids are given a little before matches
/// start. Among public matches 21 seconds were seen.
pub const MARGIN: Duration = Duration::from_mins(5);

/// Before a page is asked for again that could not be read.
const UNUSABLE_PAUSE: Duration = Duration::from_mins(1);

/// A time, its end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
}

/// A walk down the pages of public matches that started in a time. It waits
/// wherever calls are not permitted, and asks again where nothing usable comes.
pub struct RangeWalk {
    client: Arc<OpenDota>,
    caller: Caller,
    range: TimeRange,
    place: Place,
    /// Made since the last page was given.
    calls: u64,
    done: f64,
}

enum Place {
    Searching(StartSearch),
    Below(Option<MatchId>),
    Ended,
}

/// A page of the walk. Its first and last rows may be outside of the time.
#[derive(Debug, Clone, PartialEq)]
pub struct RangePage {
    /// What it says.
    pub page: Page,
    /// The id below which it was asked for; none for the newest page.
    pub asked_below: Option<MatchId>,
    /// Where a walk goes on that has seen it; as it was if there are no rows.
    pub next_below: Option<MatchId>,
    /// How much of the time is done with it, from 0 to 1.
    pub done: f64,
    /// Calls that it took, also those in vain and those of a search.
    pub calls: u64,
}

/// Who is told what becomes of calls.
pub trait WalkWatcher: Send + Sync {
    /// There was a page.
    fn answered(&self);

    /// There was none, and after a pause it is asked for again. Where there is
    /// no room no call was made.
    fn failed(&self, why: &CallError);
}

impl RangeWalk {
    /// A walk that goes on below an id, where one of the same time had come to;
    /// a new one has to find its beginning first.
    #[must_use]
    pub fn new(
        client: Arc<OpenDota>,
        caller: Caller,
        range: TimeRange,
        below: Option<MatchId>,
    ) -> Self {
        let place = match below {
            Some(below) => Place::Below(Some(below)),
            None => Place::Searching(StartSearch::new(range.to.saturating_add(MARGIN))),
        };
        Self {
            client,
            caller,
            range,
            place,
            calls: 0,
            done: 0.0,
        }
    }

    /// The next page; none at the end, which is where a page lies wholly before
    /// the time, by more than [`MARGIN`]. Dropped, it loses a call at most.
    pub async fn next(&mut self, watcher: &dyn WalkWatcher) -> Option<RangePage> {
        loop {
            let (below, is_search) = match &self.place {
                Place::Ended => return None,
                Place::Below(below) => (*below, false),
                Place::Searching(search) => match search.next() {
                    SearchStep::Ask(below) => (below, true),
                    SearchStep::Begin(below) => {
                        self.place = Place::Below(below);
                        continue;
                    }
                },
            };
            let (page, next) = self.fetch(below, watcher).await;
            match &mut self.place {
                Place::Searching(search) if is_search => search.take(below, &page),
                _ => return Some(self.take(below, next, page)),
            }
        }
    }

    fn take(&mut self, below: Option<MatchId>, next: Option<MatchId>, page: Page) -> RangePage {
        let first = self.range.from.saturating_sub(MARGIN);
        let is_before = page.starts().is_some_and(|(_, newest)| newest < first);
        self.place = match next {
            Some(_) if !is_before => Place::Below(next),
            _ => Place::Ended,
        };
        if let Some((oldest, _)) = page.starts() {
            self.done = self.done.max(self.range.share_after(oldest));
        }
        RangePage {
            page,
            asked_below: below,
            next_below: next.or(below),
            done: self.done,
            calls: std::mem::take(&mut self.calls),
        }
    }

    /// Asks until there is a page, and says where the next one begins.
    async fn fetch(
        &mut self,
        below: Option<MatchId>,
        watcher: &dyn WalkWatcher,
    ) -> (Page, Option<MatchId>) {
        loop {
            let asked = self.client.page(PageList::Public, below, self.caller).await;
            let usable = asked.and_then(|page| {
                let next = page.next_below(below);
                next.map(|next| (page, next))
                    .map_err(|detail| CallError::Unusable { detail })
            });
            let is_call = !matches!(usable, Err(CallError::NoRoom { .. }));
            self.calls += u64::from(is_call);
            let error = match usable {
                Ok(found) => {
                    watcher.answered();
                    return found;
                }
                Err(error) => error,
            };
            watcher.failed(&error);
            match error {
                CallError::NoRoom { until }
                | CallError::Refused { until, .. }
                | CallError::Unavailable { until, .. } => self.client.wait_until(until).await,
                // It would be the same at once, and may be another one later.
                CallError::NotFound | CallError::Unusable { .. } => {
                    tokio::time::sleep(UNUSABLE_PAUSE).await;
                }
            }
        }
    }
}

impl TimeRange {
    /// How much of it is done when one has come down to this time.
    fn share_after(&self, reached: Timestamp) -> f64 {
        let ms = |from: Timestamp, to: Timestamp| {
            Duration::from_millis(u64::try_from(to.as_unix_ms() - from.as_unix_ms()).unwrap_or(0))
        };
        let whole = ms(self.from, self.to).as_secs_f64();
        if whole == 0.0 {
            return 1.0;
        }
        (ms(reached, self.to).as_secs_f64() / whole).min(1.0)
    }
}
