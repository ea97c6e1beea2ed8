//! Along the sequence, from a place to the end of a range.

use std::{sync::Arc, time::Duration};

use domain::Timestamp;
use etl_application::backfill::{SequencePart, Span};
use steam_client::{CallError, Page, ROWS_MAX};
use tokio::time::sleep;

use crate::{
    piece::{ended, first_end},
    search::{SearchStep, StartSearch},
    turns::SteamTurns,
};

/// How far the ends of matches may be out of the order of their numbers.
pub(crate) const MARGIN: Duration = Duration::from_mins(10);

/// So many matches are asked for in a search: one that tells its end is among them.
const SEARCH_ROWS: u8 = 5;

/// The longest sleep in one go: keys may be permitted again earlier than was known.
const SLEEP_MAX: Duration = Duration::from_mins(10);

/// So many numbers in a row are skipped of which the upstream does not want
/// to tell; beyond, it is asked for the first of them again.
const SKIPPED_MAX: u64 = 100;

/// Before something is asked for again that made no sense.
const ODD_PAUSE: Duration = Duration::from_mins(1);

/// A walk up the pages of a range. It waits wherever calls are not permitted,
/// and asks again where nothing usable comes.
pub(crate) struct SequenceWalk {
    turns: Arc<SteamTurns>,
    part: SequencePart,
    place: Place,
    rows: u8,
    /// Made since the last page was given.
    calls: u64,
}

enum Place {
    Searching(StartSearch),
    At(u64),
    Ended,
}

/// A page of the walk; some of it may be outside of the range.
pub(crate) struct WalkPage {
    pub(crate) page: Page,
    /// From where on it was asked for.
    pub(crate) asked: u64,
    /// Where a walk goes on that has seen it.
    pub(crate) next: u64,
    /// Calls that it took, also those in vain and those of a search.
    pub(crate) calls: u64,
}

impl SequenceWalk {
    /// A walk that goes on at a number, where one of the same range had come to.
    pub(crate) fn new(turns: Arc<SteamTurns>, part: SequencePart, at: Option<u64>) -> Self {
        let place = match (at, part) {
            (Some(at), _) => Place::At(at),
            (None, SequencePart::Numbers { from, .. }) => Place::At(from),
            (None, SequencePart::Times(span)) => {
                Place::Searching(StartSearch::new(moved(span.from, -1)))
            }
        };
        Self {
            turns,
            part,
            place,
            rows: ROWS_MAX,
            calls: 0,
        }
    }

    /// The next page; none at the end of the range, or of the sequence. Dropped,
    /// it loses a call at most.
    pub(crate) async fn next(&mut self, say: &impl Fn(&CallError)) -> Option<WalkPage> {
        loop {
            let at = match &self.place {
                Place::Ended => return None,
                Place::At(at) => *at,
                Place::Searching(search) => match search.next() {
                    SearchStep::Begin(at) => {
                        self.place = Place::At(at);
                        continue;
                    }
                    step => {
                        self.search(step, say).await;
                        continue;
                    }
                },
            };
            if matches!(self.part, SequencePart::Numbers { to, .. } if at >= to) {
                return None;
            }
            let Some((page, next)) = self.fetch(at, say).await else {
                self.place = Place::Ended;
                return None;
            };
            self.place = if self.is_behind(&page) {
                Place::Ended
            } else {
                Place::At(next)
            };
            return Some(WalkPage {
                page,
                asked: at,
                next,
                calls: std::mem::take(&mut self.calls),
            });
        }
    }

    /// Whether all of a page had ended behind the time that is asked for.
    fn is_behind(&self, page: &Page) -> bool {
        let SequencePart::Times(Span { to, .. }) = self.part else {
            return false;
        };
        let ends = page.matches.iter().flatten().filter_map(ended);
        ends.min().is_some_and(|first| first >= moved(to, 1))
    }

    async fn search(&mut self, step: SearchStep, say: &impl Fn(&CallError)) {
        let turns = Arc::clone(&self.turns);
        let taken = match step {
            SearchStep::From(number) => {
                let page = self.ask(|| turns.matches_from(number, SEARCH_ROWS), say);
                let page = page.await;
                Box::new(move |search: &mut StartSearch| {
                    // What is refused, or tells no end, is as good as nothing.
                    let first = page.ok().as_ref().and_then(first_end);
                    search.take(number, first);
                }) as Box<dyn FnOnce(&mut StartSearch) + Send>
            }
            SearchStep::Newest | SearchStep::Begin(_) => {
                match self.ask(|| turns.newest_number(), say).await {
                    Ok(newest) => Box::new(move |search: &mut StartSearch| {
                        search.take_newest(newest);
                    }),
                    Err(error) => {
                        say(&error);
                        return sleep(ODD_PAUSE).await;
                    }
                }
            }
        };
        if let Place::Searching(search) = &mut self.place {
            taken(search);
        }
    }

    /// A page that brings the walk on, and where it goes on then; none at the end
    /// of the sequence.
    async fn fetch(&mut self, at: u64, say: &impl Fn(&CallError)) -> Option<(Page, u64)> {
        let turns = Arc::clone(&self.turns);
        let mut skipped = 0;
        loop {
            let (start, rows) = (at.saturating_add(skipped), self.rows);
            match self.ask(|| turns.matches_from(start, rows), say).await {
                Ok(page) => {
                    self.rows = ROWS_MAX;
                    let last = page.last_sequence_number().filter(|last| *last >= start);
                    if let Some(last) = last {
                        return Some((page, last.saturating_add(1)));
                    }
                    if self.is_end(start, say).await {
                        return None;
                    }
                    skipped = 0;
                }
                Err(CallError::TooLarge { .. }) if rows > 1 => self.rows = rows / 2,
                Err(error) if skipped == SKIPPED_MAX => {
                    say(&error);
                    skipped = 0;
                    sleep(ODD_PAUSE).await;
                }
                Err(error) => {
                    if skipped == 0 {
                        say(&error);
                    }
                    skipped += 1;
                }
            }
        }
    }

    /// Whether there is nothing from a number on; if there is, it waits a moment.
    async fn is_end(&mut self, start: u64, say: &impl Fn(&CallError)) -> bool {
        let turns = Arc::clone(&self.turns);
        let newest = self.ask(|| turns.newest_number(), say).await;
        if newest.is_ok_and(|newest| newest < start) {
            return true;
        }
        sleep(ODD_PAUSE).await;
        false
    }

    /// Asks until there is an answer, or one that would be the same another time.
    async fn ask<T, F: Future<Output = Result<T, CallError>>>(
        &mut self,
        call: impl Fn() -> F,
        say: &impl Fn(&CallError),
    ) -> Result<T, CallError> {
        loop {
            let answer = call().await;
            self.calls += u64::from(!matches!(answer, Err(CallError::NoRoom { .. })));
            let Err(error) = answer else { return answer };
            let retry_in = match &error {
                CallError::NoRoom { retry_in }
                | CallError::Limited { retry_in }
                | CallError::Refused { retry_in, .. }
                | CallError::Unavailable { retry_in, .. } => *retry_in,
                CallError::TooLarge { .. } | CallError::InVain { .. } => return Err(error),
            };
            say(&error);
            sleep(retry_in.min(SLEEP_MAX)).await;
        }
    }
}

/// So many margins later.
fn moved(at: Timestamp, margins: i64) -> Timestamp {
    let ms = i64::try_from(MARGIN.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_unix_ms(at.as_unix_ms().saturating_add(ms.saturating_mul(margins)))
}
