//! What makes an assertion one that is made now, and once.

use std::time::Duration;

use domain::{Day, Timestamp};

/// How far a nonce's time may be from ours, either way.
const OFF_MAX: Duration = Duration::from_mins(5);
/// How long a nonce is to be remembered from when it was seen: until its time alone refuses it.
pub const NONCE_KEPT: Duration = Duration::from_mins(15);
/// OpenID 2.0, 10.1.
const LENGTH_MAX: usize = 255;
/// `2026-11-29T12:00:00Z`
const TIME_LENGTH: usize = 20;

/// A nonce of the provider's: a second in UTC, and what tells it from others of that second.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce {
    text: String,
    at: Timestamp,
}

impl Nonce {
    /// Reads one; `None` if it is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let is_text = text.len() <= LENGTH_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
        let at = is_text
            .then(|| second(text.get(..TIME_LENGTH)?))
            .flatten()?;
        Some(Self {
            text: text.to_owned(),
            at,
        })
    }

    /// As it was sent, and as it is kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether its time is about now.
    #[must_use]
    pub fn is_of(&self, now: Timestamp) -> bool {
        let off = now
            .saturating_since(self.at)
            .max(self.at.saturating_since(now));
        off <= OFF_MAX
    }
}

/// A second by `YYYY-MM-DDThh:mm:ssZ`.
fn second(text: &str) -> Option<Timestamp> {
    let (day, time) = text.split_once('T')?;
    let day: Day = day.parse().ok()?;
    let time = time.strip_suffix('Z')?;
    let mut parts = time.split(':').map(two_digits);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let is_time = hour < 24 && minute < 60 && second < 60 && parts.next().is_none();
    let seconds = u64::from(hour) * 3_600 + u64::from(minute) * 60 + u64::from(second);
    is_time.then(|| day.start().saturating_add(Duration::from_secs(seconds)))
}

fn two_digits(text: &str) -> Option<u8> {
    let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-29T12:00:00Z
    const NOON: Timestamp = Timestamp::from_unix_seconds(1_795_953_600);

    #[test]
    fn a_nonce_begins_with_a_second() {
        for (text, seconds) in [
            ("2026-11-29T12:00:00Z", Some(0)),
            ("2026-11-29T12:00:01Zabc+/=", Some(1)),
            ("2026-11-28T23:59:59Zx", Some(-43_201)),
            ("2026-11-29T12:00:60Zx", None),
            ("2026-11-29T24:00:00Zx", None),
            ("2026-11-29T12:60:00Zx", None),
            ("2026-11-31T12:00:00Zx", None),
            ("2026-11-29T12:00:00+00:00", None),
            ("2026-11-29 12:00:00Z", None),
            ("2026-11-29T12:00:00z", None),
            ("2026-11-29T12:00:0Z0", None),
            ("2026-11-29T+1:00:00Z", None),
            ("2026-11-29T12:00:00", None),
            ("20261129T120000Zabcdef", None),
            ("2026-11-29T12:00:00Za b", None),
            ("2026-11-29T12:00:00Zä", None),
            ("2026-11-29T12:00:0äZ", None),
            ("", None),
        ] {
            let expected = seconds.map(|seconds: i64| NOON.unix_seconds() + seconds);
            let nonce = Nonce::read(text);
            assert_eq!(
                nonce.as_ref().map(|it| it.at.unix_seconds()),
                expected,
                "{text}"
            );
            assert!(nonce.is_none_or(|nonce| nonce.as_str() == text));
        }
        let long = |length: usize| format!("2026-11-29T12:00:00Z{}", "x".repeat(length - 20));
        assert!(Nonce::read(&long(255)).is_some());
        assert_eq!(Nonce::read(&long(256)), None);
    }

    #[test]
    fn a_nonce_of_another_time_is_not_of_now() {
        let nonce = Nonce::read("2026-11-29T12:00:00Zx").expect("a nonce");
        let five = Duration::from_mins(5);
        let more = five + Duration::from_millis(1);
        assert!(nonce.is_of(NOON));
        assert!(nonce.is_of(NOON.saturating_add(five)));
        assert!(nonce.is_of(NOON.saturating_sub(five)));
        assert!(!nonce.is_of(NOON.saturating_add(more)));
        assert!(!nonce.is_of(NOON.saturating_sub(more)));
        assert!(!nonce.is_of(NOON.saturating_add(Duration::from_hours(24))));
        assert!(!nonce.is_of(NOON.saturating_sub(Duration::from_hours(365 * 24))));
    }

    #[test]
    fn a_nonce_is_kept_for_longer_than_it_is_taken() {
        // The first time it is taken may be five minutes before its own time, the last one five minutes after it.
        assert!(NONCE_KEPT > OFF_MAX * 2);
    }
}
