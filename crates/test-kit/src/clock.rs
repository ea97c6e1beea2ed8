//! A clock that a test decides.

use domain::Timestamp;
use health_kit::Clock;

/// Always tells the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoppedClock(pub Timestamp);

impl StoppedClock {
    /// Stopped so many milliseconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn at_unix_ms(milliseconds: i64) -> Self {
        Self(Timestamp::from_unix_ms(milliseconds))
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}
