//! Clocks that a test decides.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use domain::Timestamp;
use health_kit::Clock;
use tokio::time::Instant;

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

/// Follows tokio's time, which a test may pause, from a moment on.
#[derive(Debug, Clone, Copy)]
pub struct RunningClock {
    begun: Instant,
    beginning: Timestamp,
}

impl RunningClock {
    /// It tells this time now.
    #[must_use]
    pub fn from(beginning: Timestamp) -> Self {
        Self {
            begun: Instant::now(),
            beginning,
        }
    }
}

impl Clock for RunningClock {
    fn now(&self) -> Timestamp {
        let ms = i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_unix_ms(self.beginning.as_unix_ms().saturating_add(ms))
    }
}

/// Stands still until a test moves it.
#[derive(Debug)]
pub struct HandClock(AtomicI64);

impl HandClock {
    /// It tells this time until it is moved.
    #[must_use]
    pub const fn at(time: Timestamp) -> Self {
        Self(AtomicI64::new(time.as_unix_ms()))
    }

    /// Moves it on, by whole milliseconds.
    pub fn pass(&self, time: Duration) {
        let ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(Ordering::Relaxed))
    }
}
