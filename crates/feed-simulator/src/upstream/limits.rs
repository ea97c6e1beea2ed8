//! How often the upstream may be called: by the minute and by the day of its clock.

use domain::Timestamp;

const MINUTE_MS: i64 = 60 * 1_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// Calls that are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In each minute of the clock.
    pub per_minute: u32,
    /// In each day of UTC; `None` for as many as the minutes allow.
    pub per_day: Option<u32>,
}

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Minute,
    Day,
}

/// What is left in the minute and the day of the last call.
pub(super) struct Budget {
    limits: Limits,
    minute: i64,
    day: i64,
    /// Below 0 when calls were refused: they count too.
    minute_left: i64,
    day_left: Option<i64>,
}

impl Limits {
    /// As for callers without a key.
    pub const WITHOUT_KEY: Self = Self {
        per_minute: 60,
        per_day: Some(3_000),
    };

    /// As for callers with a key.
    pub const WITH_KEY: Self = Self {
        per_minute: 300,
        per_day: None,
    };
}

impl Refusal {
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Minute => "minute rate limit exceeded",
            Self::Day => "daily api limit exceeded",
        }
    }
}

impl Budget {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            minute: i64::MIN,
            day: i64::MIN,
            minute_left: 0,
            day_left: None,
        }
    }

    /// Counts a call.
    pub(super) fn spend(&mut self, now: Timestamp) -> Result<(), Refusal> {
        let minute = now.as_unix_ms().div_euclid(MINUTE_MS);
        if minute != self.minute {
            self.minute = minute;
            self.minute_left = self.limits.per_minute.into();
        }
        let day = now.as_unix_ms().div_euclid(DAY_MS);
        if day != self.day {
            self.day = day;
            self.day_left = self.limits.per_day.map(i64::from);
        }
        self.minute_left -= 1;
        self.day_left = self.day_left.map(|left| left - 1);
        if self.day_left.is_some_and(|left| left < 0) {
            Err(Refusal::Day)
        } else if self.minute_left < 0 {
            Err(Refusal::Minute)
        } else {
            Ok(())
        }
    }

    /// What every answer says of it.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![(
            "X-Rate-Limit-Remaining-Minute",
            self.minute_left.to_string(),
        )];
        if let Some(left) = self.day_left {
            headers.push(("X-Rate-Limit-Remaining-Day", left.to_string()));
        }
        headers
    }
}
