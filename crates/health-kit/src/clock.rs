//! The time of day.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::Timestamp;

/// Tells the time of day.
///
/// For intervals use `tokio::time::Instant`: this clock may jump.
pub trait Clock: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    fn now(&self) -> Timestamp {
        // A clock before 1970 or after the year 292 million is set wrong; the
        // epoch shows that as clearly as anything.
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_unix_ms(i64::try_from(since_epoch.as_millis()).unwrap_or_default())
    }
}
