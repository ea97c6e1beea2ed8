//! Where in the pages a time begins.
//!
//! Ids grow with the starts of matches, and nobody can be asked for the id of a
//! time. So it is searched: a page is asked for below an id where the time should
//! be, by the pace of ids between what is known; every second time in the middle
//! of what is left, for the pace has changed over the years. The number of calls
//! has a limit; at it the walk begins at the lowest id that is known to be late
//! enough, so that calls are wasted and no match is lost.

use domain::{MatchId, Timestamp};

use super::Page;

/// A search costs no more calls.
const CALLS_MAX: u32 = 32;

/// A page that begins so little after the time is near enough: fewer pages lie
/// between than a search for less would cost.
const NEAR_MS: i64 = 60 * 1_000;

/// An id, and when the match of it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    id: i64,
    start: Timestamp,
}

/// A search for the id below which all matches lie that started before a time.
#[derive(Debug)]
pub(super) struct StartSearch {
    target: Timestamp,
    /// The newest match of all.
    head: Option<Seen>,
    /// The lowest id that is known to be late enough.
    late: Option<Seen>,
    /// The highest id below which everything started too early, and the start
    /// of the newest match there, if there is one.
    early: Option<(i64, Option<Timestamp>)>,
    found: Option<SearchStep>,
    calls: u32,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SearchStep {
    /// To ask for the page below this id, or for the newest one.
    Ask(Option<MatchId>),
    /// To begin below this id, or with the newest page.
    Begin(Option<MatchId>),
}

impl StartSearch {
    /// Matches that started at `target` or later need not be among those that
    /// lie below what is found.
    pub(super) fn new(target: Timestamp) -> Self {
        Self {
            target,
            head: None,
            late: None,
            early: None,
            found: None,
            calls: 0,
        }
    }

    pub(super) fn next(&self) -> SearchStep {
        if let Some(found) = self.found {
            return found;
        }
        let Some((head, late)) = self.head.zip(self.late) else {
            return SearchStep::Ask(None);
        };
        let lowest = self.early.map_or(0, |(id, _)| id);
        let is_near = self.ms_behind(late) <= NEAR_MS || late.id - lowest <= 1;
        if is_near || self.calls >= CALLS_MAX {
            return SearchStep::Begin(MatchId::try_new(late.id).ok());
        }
        let by_pace = self.by_pace(head, late);
        let by_pace = by_pace.filter(|guess| (lowest + 1..late.id).contains(guess));
        let is_turn_of_middle = self.calls.is_multiple_of(2) && self.early.is_some();
        let guess = by_pace.filter(|_| !is_turn_of_middle);
        let guess = guess.unwrap_or(lowest + (late.id - lowest) / 2);
        SearchStep::Ask(MatchId::try_new(guess).ok())
    }

    /// Where the time should be, by the pace of ids in what is known around it.
    fn by_pace(&self, head: Seen, late: Seen) -> Option<i64> {
        let early = self.early.and_then(|(id, start)| {
            let start = start?;
            Some(Seen { id, start })
        });
        let (from, to) = early.map_or((late, head), |early| (early, late));
        let ms = i128::from(to.start.as_unix_ms() - from.start.as_unix_ms());
        let ids = i128::from(to.id - from.id);
        if ms <= 0 {
            return None;
        }
        let back = i128::from(self.ms_behind(late)) * ids / ms;
        i64::try_from(i128::from(late.id) - back).ok()
    }

    fn ms_behind(&self, late: Seen) -> i64 {
        late.start.as_unix_ms() - self.target.as_unix_ms()
    }

    /// Takes in the page that was asked for below an id. One whose rows tell
    /// nothing is taken for an empty one.
    pub(super) fn take(&mut self, below: Option<MatchId>, page: &Page) {
        self.calls += 1;
        let known = page.rows.iter();
        let known = known.filter_map(|row| {
            Some(Seen {
                id: row.match_id?.get(),
                start: row.start_time?,
            })
        });
        let known: Vec<_> = known.collect();
        let oldest = known.iter().min_by_key(|seen| seen.id);
        let newest = known.iter().max_by_key(|seen| seen.id);
        let starts = page.starts();
        let Some(((&oldest, &newest), (first, last))) = oldest.zip(newest).zip(starts) else {
            match below {
                Some(below) => self.early = Some((below.get(), None)),
                None => self.found = Some(SearchStep::Begin(None)),
            }
            return;
        };
        self.head.get_or_insert(newest);
        if first >= self.target {
            // Nothing above it is wanted.
            self.late = Some(Seen {
                id: oldest.id,
                start: first,
            });
        } else if let Some(below) = below.filter(|_| last < self.target) {
            self.early = Some((below.get(), Some(last)));
        } else {
            self.found = Some(SearchStep::Begin(below));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::PageRow;

    const FETCHED: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    /// Matches whose ids go on at another pace each year, and once jump.
    fn start_of(id: i64) -> i64 {
        const BEGIN: i64 = 1_400_000_000;
        match id {
            ..=1_000_000 => BEGIN + id,
            1_000_001..=501_000_000 => BEGIN + 1_000_000 + (id - 1_000_000) / 7,
            501_000_001..=511_000_000 => BEGIN + 72_500_000,
            _ => BEGIN + 72_500_000 + (id - 511_000_000) / 22,
        }
    }

    /// As many rows as a page has, of every so manieth match.
    fn page(below: i64, every: i64) -> Page {
        let ids = (1..=100).map(|nth| (below - 1) / every * every - (nth - 1) * every);
        let rows = ids.filter(|id| *id > 0).map(|id| PageRow {
            text: String::new(),
            match_id: MatchId::try_new(id).ok(),
            start_time: Some(Timestamp::from_unix_seconds(start_of(id))),
            summary: Err(crate::RowFault::NotAnObject),
        });
        Page {
            rows: rows.collect(),
            fetched_at: FETCHED,
        }
    }

    const HEAD: i64 = 8_769_331_997;

    /// Where it begins, after how many calls.
    fn search(target: i64, every: i64) -> (i64, u32) {
        let mut search = StartSearch::new(Timestamp::from_unix_seconds(target));
        loop {
            match search.next() {
                SearchStep::Begin(found) => {
                    let found = found.map_or(HEAD, MatchId::get);
                    return (found, search.calls);
                }
                SearchStep::Ask(below) => {
                    search.take(below, &page(below.map_or(HEAD, MatchId::get), every));
                }
            }
        }
    }

    #[test]
    fn every_time_is_found_with_few_calls_and_nothing_of_it_is_above() {
        let last = start_of(HEAD - 1);
        for every in [1, 13, 220] {
            for target in [
                last + 3_600,
                last - 60,
                last - 3_600,
                last - 86_400,
                last - 400 * 86_400,
                start_of(511_000_100),
                start_of(400_000_000),
                start_of(700_000),
                start_of(1),
                1_300_000_000,
            ] {
                let (found, calls) = search(target, every);
                assert!(calls <= CALLS_MAX, "{calls} calls for {target}");
                assert!(
                    found == HEAD || start_of(found) >= target,
                    "{found} is too low for {target}"
                );
                // Rows are further apart in pages that tell of few matches.
                let page_seconds = every * 100;
                let near = start_of((found - 2 * page_seconds.max(100)).max(1)) - NEAR_MS / 1_000;
                assert!(
                    near <= target || found <= 100 * every,
                    "{found} is {} s behind {target} after {calls} calls",
                    start_of(found) - target
                );
            }
        }
        assert!(search(last - 30 * 86_400, 1).1 <= 4);
    }

    #[test]
    fn without_any_match_it_begins_with_the_newest_page() {
        let mut search = StartSearch::new(FETCHED);
        assert_eq!(search.next(), SearchStep::Ask(None));
        search.take(None, &page(1, 1));
        assert_eq!(search.next(), SearchStep::Begin(None));
    }
}
