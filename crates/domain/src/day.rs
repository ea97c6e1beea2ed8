//! Days of the calendar, in UTC.

use std::{fmt, str::FromStr};

use crate::{InvalidData, Timestamp};

const MS_PER_DAY: i64 = 24 * 60 * 60 * 1_000;

/// A day of the calendar, from midnight to midnight UTC.
///
/// Written as `2026-11-29`. Matches are counted by the day on which they started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

impl Day {
    /// The day on which `at` is; beyond some six million years, the last one there is.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        let days = at.as_unix_ms().div_euclid(MS_PER_DAY);
        let nearest = if days < 0 { i32::MIN } else { i32::MAX };
        Self(i32::try_from(days).unwrap_or(nearest))
    }

    /// A day by its date, in the years 0 to 9999.
    ///
    /// # Errors
    /// [`InvalidData::DayUnknown`] when the calendar has no such day.
    pub fn try_new(year: i32, month: u8, day: u8) -> Result<Self, InvalidData> {
        let valid = (0..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_of_month(year, month)).contains(&day);
        if valid {
            Ok(Self(days_from_civil(year, month, day)))
        } else {
            let date = format!("{year:04}-{month:02}-{day:02}");
            Err(InvalidData::DayUnknown(date))
        }
    }

    /// A day by its distance from 1970-01-01.
    #[must_use]
    pub const fn from_days_since_epoch(days: i32) -> Self {
        Self(days)
    }

    /// Its distance from 1970-01-01 in days.
    #[must_use]
    pub const fn days_since_epoch(self) -> i32 {
        self.0
    }

    /// The midnight with which it begins.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::from_unix_ms(i64::from(self.0) * MS_PER_DAY)
    }

    /// The day after it; the last day there is has none and gives itself.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Day {
    type Err = InvalidData;

    /// Reads `2026-11-29`, with all its digits and nothing around them.
    fn from_str(text: &str) -> Result<Self, InvalidData> {
        let unknown = || {
            let excerpt = &text[..text.floor_char_boundary(32)];
            InvalidData::DayUnknown(excerpt.to_owned())
        };
        let bytes = text.as_bytes();
        let shaped = bytes.len() == 10
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !shaped {
            return Err(unknown());
        }
        let year = text[..4].parse().map_err(|_| unknown())?;
        let month = text[5..7].parse().map_err(|_| unknown())?;
        let day = text[8..].parse().map_err(|_| unknown())?;
        Self::try_new(year, month, day).map_err(|_| unknown())
    }
}

fn days_of_month(year: i32, month: u8) -> u8 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

// Years that begin in March put the leap day at their end, and 400 of them, an
// era, always have the same length. The arithmetic is that of `days_from_civil`
// and `civil_from_days` in Howard Hinnant, "chrono-Compatible Low-Level Date
// Algorithms", https://howardhinnant.github.io/date_algorithms.html.

const YEARS_PER_ERA: i64 = 400;
const DAYS_PER_ERA: i64 = 146_097;
/// From 0000-03-01, the beginning of era 0, to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;

fn days_from_civil(year: i32, month: u8, day: u8) -> i32 {
    let year = i64::from(year) - i64::from(month <= 2);
    let month = i64::from(month);
    let era = year.div_euclid(YEARS_PER_ERA);
    let year_of_era = year.rem_euclid(YEARS_PER_ERA);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    i32::try_from(era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH)
        .expect("years have four digits, so there are less than four million days")
}

fn civil_from_days(days: i32) -> (i64, i64, i64) {
    let days = i64::from(days) + DAYS_TO_EPOCH;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * YEARS_PER_ERA + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use jiff::civil;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_begin_at_midnight() {
        for (ms, day) in [
            (0, "1970-01-01"),
            (MS_PER_DAY - 1, "1970-01-01"),
            (MS_PER_DAY, "1970-01-02"),
            (-1, "1969-12-31"),
            (1_742_744_300_000, "2025-03-23"),
        ] {
            assert_eq!(Day::of(Timestamp::from_unix_ms(ms)).to_string(), day);
        }
    }

    #[test]
    fn the_ends_of_time_are_days() {
        let last = Day::of(Timestamp::from_unix_ms(i64::MAX));
        assert_eq!(last.next(), last);
        assert!(Day::of(Timestamp::from_unix_ms(i64::MIN)) < last);
        assert!(last.start() > Day::from_days_since_epoch(0).start());
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "2026-02-29",
            "1900-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-04-31",
            "2026-01-00",
            "2026-1-01",
            "+026-01-01",
            "-001-01-01",
            " 2026-01-01",
            "2026-01-01T00:00:00Z",
            "2026/01/01",
            "２０26-01-0",
            "20260101",
        ] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
        assert!(Day::try_new(10_000, 1, 1).is_err());
        assert!(Day::try_new(-1, 1, 1).is_err());
        assert!(Day::try_new(2024, 2, 29).is_ok());
        assert!(Day::try_new(2000, 2, 29).is_ok());
    }

    proptest! {
        #[test]
        fn another_calendar_agrees(days in -719_528..=2_932_896_i32) {
            let day = Day::from_days_since_epoch(days);
            let epoch = civil::date(1970, 1, 1);
            let theirs = epoch + jiff::Span::new().days(days);
            prop_assert_eq!(day.to_string(), theirs.to_string());
            prop_assert_eq!(day.to_string().parse::<Day>(), Ok(day));
            let (month, day_of_month) = (theirs.month().cast_unsigned(), theirs.day().cast_unsigned());
            prop_assert_eq!(Day::try_new(theirs.year().into(), month, day_of_month), Ok(day));
        }

        #[test]
        fn any_day_can_be_written(days: i32) {
            prop_assert!(!Day::from_days_since_epoch(days).to_string().is_empty());
        }

        #[test]
        fn a_day_holds_its_own_moments(days in -719_528..2_932_896_i32, ms in 0..MS_PER_DAY) {
            let day = Day::from_days_since_epoch(days);
            let at = Timestamp::from_unix_ms(day.start().as_unix_ms() + ms);
            prop_assert_eq!(Day::of(at), day);
            prop_assert_eq!(day.next().start().as_unix_ms() - day.start().as_unix_ms(), MS_PER_DAY);
        }
    }
}
