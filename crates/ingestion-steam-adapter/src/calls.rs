//! What becomes of the calls, in the words of metrics.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::Timestamp;
use health_kit::Clock;
use ingestion_application::ports::CallFigures;
use steam_client::Steam;

pub(crate) struct Calls {
    pub(crate) steam: Arc<Steam>,
    pub(crate) trail: Arc<TrailDue>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Since when the second pass has had something to read; none while it has not.
/// It may be in the future.
#[derive(Debug, Default)]
pub(crate) struct TrailDue(Mutex<Option<Timestamp>>);

impl TrailDue {
    pub(crate) fn tell(&self, since: Option<Timestamp>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// How far the second pass is behind.
    fn behind(&self, now: Timestamp) -> Duration {
        let due = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        due.map_or(Duration::ZERO, |due| now.saturating_since(due))
    }
}

impl CallFigures for Calls {
    fn calls(&self) -> Vec<(&'static str, u64)> {
        self.steam.calls().by_outcome().to_vec()
    }

    /// Of all keys together.
    fn budget_left(&self) -> Vec<(&'static str, u64)> {
        let keys = self.steam.keys();
        let left = keys.iter().map(|key| u64::from(key.day_left)).sum();
        vec![("day", left)]
    }

    /// Of the second pass; the first one is as far as the upstream, or has calls to come.
    fn behind(&self) -> Vec<(&'static str, Duration)> {
        vec![("second_pass", self.trail.behind(self.clock.now()))]
    }
}
