//! A point in time, without a calendar.

use std::time::Duration;

/// Milliseconds since 1970-01-01T00:00:00Z.
///
/// The calendar form belongs to whoever writes it down; which day it is, [`Day`](crate::Day) says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A point in time by its distance from the Unix epoch, in milliseconds.
    #[must_use]
    pub const fn from_unix_ms(unix_ms: i64) -> Self {
        Self(unix_ms)
    }

    /// The same in seconds; what is beyond the range becomes its end.
    #[must_use]
    pub const fn from_unix_seconds(unix_seconds: i64) -> Self {
        Self(unix_seconds.saturating_mul(1_000))
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_unix_ms(self) -> i64 {
        self.0
    }

    /// A time after this one; what is beyond the range becomes its end.
    #[must_use]
    pub fn saturating_add(self, time: Duration) -> Self {
        Self::from_unix_ms(self.as_unix_ms().saturating_add(in_ms(time)))
    }

    /// A time before this one; what is beyond the range becomes its end.
    #[must_use]
    pub fn saturating_sub(self, time: Duration) -> Self {
        Self::from_unix_ms(self.as_unix_ms().saturating_sub(in_ms(time)))
    }

    /// How long after another time this one is; nothing if it is before.
    #[must_use]
    pub fn saturating_since(self, earlier: Self) -> Duration {
        let ms = self.as_unix_ms().saturating_sub(earlier.as_unix_ms());
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }

    /// Whole seconds since the Unix epoch; a part of a second counts for the second it is in.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }
}

fn in_ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_second_is_in_its_second() {
        for (ms, seconds) in [
            (0, 0),
            (999, 0),
            (1_000, 1),
            (-1, -1),
            (-1_000, -1),
            (-1_001, -2),
        ] {
            assert_eq!(Timestamp::from_unix_ms(ms).unix_seconds(), seconds, "{ms}");
        }
    }

    #[test]
    fn seconds_beyond_the_range_become_its_end() {
        for (seconds, ms) in [
            (1_742_744_300, 1_742_744_300_000),
            (-1, -1_000),
            (i64::MAX, i64::MAX),
            (i64::MIN, i64::MIN),
        ] {
            let at = Timestamp::from_unix_seconds(seconds);
            assert_eq!(at.as_unix_ms(), ms);
        }
    }

    #[test]
    fn what_is_before_or_after_is_held_within_the_range() {
        let at = Timestamp::from_unix_ms;
        let second = Duration::from_secs(1);
        assert_eq!(at(7).saturating_add(second), at(1_007));
        assert_eq!(at(7).saturating_sub(second), at(-993));
        assert_eq!(at(7).saturating_add(Duration::MAX), at(i64::MAX));
        assert_eq!(at(-7).saturating_sub(Duration::MAX), at(i64::MIN));
        assert_eq!(at(1_007).saturating_since(at(7)), second);
        assert_eq!(at(7).saturating_since(at(1_007)), Duration::ZERO);
        let whole = at(i64::MAX).saturating_since(at(i64::MIN));
        assert_eq!(whole, Duration::from_millis(i64::MAX.unsigned_abs()));
    }
}
