//! Points in time, as people and programs write them.

/// RFC 3339 in UTC, to the millisecond; `unix_ms` counts from the beginning of 1970.
#[must_use]
pub fn rfc3339(unix_ms: i64) -> String {
    // Beyond the year 9999 there is no such text; the nearest one is as good as any.
    let at = jiff::Timestamp::from_millisecond(unix_ms).unwrap_or(jiff::Timestamp::MAX);
    format!("{at:.3}")
}
