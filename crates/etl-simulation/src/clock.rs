//! The time of day within the simulation.

use std::sync::Arc;

use domain::Timestamp;
use health_kit::Clock;
use tokio::time::Instant;

/// Follows the paused time of the runtime in which it was made.
pub(crate) struct SimulatedClock {
    begun: Instant,
    beginning: Timestamp,
}

impl SimulatedClock {
    pub(crate) fn shared(beginning: Timestamp) -> Arc<dyn Clock> {
        Arc::new(Self {
            begun: Instant::now(),
            beginning,
        })
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        let ms = i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_unix_ms(self.beginning.as_unix_ms() + ms)
    }
}
