//! How long the store takes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use health_kit::DurationBuckets;
use tokio::time::Instant;

/// From a look at an index to the deadline of a call.
const BOUNDS_SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 3.0];

/// How long each call of the store has taken, whatever came of it.
#[derive(Debug)]
pub struct StoreFigures(Mutex<DurationBuckets>);

impl Default for StoreFigures {
    fn default() -> Self {
        Self(Mutex::new(DurationBuckets::new(&BOUNDS_SECONDS)))
    }
}

impl StoreFigures {
    /// All of them so far.
    #[must_use]
    pub fn took(&self) -> DurationBuckets {
        self.lock().clone()
    }

    /// Counts one.
    pub(crate) async fn measure<T>(&self, call: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let came = call.await;
        self.lock().record(begun.elapsed());
        came
    }

    fn lock(&self) -> MutexGuard<'_, DurationBuckets> {
        // A count is whole, or not there.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
