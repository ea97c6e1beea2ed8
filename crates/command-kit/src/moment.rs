//! Points in time as people name them on the command line.

use std::time::Duration;

use service_kit::config::{DurationBetween, ValueParser as _};

/// Longer than any topic keeps its records.
const AGO_MAX: Duration = Duration::from_hours(100 * 365 * 24);

/// A point in time, or its distance from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Then, in milliseconds since 1970.
    At {
        /// How many.
        unix_ms: i64,
    },
    /// So long before now.
    Ago(Duration),
}

impl Moment {
    /// Reads `2026-01-31T12:00:00Z`, or `2h` for two hours ago.
    ///
    /// # Errors
    /// What is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            let unix_ms = at.as_millisecond();
            return Ok(Self::At { unix_ms });
        }
        let durations = DurationBetween {
            min: Duration::ZERO,
            max: AGO_MAX,
        };
        durations.parse(text).map(Self::Ago).map_err(|_| {
            "neither a time such as 2026-01-31T12:00:00Z nor how long ago, such as 30m or 2h"
                .to_owned()
        })
    }

    /// When that is, in milliseconds since 1970.
    #[must_use]
    pub fn resolve(self, now_unix_ms: i64) -> i64 {
        match self {
            Self::At { unix_ms } => unix_ms,
            Self::Ago(duration) => {
                let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
                now_unix_ms.saturating_sub(ms)
            }
        }
    }
}

/// A point in time as it is written everywhere: RFC 3339, UTC, milliseconds.
#[must_use]
pub fn rfc3339(unix_ms: i64) -> String {
    // Beyond the year 9999 there is no such text; the nearest one is as good as any.
    let at = jiff::Timestamp::from_millisecond(unix_ms).unwrap_or(jiff::Timestamp::MAX);
    format!("{at:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_distances_are_understood() {
        let now = 1_762_626_600_000;
        let check = |text: &str, expected: Option<&str>| {
            let found = Moment::parse(text).map(|moment| rfc3339(moment.resolve(now)));
            assert_eq!(found.ok().as_deref(), expected, "{text}");
        };
        check("2025-11-08T18:30:00Z", Some("2025-11-08T18:30:00.000Z"));
        check(
            "2025-11-08T19:30:00.5+01:00",
            Some("2025-11-08T18:30:00.500Z"),
        );
        check("2h", Some("2025-11-08T16:30:00.000Z"));
        check("1d 30m", Some("2025-11-07T18:00:00.000Z"));
        check("0s", Some("2025-11-08T18:30:00.000Z"));
        for wrong in ["", "yesterday", "2", "2025-11-08", "-2h"] {
            check(wrong, None);
        }
    }
}
