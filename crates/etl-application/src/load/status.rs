//! How loading is, for people and metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Timestamp;
use health_kit::{
    Clock, Condition, DurationBuckets, HealthCheck, HealthReporter, HealthStatus, RecentDurations,
};
use tokio::time::Instant;

use crate::ports::StoreError;
use crate::{Answer, Facts};

/// What the warehouse does with what it is given.
pub struct LoadStatus {
    warehouse: Condition,
    schema: Condition,
    clock: Arc<dyn Clock>,
    figures: Mutex<Figures>,
}

/// Figures of loading, since the start of the process.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LoadFigures {
    /// Attempts that failed, by cause.
    pub retries: BTreeMap<&'static str, u64>,
    /// Batches that are being stored.
    pub batches_in_flight: usize,
    /// Records of the batch that is being filled.
    pub batch_records: usize,
    /// Rows that the warehouse has acknowledged, by table, repeated ones included.
    pub rows: BTreeMap<&'static str, u64>,
    /// How long inserts took, by table, where the warehouse's adapter tells.
    pub inserts: BTreeMap<&'static str, DurationBuckets>,
    /// How old matches are when they have been loaded.
    pub freshness: Freshness,
}

/// From the end of a match to its being loaded, of those loaded within the
/// last half to whole minute; none when there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Freshness {
    /// Half of them were at most so old.
    pub p50: Option<Duration>,
    /// 95 of 100.
    pub p95: Option<Duration>,
    /// 99 of 100.
    pub p99: Option<Duration>,
}

/// Upper bounds of the buckets of inserts, in seconds; the last one is open.
const INSERT_BUCKETS_SECONDS: &[f64] = &[
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];
const TABLES_FIT: &str = "the tables are as this program needs them";
/// An older match is from the past that somebody loads, whatever its age.
const AGE_MAX: Duration = Duration::from_hours(7 * 24);

struct Figures {
    told: LoadFigures,
    ages: RecentDurations,
    /// Whether the tables are not those of this program, as somebody has seen,
    /// though they may take what is stored.
    is_schema_unfit: bool,
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
            clock: Arc::clone(clock),
            figures: Mutex::new(Figures {
                told: LoadFigures::default(),
                ages: RecentDurations::new(AGE_MAX),
                is_schema_unfit: false,
            }),
        }
    }

    /// What is known now.
    #[must_use]
    pub fn figures(&self) -> LoadFigures {
        let mut figures = self.lock();
        let quantiles = figures.ages.quantiles([0.5, 0.95, 0.99], Instant::now());
        let [p50, p95, p99] = quantiles;
        LoadFigures {
            freshness: Freshness { p50, p95, p99 },
            ..figures.told.clone()
        }
    }

    /// An insert into a table was acknowledged after so long. Told by the
    /// warehouse's adapter, which alone sees its tables one by one.
    pub fn inserted(&self, table: &'static str, took: Duration) {
        let mut figures = self.lock();
        let inserts = figures.told.inserts.entry(table);
        let inserts = inserts.or_insert_with(|| DurationBuckets::new(INSERT_BUCKETS_SECONDS));
        inserts.record(took);
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Answers have been stored, all that follows from them included.
    pub(crate) fn loaded(&self, answers: &[Answer], is_live: bool) {
        let now_ms = self.clock.now().as_unix_ms();
        let now = Instant::now();
        let mut figures = self.lock();
        for answer in answers {
            for (table, rows) in Facts::of(answer).rows() {
                *figures.told.rows.entry(table).or_default() += rows as u64;
            }
            let summary = &answer.summary;
            if let Some(duration_seconds) = summary.duration_seconds.filter(|_| is_live) {
                let end_ms = summary.start_time.as_unix_ms() + i64::from(duration_seconds) * 1000;
                let age_ms = u64::try_from(now_ms - end_ms).unwrap_or_default();
                figures.ages.record(Duration::from_millis(age_ms), now);
            }
        }
    }

    pub(crate) fn stored(&self) {
        if self.warehouse.set(HealthStatus::Healthy, "it stores") {
            tracing::info!("the warehouse stores");
        }
        // What older tables take is no proof that they fit.
        if !self.lock().is_schema_unfit {
            self.schema.set(HealthStatus::Healthy, TABLES_FIT);
        }
    }

    /// Somebody has looked, and the tables are those of this program.
    pub(crate) fn schema_fits(&self) {
        let was_unfit = std::mem::take(&mut self.lock().is_schema_unfit);
        // What else is wrong with them only storing tells.
        let is_unhealthy = self.schema.check().status == HealthStatus::Unhealthy;
        if (was_unfit || !is_unhealthy) && self.schema.set(HealthStatus::Healthy, TABLES_FIT) {
            tracing::info!(TABLES_FIT);
        }
    }

    /// Somebody has looked, and the tables are another program's.
    pub(crate) fn schema_is_unfit(&self, detail: &str) {
        self.lock().is_schema_unfit = true;
        if self.schema.set(HealthStatus::Unhealthy, detail) {
            tracing::warn!("{detail}");
        }
    }

    pub(crate) fn failed(&self, error: &StoreError) {
        *self.lock().told.retries.entry(error.cause()).or_default() += 1;
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
        figures.told.batch_records = batch_records;
        figures.told.batches_in_flight = batches_in_flight;
    }

    fn lock(&self) -> MutexGuard<'_, Figures> {
        // Figures are whole after each step.
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HealthReporter for LoadStatus {
    fn checks(&self) -> Vec<HealthCheck> {
        vec![self.warehouse.check(), self.schema.check()]
    }
}
