//! Where both passes over the sequence are, and how that is written down.

use std::{collections::VecDeque, time::Duration};

use domain::Timestamp;
use thiserror::Error;

/// How far the second pass trails the first one: matches that appear late do so
/// within this time.
pub(crate) const TRAIL_DELAY: Duration = Duration::from_hours(1);

/// How exactly that is kept.
const MARK_SPACING: Duration = Duration::from_mins(5);

/// A match that appears late is no further away from its neighbours.
const NEIGHBOURS: u64 = 262_144;

/// The first word of a place. Another one is for another way of writing it.
const VERSION: &str = "v1";

/// So many marks are kept: those within the delay, and the last one before it.
const MARKS_MAX: usize = 14;

/// Both positions: the next number to ask for in the first pass, and in the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) head: u64,
    /// At most `head`.
    pub(crate) trail: u64,
    /// By when the first pass had come how far, ascending in both.
    marks: VecDeque<Mark>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    read_at: Timestamp,
    head: u64,
}

/// A place that this version did not write.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no place of this feed as version {VERSION} writes it")]
pub(crate) struct NoPlace(String);

impl Place {
    /// Both passes begin here.
    pub(crate) fn at(number: u64) -> Self {
        Self {
            head: number,
            trail: number,
            marks: VecDeque::new(),
        }
    }

    /// The first pass has come to `head`, and found matches from `first` on. What
    /// had ended an hour before it was read will not be joined by anything late:
    /// then the second pass comes along, if it has nothing to read before. So it
    /// does over numbers of which there is none far and wide.
    pub(crate) fn advance_head(&mut self, first: u64, head: u64, is_old: bool) {
        if self.trail == self.head {
            self.trail = if is_old {
                head
            } else {
                self.trail.max(first.saturating_sub(NEIGHBOURS))
            };
        }
        self.head = head;
    }

    /// The second pass leaves out what is between it and where the first one was
    /// an hour ago, or else where that is; all of it had ended by the time that is returned.
    pub(crate) fn pass_over(&mut self, now: Timestamp) -> Timestamp {
        let due = |mark: &&Mark| mark.wait(now).is_zero() && mark.head > self.trail;
        let last_due = self.marks.iter().rev().find(due).copied();
        let to = last_due.unwrap_or(Mark {
            read_at: now,
            head: self.head,
        });
        self.trail = to.head;
        to.read_at
    }

    /// Remembers that the first pass had come this far by now.
    pub(crate) fn mark(&mut self, now: Timestamp) {
        while self
            .marks
            .front()
            .is_some_and(|mark| mark.head <= self.trail)
        {
            self.marks.pop_front();
        }
        // Of those that count already, the last one says all.
        while self
            .marks
            .get(1)
            .is_some_and(|mark| mark.wait(now).is_zero())
        {
            self.marks.pop_front();
        }
        let last = self.marks.back().copied();
        let is_news = self.head > last.map_or(self.trail, |last| last.head);
        let is_time = last.is_none_or(|last| now.saturating_since(last.read_at) >= MARK_SPACING);
        if is_news && is_time && self.marks.len() < MARKS_MAX {
            self.marks.push_back(Mark {
                read_at: now,
                head: self.head,
            });
        }
    }

    /// How far the second pass may read, if there is anything to read for it.
    pub(crate) fn trail_target(&self, now: Timestamp) -> Option<u64> {
        let due = self.marks.iter().filter(|mark| mark.wait(now).is_zero());
        let target = due.map(|mark| mark.head).max()?;
        (target > self.trail).then_some(target)
    }

    /// How long until the second pass has something to read; nothing if that
    /// depends on the first one.
    pub(crate) fn trail_wait(&self, now: Timestamp) -> Option<Duration> {
        let ahead = self.marks.iter().find(|mark| mark.head > self.trail)?;
        Some(ahead.wait(now))
    }

    /// Since when the second pass has something to read, or from when on it will.
    pub(crate) fn trail_due(&self) -> Option<Timestamp> {
        let ahead = self.marks.iter().find(|mark| mark.head > self.trail)?;
        Some(ahead.read_at.saturating_add(TRAIL_DELAY))
    }

    /// Written down, in less than 600 bytes.
    pub(crate) fn encode(&self) -> String {
        let marks = self.marks.iter();
        let marks = marks.map(|mark| format!("{}:{}", mark.read_at.unix_seconds(), mark.head));
        let marks: Vec<String> = marks.collect();
        format!("{VERSION};{};{};{}", self.head, self.trail, marks.join(","))
    }

    /// Reads what [`encode`](Self::encode) has written. No mark is of later than
    /// `now`, whatever the clock was when it was set.
    pub(crate) fn decode(text: &str, now: Timestamp) -> Result<Self, NoPlace> {
        let read = || {
            let mut parts = text.split(';');
            let is_known = parts.next()? == VERSION;
            let head = parts.next()?.parse().ok()?;
            let trail = parts.next()?.parse().ok()?;
            let marks = parts.next()?.split(',').filter(|mark| !mark.is_empty());
            let mark = |text: &str| {
                let (seconds, head) = text.split_once(':')?;
                let read_at = Timestamp::from_unix_seconds(seconds.parse().ok()?);
                Some(Mark {
                    read_at: read_at.min(now),
                    head: head.parse().ok()?,
                })
            };
            let marks = marks.map(mark).collect::<Option<VecDeque<_>>>()?;
            let is_whole = parts.next().is_none() && trail <= head && marks.len() <= MARKS_MAX;
            (is_known && is_whole).then_some(Self { head, trail, marks })
        };
        read().ok_or_else(|| NoPlace(text.chars().take(100).collect()))
    }
}

impl Mark {
    /// How long until the second pass may read as far as this.
    fn wait(&self, now: Timestamp) -> Duration {
        TRAIL_DELAY.saturating_sub(now.saturating_since(self.read_at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_unix_seconds(1_786_620_000 + 60 * minutes)
    }

    #[test]
    fn the_second_pass_reads_what_the_first_had_read_an_hour_before() {
        let mut place = Place::at(1_000);
        place.mark(at(0));
        assert_eq!(
            (place.trail_target(at(500)), place.trail_wait(at(500))),
            (None, None)
        );
        for minute in 0..60_i64 {
            place.advance_head(1_000, 1_001 + minute.unsigned_abs(), false);
            place.mark(at(minute));
        }
        assert_eq!(place.trail_target(at(59)), None);
        assert_eq!(place.trail_wait(at(59)), Some(Duration::from_mins(1)));
        assert_eq!(place.trail_target(at(60)), Some(1_001));
        assert_eq!(place.trail_target(at(67)), Some(1_006));
        assert_eq!(place.trail_target(at(130)), Some(1_056));
        place.trail = 1_006;
        assert_eq!(place.trail_target(at(67)), None);
        assert_eq!(place.trail_wait(at(67)), Some(Duration::from_mins(3)));
    }

    #[test]
    fn the_second_pass_has_nothing_to_do_where_all_is_old() {
        let mut place = Place::at(1_000);
        place.advance_head(1_000, 2_000, true);
        assert_eq!((place.head, place.trail), (2_000, 2_000));
        place.advance_head(2_000, 3_000, false);
        // From here on there is a part that has to be read again.
        place.advance_head(3_000, 4_000, true);
        assert_eq!((place.head, place.trail), (4_000, 2_000));
    }

    #[test]
    fn the_second_pass_begins_no_further_away_than_something_may_appear() {
        let mut place = Place::at(0);
        place.advance_head(7_400_000_000, 7_400_000_100, false);
        assert_eq!(place.trail, 7_400_000_000 - NEIGHBOURS);
        place.advance_head(9_000_000_000, 9_000_000_100, false);
        assert_eq!(place.trail, 7_400_000_000 - NEIGHBOURS);
    }

    #[test]
    fn what_is_passed_over_ends_where_the_first_pass_was_an_hour_ago() {
        let mut place = Place::at(1_000);
        for minute in 0..100_i64 {
            place.advance_head(1_000, 1_001 + minute.unsigned_abs(), false);
            place.mark(at(minute));
        }
        assert_eq!(place.pass_over(at(100)), at(40));
        assert_eq!((place.trail, place.head), (1_041, 1_100));
        assert_eq!(place.pass_over(at(100)), at(100), "nothing more is due");
        assert_eq!((place.trail, place.head), (1_100, 1_100));
    }

    #[test]
    fn marks_are_few_however_long_the_second_pass_has_to_wait() {
        let mut place = Place::at(1);
        for minute in 0..100_000 {
            place.advance_head(place.head, place.head + 840, false);
            place.mark(at(minute));
            assert!(place.marks.len() <= MARKS_MAX);
            if minute > 60 {
                let behind = (place.head - place.trail_target(at(minute)).expect("some")) / 840;
                assert!((60..=66).contains(&behind), "{behind} minutes");
            }
        }
        let text = place.encode();
        assert!(text.len() < 600, "{text}");
        assert_eq!(Place::decode(&text, at(100_000)), Ok(place));
    }

    #[test]
    fn what_another_version_wrote_is_no_place() {
        for text in [
            "",
            "v1",
            "v1;7;7",
            "v2;7;7;",
            "v1;7;8;",
            "v1;-7;7;",
            "v1;7;7;x",
            "v1;7;7;1:",
            "v1;7;7;;",
            "v1;18446744073709551616;7;",
        ] {
            assert!(Place::decode(text, at(0)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_mark_from_the_future_is_one_of_now() {
        let text = format!("v1;9;5;{}:9", at(90_000).unix_seconds());
        let place = Place::decode(&text, at(0)).expect("a place");
        assert_eq!(place.trail_wait(at(0)), Some(TRAIL_DELAY));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(v1;)?[0-9;:,-]{0,60}") {
            if let Ok(place) = Place::decode(&text, at(0)) {
                prop_assert!(place.trail <= place.head);
                prop_assert_eq!(Place::decode(&place.encode(), at(0)), Ok(place));
            }
        }
    }
}
