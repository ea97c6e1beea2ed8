//! How long the other side wants to be left alone.

use std::time::Duration;

use jiff::{civil::DateTime, tz::TimeZone};

/// The three forms of a date (RFC 9110, section 5.6.7).
const DATE_FORMS: [&str; 3] = [
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %d-%b-%y %H:%M:%S GMT",
    "%a %b %e %H:%M:%S %Y",
];

/// The wait that values of `Retry-After` ask for, in seconds or as a date
/// (RFC 9110, section 10.2.3), counted from now; the longest of several. How
/// much of it is believed is for whoever asks.
#[must_use]
pub fn retry_after<'a>(
    values: impl Iterator<Item = &'a str>,
    now_unix_ms: i64,
) -> Option<Duration> {
    values
        .filter_map(|value| wait(value.trim(), now_unix_ms))
        .max()
}

fn wait(value: &str, now_unix_ms: i64) -> Option<Duration> {
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than fit are for ever as well.
        return Some(value.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let mut forms = DATE_FORMS.iter();
    let date = forms.find_map(|form| DateTime::strptime(form, value).ok())?;
    let due = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let wait_ms = due.as_millisecond().saturating_sub(now_unix_ms);
    // What is over needs no wait.
    Some(Duration::from_millis(wait_ms.try_into().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT.
    const NOW_MS: i64 = 784_111_777_000;

    #[test]
    fn a_wait_is_read_in_seconds_and_as_any_date() {
        let check = |value: &str, expected: Option<u64>| {
            let expected = expected.map(Duration::from_secs);
            assert_eq!(
                retry_after([value].into_iter(), NOW_MS),
                expected,
                "{value}"
            );
        };
        check("0", Some(0));
        check(" 120 ", Some(120));
        check("Sun, 06 Nov 1994 08:50:37 GMT", Some(60));
        check("Sunday, 06-Nov-94 08:50:37 GMT", Some(60));
        check("Sun Nov  6 08:50:37 1994", Some(60));
        check("Sun, 06 Nov 1994 07:00:00 GMT", Some(0));
        check("", None);
        check("-1", None);
        check("1.5", None);
        check("soon", None);
        assert_eq!(retry_after([].into_iter(), NOW_MS), None);
        let endless = ["99999999999999999999999"].into_iter();
        assert_eq!(retry_after(endless, NOW_MS), Some(Duration::MAX));
    }

    #[test]
    fn the_longest_of_several_waits_counts() {
        let values = ["soon", "60", "Sun, 06 Nov 1994 08:51:37 GMT", "0"];
        let longest = retry_after(values.into_iter(), NOW_MS);
        assert_eq!(longest, Some(Duration::from_mins(2)));
    }
}
