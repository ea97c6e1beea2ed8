//! How long something has been tried.

use tokio::time::{Duration, Instant};

use crate::exactly_once::transactional_producer::STEP;

/// No call takes longer, unless the process was suspended in the middle of it.
const LOOK_TIME_MAX: Duration = STEP.saturating_mul(2);

/// Counts the time in which this process was alive and tried, and not that in
/// which it was suspended.
///
/// Somebody else may have taken over meanwhile. librdkafka hears of it within a
/// moment after the process goes on; a transaction that was given up before
/// would be followed by a new producer, which shuts the successor out.
pub(crate) struct Trying {
    time: Duration,
    looked_at: Instant,
}

impl Trying {
    pub(crate) fn begin() -> Self {
        Self {
            time: Duration::ZERO,
            looked_at: Instant::now(),
        }
    }

    /// For how long; to be asked after every call.
    pub(crate) fn time(&mut self) -> Duration {
        let now = Instant::now();
        self.time += LOOK_TIME_MAX.min(now - self.looked_at);
        self.looked_at = now;
        self.time
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_in_which_the_process_was_suspended_does_not_count() {
        let mut trying = Trying::begin();
        for _ in 0..10 {
            advance(STEP).await;
            trying.time();
        }
        assert_eq!(trying.time(), STEP * 10, "every step counts");
        advance(Duration::from_mins(10)).await;
        assert_eq!(trying.time(), STEP * 12, "and a long one as two");
        advance(STEP / 2).await;
        assert_eq!(trying.time(), STEP * 12 + STEP / 2);
    }
}
