//! Where in the sequence a time begins.
//!
//! Numbers grow with the ends of matches, and nobody can be asked for the number
//! of a time. So it is searched: where it should be by the pace of numbers in
//! what is known, and every second time in the middle of what is left. At its
//! limit it begins at the highest number that is known to be early enough, so a
//! search that goes wrong costs calls, and no match.

use domain::Timestamp;

/// A search costs no more calls.
const CALLS_MAX: u32 = 40;

/// What ended so little before the time is near enough: fewer pages lie between
/// than a search for less would cost.
const NEAR_MS: i64 = 2 * 60 * 1_000;

/// A number, and when the first match from there on has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    number: u64,
    ended: Timestamp,
}

/// A search for a number below which every match ended before a time.
#[derive(Debug)]
pub(crate) struct StartSearch {
    target: Timestamp,
    early: Option<Known>,
    late: Option<Known>,
    newest: Option<u64>,
    calls: u32,
    found: Option<u64>,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SearchStep {
    /// To ask for the newest number.
    Newest,
    /// To ask for some matches from this number on.
    From(u64),
    /// To begin at this number.
    Begin(u64),
}

impl StartSearch {
    pub(crate) fn new(target: Timestamp) -> Self {
        Self {
            target,
            early: None,
            late: None,
            newest: None,
            calls: 0,
            found: None,
        }
    }

    pub(crate) fn next(&self) -> SearchStep {
        if let Some(found) = self.found {
            return SearchStep::Begin(found);
        }
        let Some(newest) = self.newest else {
            return SearchStep::Newest;
        };
        let Some(late) = self.late else {
            return SearchStep::From(newest);
        };
        // The oldest of all.
        let Some(early) = self.early else {
            return SearchStep::From(0);
        };
        let is_near = self.target.as_unix_ms() - early.ended.as_unix_ms() <= NEAR_MS;
        if is_near || late.number - early.number <= 1 || self.calls >= CALLS_MAX {
            return SearchStep::Begin(early.number);
        }
        let between = early.number + 1..late.number;
        let by_pace = self.by_pace(early, late);
        let guess = by_pace.filter(|guess| self.calls.is_multiple_of(2) && between.contains(guess));
        let middle = early.number + (late.number - early.number) / 2;
        SearchStep::From(guess.unwrap_or(middle))
    }

    /// Where what ended a little before the time should be.
    fn by_pace(&self, early: Known, late: Known) -> Option<u64> {
        let ms = |to: Timestamp| i128::from(to.as_unix_ms() - early.ended.as_unix_ms());
        let (all, part) = (ms(late.ended), ms(self.target) - i128::from(NEAR_MS / 2));
        if all <= 0 {
            return None;
        }
        let numbers = i128::from(late.number - early.number);
        u64::try_from(i128::from(early.number) + numbers * part / all).ok()
    }

    /// Takes in the newest number of all.
    pub(crate) fn take_newest(&mut self, number: u64) {
        self.calls += 1;
        self.newest = Some(number);
    }

    /// Takes in what came from a number on: the first match of which it is known
    /// when it ended, if there is one.
    pub(crate) fn take(&mut self, asked: u64, first: Option<(u64, Timestamp)>) {
        self.calls += 1;
        let early = first.filter(|(_, ended)| *ended < self.target);
        if let Some((number, ended)) = early {
            self.early = Some(Known { number, ended });
            if self.late.is_none() {
                // The time has not come yet.
                self.found = Some(number);
            }
        } else if asked == 0 {
            // All of them ended later.
            self.found = Some(0);
        } else {
            let ended = first.map(|(_, ended)| ended);
            let ended = ended.or(self.late.map(|late| late.ended));
            self.late = Some(Known {
                number: asked,
                ended: ended.unwrap_or(self.target),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number for every third of a second, and for a year none.
    fn ended(number: u64) -> Timestamp {
        let seconds = 1_400_000_000 + i64::try_from(number / 3).expect("small");
        let gap = if number > 500_000_000 { 31_536_000 } else { 0 };
        Timestamp::from_unix_seconds(seconds + gap)
    }

    const NEWEST: u64 = 900_000_000;

    /// Where it begins, after how many calls; every seventh number is a match.
    fn search(target: Timestamp) -> (u64, u32) {
        let mut search = StartSearch::new(target);
        loop {
            match search.next() {
                SearchStep::Begin(found) => return (found, search.calls),
                SearchStep::Newest => search.take_newest(NEWEST),
                SearchStep::From(number) => {
                    let first = number.next_multiple_of(7);
                    let first = (first <= NEWEST).then(|| (first, ended(first)));
                    search.take(number, first);
                }
            }
        }
    }

    #[test]
    fn every_time_is_found_with_few_calls_and_nothing_of_it_is_below() {
        for number in [
            0,
            1,
            1_000,
            400_000_000,
            499_999_999,
            500_000_100,
            700_000_000,
            899_999_000,
        ] {
            let target = ended(number);
            let (found, calls) = search(target);
            assert!(calls <= CALLS_MAX, "{calls} calls for {number}");
            assert!(found <= number, "{found} is behind {number}");
            let is_near = ended(found).as_unix_ms() >= target.as_unix_ms() - 2 * NEAR_MS;
            let is_gap = (499_000_000..501_000_000).contains(&found);
            assert!(is_near || is_gap || found == 0, "{found} for {number}");
        }
        assert!(search(ended(700_000_000)).1 <= 14);
    }

    #[test]
    fn before_all_and_behind_all_it_knows_where_to_begin() {
        assert_eq!(search(Timestamp::from_unix_seconds(1)).0, 0);
        let behind = Timestamp::from_unix_seconds(1_800_000_000);
        assert!(search(behind).0 > NEWEST - 10);
    }
}
