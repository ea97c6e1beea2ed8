//! Which day is built when.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{CountingRules, Day, Patches};
use health_kit::{Clock, Condition, HealthCheck, HealthReporter, HealthStatus};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::ports::{BuildError, CounterStore, DayBuild, DirtyDay};

/// Between two looks at the marks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A finished day is quiet when nothing has marked it for a part of the delay.
const QUIET_SHARE: u32 = 10;
/// Days looked at in one go; more are built in the next.
const DAYS_MAX: usize = 1000;

/// Builds dirty days again, so that no counter is behind its facts for long.
pub struct DayBuilder {
    store: Arc<dyn CounterStore>,
    rules: CountingRules,
    patches: Patches,
    /// How long a day may be dirty.
    delay: Duration,
    clock: Arc<dyn Clock>,
    seen: BTreeMap<Day, Seen>,
    status: Arc<DayStatus>,
}

/// A dirty day as it was seen.
#[derive(Debug, Clone, Copy)]
struct Seen {
    mark: u64,
    since: Instant,
    marked: Instant,
}

/// How the days are.
pub struct DayStatus {
    condition: Condition,
    figures: Mutex<DayFigures>,
}

/// Figures of the days, since the start of the process.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DayFigures {
    /// Days that are behind their facts.
    pub dirty: Vec<Day>,
    /// How many days have been built.
    pub builds: u64,
    /// How long that took, in sum.
    pub build_time: Duration,
    /// How often a day did not add up.
    pub mismatches: u64,
    /// Days that did not add up when they were built last, and why.
    pub wrong: BTreeMap<Day, String>,
}

impl DayBuilder {
    /// Puts it together; nothing happens before [`run`](Self::run).
    #[must_use]
    pub fn new(
        store: Arc<dyn CounterStore>,
        rules: CountingRules,
        patches: Patches,
        delay: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let status = DayStatus {
            condition: Condition::new(
                "days",
                HealthStatus::Healthy,
                "no day has been built yet",
                Arc::clone(&clock),
            ),
            figures: Mutex::default(),
        };
        Self {
            store,
            rules,
            patches,
            delay,
            clock,
            seen: BTreeMap::new(),
            status: Arc::new(status),
        }
    }

    /// How the days are.
    #[must_use]
    pub fn status(&self) -> Arc<DayStatus> {
        Arc::clone(&self.status)
    }

    /// Builds until `drain` is cancelled. A build that is cut off leaves its day dirty.
    pub async fn run(mut self, drain: CancellationToken) {
        let _ = drain.run_until_cancelled(self.build_for_ever()).await;
    }

    async fn build_for_ever(&mut self) {
        loop {
            self.build_due().await;
            sleep(LOOK_EVERY).await;
        }
    }

    /// Looks at the marks once, and builds what is due.
    async fn build_due(&mut self) {
        let dirty = match self.store.dirty_days(DAYS_MAX).await {
            Ok(dirty) => dirty,
            Err(error) => {
                self.status.unavailable(&error.to_string());
                return;
            }
        };
        self.status.lock().dirty = dirty.iter().map(|dirty| dirty.day).collect();
        self.seen
            .retain(|day, _| dirty.iter().any(|dirty| dirty.day == *day));
        for one in dirty {
            if self.is_due(one) {
                self.build(one.day).await;
            }
        }
    }

    /// A day that was never built is due at once, any other one after the delay;
    /// one that is over, and that nothing marks any more, before.
    fn is_due(&mut self, dirty: DirtyDay) -> bool {
        let now = Instant::now();
        let seen = self.seen.entry(dirty.day).or_insert(Seen {
            mark: dirty.mark,
            since: now,
            marked: now,
        });
        if seen.mark != dirty.mark {
            (seen.mark, seen.marked) = (dirty.mark, now);
        }
        let is_over = Day::of(self.clock.now()) > dirty.day;
        let is_quiet = now - seen.marked >= self.delay / QUIET_SHARE;
        dirty.build.is_none() || now - seen.since >= self.delay || is_over && is_quiet
    }

    async fn build(&mut self, day: Day) {
        let begun = Instant::now();
        let built = self.store.build_day(day, &self.rules, &self.patches).await;
        match built {
            Ok(done) => {
                self.seen.remove(&day);
                self.status.built(&done, begun.elapsed());
            }
            Err(BuildError::DoesNotAddUp(differences)) => {
                let error = BuildError::DoesNotAddUp(differences);
                // Not again before the delay is over.
                self.seen.remove(&day);
                self.status.wrong(day, &error.to_string());
            }
            Err(BuildError::Unavailable(error)) => self.status.unavailable(&error.to_string()),
        }
    }
}

impl DayStatus {
    /// What is known now.
    #[must_use]
    pub fn figures(&self) -> DayFigures {
        self.lock().clone()
    }

    fn built(&self, build: &DayBuild, took: Duration) {
        let wrong = {
            let mut figures = self.lock();
            figures.builds += 1;
            figures.build_time += took;
            figures.dirty.retain(|day| *day != build.day);
            figures.wrong.remove(&build.day);
            figures.wrong.len()
        };
        tracing::debug!(
            day = %build.day,
            day.matches = build.matches,
            day.counted = build.counted,
            duration_ms = took.as_millis(),
            "day built"
        );
        if wrong == 0 {
            self.condition
                .set(HealthStatus::Healthy, "every day built adds up");
        }
    }

    fn wrong(&self, day: Day, why: &str) {
        {
            let mut figures = self.lock();
            figures.mismatches += 1;
            figures.wrong.insert(day, why.to_owned());
        }
        let reason = format!("{day} does not add up and keeps its former counters: {why}");
        if self.condition.set(HealthStatus::Unhealthy, reason) {
            tracing::error!(%day, why, "a day does not add up; it was not swapped in");
        }
    }

    fn unavailable(&self, why: &str) {
        if self.condition.set(HealthStatus::Degraded, why) {
            tracing::warn!(why, "days cannot be built; it is tried until they can");
        }
    }

    fn lock(&self) -> MutexGuard<'_, DayFigures> {
        // Figures are whole after each step.
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HealthReporter for DayStatus {
    fn checks(&self) -> Vec<HealthCheck> {
        vec![self.condition.check()]
    }
}
