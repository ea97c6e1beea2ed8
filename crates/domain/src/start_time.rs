//! When a match can have started.

use crate::{InvalidData, Timestamp};

/// 2010-01-01: before it there was no match.
const START_MIN_SECONDS: i64 = 1_262_304_000;

/// How far ahead of the answer a match may start: the clocks of others differ.
const START_AHEAD_MAX_MS: i64 = 24 * 60 * 60 * 1_000;

/// When a match started, in seconds since 1970-01-01, if that can be: not before
/// there were matches, and no more than a day after somebody said so.
///
/// # Errors
/// [`InvalidData::StartTooEarly`] or [`InvalidData::StartTooLate`].
pub fn start_time(unix_seconds: u32, told_at: Timestamp) -> Result<Timestamp, InvalidData> {
    let start = Timestamp::from_unix_seconds(unix_seconds.into());
    let latest = told_at.as_unix_ms().saturating_add(START_AHEAD_MAX_MS);
    if start.unix_seconds() < START_MIN_SECONDS {
        Err(InvalidData::StartTooEarly(unix_seconds))
    } else if start.as_unix_ms() > latest {
        Err(InvalidData::StartTooLate(unix_seconds))
    } else {
        Ok(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_starts_after_2009_and_at_most_a_day_ahead() {
        let told_at = Timestamp::from_unix_seconds(1_786_620_000);
        for (seconds, expected) in [
            (
                1_262_303_999,
                Err(InvalidData::StartTooEarly(1_262_303_999)),
            ),
            (1_262_304_000, Ok(())),
            (1_786_706_400, Ok(())),
            (1_786_706_401, Err(InvalidData::StartTooLate(1_786_706_401))),
        ] {
            let judged = start_time(seconds, told_at);
            let expected = expected.map(|()| Timestamp::from_unix_seconds(seconds.into()));
            assert_eq!(judged, expected, "{seconds}");
        }
    }
}
