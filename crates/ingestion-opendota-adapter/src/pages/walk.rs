//! Down one list, again and again: which page is asked for next, and what is news
//! on it.
//!
//! A *round* begins at the head of the list. It goes down while pages hold what is
//! not known, and is short mostly: it finds what is new near the head soon. A *far
//! round* goes on, whatever is known, to where nothing new can be any more: a match
//! that was not there when the last far round began has started at most as long
//! before that as matches take. So everything that was there when a far round
//! began is known when it ends. A round that has no end for too long becomes a far
//! one; and while a far round is under way short ones come in between, with a
//! quarter of the calls.
//!
//! It is a machine without socket and clock: whoever asks says what time it is.

use std::time::Duration;

use domain::{MatchId, Timestamp};
use ingestion_application::ports::Coverage;
use opendota_client::{Page, PageList, PageRow};
use tokio::time::Instant;

use super::{
    known::Known,
    place::{Head, ListPlace},
    progress::ListProgress,
};

/// Rows of a page.
const PAGE_ROWS: u64 = 100;

/// For so many pages of a short round a far one has its turn.
const FAR_PAGES_A_PAGE: u32 = 3;

/// So often in a row a page has to be empty to be the end of the list, and in
/// between the head must not be: an upstream that has lost its list has no end.
const EMPTY_PAGES: u32 = 3;
const EMPTY_PAUSE: Duration = Duration::from_secs(5);

/// With so many news on the head page the next round is due sooner, with so few later.
const MANY_NEWS: usize = 50;
const FEW_NEWS: usize = 10;

/// How a list is walked down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// So many ids below what was the head a match may still appear. Ids are given
    /// at the start: at the busiest, 20 a second, these are 100 minutes, and 150 on
    /// average.
    pub reach: u64,
    /// So many pages a short round has at most.
    pub pages_max: u32,
    /// From the beginning of a far round to that of the next.
    pub far_spacing: Duration,
    /// From one round to the next.
    pub spacing_min: Duration,
    /// The same, where little is new.
    pub spacing_max: Duration,
}

impl Plan {
    /// What suits the real lists.
    pub const DEFAULT: Self = Self {
        reach: 120_000,
        pages_max: 16,
        far_spacing: Duration::from_mins(5),
        spacing_min: Duration::from_secs(10),
        spacing_max: Duration::from_mins(2),
    };
}

/// One list, and how far it was seen.
pub(super) struct ListWalk {
    list: PageList,
    plan: Plan,
    known: Known,
    /// What was there at this moment was handed over.
    until: Option<Head>,
    /// From when on that is so, and whether since an earlier process.
    since: Option<Timestamp>,
    is_resumed: bool,
    short: Option<Round>,
    far: Option<Round>,
    /// How many pages the far round may have before the next short one.
    owed: u32,
    spacing: Duration,
    round_from: Instant,
    far_from: Instant,
    not_before: Instant,
    /// How many pages in a row were empty.
    empty_pages: u32,
    /// Whether the head is to be looked at before the last of them is believed.
    is_in_doubt: bool,
    first_look: Option<Timestamp>,
    given_up: u64,
}

/// A way down from the head.
#[derive(Debug, Clone, Copy)]
struct Round {
    head: Head,
    begun: Instant,
    below: MatchId,
    pages: u32,
}

/// What a page has brought.
pub(super) struct Step {
    /// What was not known.
    pub(super) news: Vec<PageRow>,
    /// Why there is no way on from it.
    pub(super) trouble: Option<String>,
}

impl ListWalk {
    pub(super) fn new(list: PageList, plan: Plan, now: Instant) -> Self {
        Self {
            list,
            plan,
            known: Known::default(),
            until: None,
            since: None,
            is_resumed: false,
            short: None,
            far: None,
            owed: 0,
            spacing: plan.spacing_min,
            round_from: now,
            far_from: now,
            not_before: now,
            empty_pages: 0,
            is_in_doubt: false,
            first_look: None,
            given_up: 0,
        }
    }

    pub(super) fn list(&self) -> PageList {
        self.list
    }

    /// Goes on where another process was.
    pub(super) fn resume(&mut self, place: ListPlace, now: Instant) {
        self.until = place.until;
        self.since = place.until.map(|head| head.at);
        self.is_resumed = true;
        // It has begun at some time: when it ends the next one is due.
        let begun = now.checked_sub(self.plan.far_spacing).unwrap_or(now);
        self.far = place.round.map(|(head, below)| Round {
            head,
            begun,
            below,
            pages: 0,
        });
    }

    pub(super) fn place(&self) -> ListPlace {
        ListPlace {
            until: self.until,
            round: self.far.map(|round| (round.head, round.below)),
        }
    }

    pub(super) fn progress(&self) -> ListProgress {
        ListProgress {
            list: self.list,
            complete_at: self.until.map(|head| head.at).or(self.first_look),
            given_up: self.given_up,
        }
    }

    /// The time of which everything was handed over; none before a far round has ended.
    pub(super) fn coverage(&self) -> Option<Coverage> {
        let (since, until) = (self.since?, self.until?);
        Some(Coverage {
            since,
            up_to: until.at.max(since),
            is_resumed: self.is_resumed,
        })
    }

    /// When to ask next, and below which id; none for the head.
    pub(super) fn due(&self, now: Instant) -> (Instant, Option<MatchId>) {
        if self.is_in_doubt {
            return (self.not_before, None);
        }
        if let Some(short) = &self.short {
            return (self.not_before, Some(short.below));
        }
        let round_from = self.round_from.max(self.not_before);
        match &self.far {
            Some(far) if self.owed > 0 || round_from > now => (self.not_before, Some(far.below)),
            _ => (round_from, None),
        }
    }

    /// Nothing usable came.
    pub(super) fn pause_until(&mut self, at: Instant) {
        self.not_before = at;
    }

    /// Takes in the page that was due below this id; what it has was there when it
    /// was asked for. So many calls a day may be made: what they do not reach is
    /// given up.
    pub(super) fn take(
        &mut self,
        below: Option<MatchId>,
        page: Page,
        asked_at: Timestamp,
        calls_a_day: u64,
        now: Instant,
    ) -> Step {
        let next = page.next_below(below);
        let highest = page.rows.iter().filter_map(|row| row.match_id).max();
        let known = &mut self.known;
        let rows = page.rows.into_iter();
        let news: Vec<PageRow> = rows.filter(|row| known.is_news(row)).collect();
        let trouble = match (next, highest) {
            (Ok(Some(_)), _) if below.is_none() && self.is_in_doubt => {
                self.is_in_doubt = false;
                None
            }
            (Ok(Some(next)), Some(highest)) => {
                self.empty_pages = 0;
                if below.is_none() {
                    let head = Head {
                        id: highest.get(),
                        at: asked_at,
                    };
                    self.begin(head, next, news.len(), now);
                }
                self.step(next, news.len(), calls_a_day, now);
                None
            }
            (Ok(_), _) => {
                self.take_empty(below, calls_a_day, now);
                None
            }
            (Err(detail), _) => Some(detail),
        };
        Step { news, trouble }
    }

    /// The head page was there. The more of it was new, the sooner it is asked for again.
    fn begin(&mut self, head: Head, below: MatchId, news: usize, now: Instant) {
        self.first_look.get_or_insert(head.at);
        let Plan {
            spacing_min,
            spacing_max,
            ..
        } = self.plan;
        if news > MANY_NEWS {
            self.spacing = (self.spacing / 2).max(spacing_min);
        } else if news < FEW_NEWS {
            self.spacing = (self.spacing * 3 / 2).min(spacing_max);
        }
        self.short = Some(Round {
            head,
            begun: now,
            below,
            pages: 0,
        });
    }

    /// A page has been read, down to `next`, in the round whose turn it was.
    fn step(&mut self, next: MatchId, news: usize, calls_a_day: u64, now: Instant) {
        let is_short = self.short.is_some();
        let round = if is_short {
            &mut self.short
        } else {
            self.owed = self.owed.saturating_sub(1);
            &mut self.far
        };
        let Some(round) = round else {
            return;
        };
        round.below = next;
        round.pages += 1;
        let round = *round;
        if next.get() <= self.floor(round.head) {
            self.complete(round, is_short, now);
        } else if is_short && (news == 0 || round.pages >= self.plan.pages_max) {
            let is_open = round.pages >= self.plan.pages_max && news > 0;
            if self.far.is_none() && (is_open || self.far_from <= now) {
                self.far = Some(round);
                self.give_up(round.head, calls_a_day);
            }
            self.end_short(round, now);
        }
    }

    /// The list may end here.
    fn take_empty(&mut self, below: Option<MatchId>, calls_a_day: u64, now: Instant) {
        self.not_before = now + EMPTY_PAUSE;
        if below.is_none() {
            self.empty_pages = 0;
            self.round_from = now + self.spacing;
        } else if self.empty_pages + 1 < EMPTY_PAGES {
            self.empty_pages += 1;
            self.is_in_doubt = true;
        } else {
            self.empty_pages = 0;
            let lowest = MatchId::try_new(1).expect("1 is an id");
            self.step(lowest, 0, calls_a_day, now);
        }
    }

    /// Below this id nothing can have appeared that was not known already.
    fn floor(&self, head: Head) -> i64 {
        let from = self.until.unwrap_or(head).id;
        from.saturating_sub_unsigned(self.plan.reach).max(1)
    }

    fn complete(&mut self, round: Round, is_short: bool, now: Instant) {
        if is_short {
            self.end_short(round, now);
        }
        // One that began before has nothing more to find.
        self.far = None;
        self.until = Some(round.head);
        self.since.get_or_insert(round.head.at);
        self.far_from = round.begun + self.plan.far_spacing;
        self.known.forget_below(self.floor(round.head));
    }

    fn end_short(&mut self, round: Round, now: Instant) {
        self.short = None;
        self.owed = round.pages.saturating_mul(FAR_PAGES_A_PAGE);
        self.round_from = now + self.spacing;
    }

    /// A far round that would take more than the calls of a day is cut: it would
    /// never catch up.
    fn give_up(&mut self, head: Head, calls_a_day: u64) {
        let rows = calls_a_day.saturating_mul(PAGE_ROWS).max(self.plan.reach);
        let (floor, reached) = (self.floor(head), head.id.saturating_sub_unsigned(rows));
        let Some(until) = self.until.as_mut().filter(|_| floor < reached) else {
            return;
        };
        until.id = reached.saturating_add_unsigned(self.plan.reach);
        // What was there before may be below: only from here on all is known again.
        (self.since, self.is_resumed) = (Some(head.at), false);
        let ids = u64::try_from(reached - floor).unwrap_or(0);
        self.given_up = self.given_up.saturating_add(ids);
        tracing::error!(
            list = self.list.as_str(),
            from_id = floor,
            to_id = reached,
            "matches that have appeared between these ids are not looked for: there are not \
             calls enough"
        );
    }
}
