//! A point in time, without a calendar.

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

    /// Whole seconds since the Unix epoch; a part of a second counts for the second it is in.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }
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
}
