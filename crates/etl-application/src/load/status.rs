//! How loading is, for people and metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use health_kit::{Clock, Condition, HealthCheck, HealthReporter, HealthStatus};

use crate::ports::StoreError;

/// What the warehouse does with what it is given.
pub struct LoadStatus {
    warehouse: Condition,
    schema: Condition,
    figures: Mutex<LoadFigures>,
}

/// Figures of loading, since the start of the process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadFigures {
    /// Attempts that failed, by cause.
    pub retries: BTreeMap<&'static str, u64>,
    /// Batches that are being stored.
    pub batches_in_flight: usize,
    /// Records of the batch that is being filled.
    pub batch_records: usize,
}

impl LoadStatus {
    /// Nothing has been tried yet.
    #[must_use]
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        let condition =
            |name, reason| Condition::new(name, HealthStatus::Healthy, reason, Arc::clone(clock));
        Self {
            warehouse: condition("warehouse", "nothing had to be stored yet"),
            schema: condition("schema", "nothing had to be stored yet"),
            figures: Mutex::default(),
        }
    }

    /// What is known now.
    #[must_use]
    pub fn figures(&self) -> LoadFigures {
        self.lock().clone()
    }

    pub(super) fn stored(&self) {
        if self.warehouse.set(HealthStatus::Healthy, "it stores") {
            tracing::info!("the warehouse stores");
        }
        self.schema.set(
            HealthStatus::Healthy,
            "the tables are as this program needs them",
        );
    }

    pub(super) fn failed(&self, error: &StoreError) {
        *self.lock().retries.entry(error.cause()).or_default() += 1;
        let condition = match error {
            StoreError::Schema { .. } => &self.schema,
            _ => &self.warehouse,
        };
        if condition.set(HealthStatus::Unhealthy, error.to_string()) {
            tracing::warn!(%error, "nothing can be stored; it is tried until it can");
        }
    }

    pub(super) fn filling(&self, batch_records: usize, batches_in_flight: usize) {
        let mut figures = self.lock();
        figures.batch_records = batch_records;
        figures.batches_in_flight = batches_in_flight;
    }

    fn lock(&self) -> MutexGuard<'_, LoadFigures> {
        // Figures are whole after each step.
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HealthReporter for LoadStatus {
    fn checks(&self) -> Vec<HealthCheck> {
        vec![self.warehouse.check(), self.schema.check()]
    }
}
