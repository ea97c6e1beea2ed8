//! The time of day within the simulation.

use std::sync::Arc;

use domain::Timestamp;
use health_kit::Clock;

/// When every simulation begins, in milliseconds: 2026-01-01T00:00:00Z.
const BEGINNING_MS: i64 = 1_767_225_600_000;

/// Follows the simulated time.
pub(crate) struct SimulatedClock;

impl SimulatedClock {
    pub(crate) fn shared() -> Arc<dyn Clock> {
        Arc::new(Self)
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        let ms = i64::try_from(elapsed_ms()).unwrap_or(i64::MAX);
        Timestamp::from_unix_ms(BEGINNING_MS + ms)
    }
}

/// Milliseconds since the beginning; zero outside of any host.
pub(crate) fn elapsed_ms() -> u64 {
    turmoil::sim_elapsed().map_or(0, |elapsed| {
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    })
}
