//! Which day is built when.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{CountingRules, Day, Patches};
use health_kit::{Clock, Condition, DurationBuckets, HealthCheck, HealthReporter, HealthStatus};
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
    /// When it did not add up last.
    wrong: Option<Instant>,
}

/// How the days are.
pub struct DayStatus {
    condition: Condition,
    figures: Mutex<DayFigures>,
}

/// Figures of the days, since the start of the process.
#[derive(Debug, Clone, PartialEq)]
pub struct DayFigures {
    /// Days that are behind their facts.
    pub dirty: Vec<Day>,
    /// How long each build of a day took.
    pub builds: DurationBuckets,
    /// How often a day did not add up.
    pub mismatches: u64,
    /// Days that did not add up when they were built last, and why.
    pub wrong: BTreeMap<Day, String>,
}

/// Upper bounds of the buckets of builds, in seconds; the last one is open.
const BUILD_BUCKETS_SECONDS: &[f64] = &[
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];

impl Default for DayFigures {
    fn default() -> Self {
        Self {
            dirty: Vec::new(),
            builds: DurationBuckets::new(BUILD_BUCKETS_SECONDS),
            mismatches: 0,
            wrong: BTreeMap::new(),
        }
    }
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
        let status = DayStatus::new(&clock);
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
        self.status
            .looked(dirty.iter().map(|dirty| dirty.day).collect());
        self.seen
            .retain(|day, _| dirty.iter().any(|dirty| dirty.day == *day));
        for one in dirty {
            if self.is_due(one) {
                self.build(one.day).await;
            }
        }
    }

    /// A day that was never built is due at once, any other one after the delay;
    /// one that is over, and that nothing marks any more, before. One that did
    /// not add up is not tried again before the delay is over.
    fn is_due(&mut self, dirty: DirtyDay) -> bool {
        let now = Instant::now();
        let seen = self.seen.entry(dirty.day).or_insert(Seen {
            mark: dirty.mark,
            since: now,
            marked: now,
            wrong: None,
        });
        if seen.mark != dirty.mark {
            (seen.mark, seen.marked) = (dirty.mark, now);
        }
        let is_over = Day::of(self.clock.now()) > dirty.day;
        let is_quiet = now - seen.marked >= self.delay / QUIET_SHARE;
        let is_tried_again = seen.wrong.is_none_or(|wrong| now - wrong >= self.delay);
        is_tried_again
            && (dirty.build.is_none() || now - seen.since >= self.delay || is_over && is_quiet)
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
                if let Some(seen) = self.seen.get_mut(&day) {
                    seen.wrong = Some(Instant::now());
                }
                self.status.wrong(day, &error.to_string());
            }
            Err(BuildError::Unavailable(error)) => self.status.unavailable(&error.to_string()),
        }
    }
}

impl DayStatus {
    fn new(clock: &Arc<dyn Clock>) -> Self {
        let reason = "no day has been built yet";
        Self {
            condition: Condition::new("days", HealthStatus::Healthy, reason, Arc::clone(clock)),
            figures: Mutex::default(),
        }
    }

    /// What is known now.
    #[must_use]
    pub fn figures(&self) -> DayFigures {
        self.lock().clone()
    }

    /// The marks have been read: the warehouse answers.
    fn looked(&self, dirty: Vec<Day>) {
        self.lock().dirty = dirty;
        self.judge();
    }

    fn built(&self, build: &DayBuild, took: Duration) {
        {
            let mut figures = self.lock();
            figures.builds.record(took);
            figures.dirty.retain(|day| *day != build.day);
            figures.wrong.remove(&build.day);
        }
        tracing::debug!(
            day = %build.day,
            day.matches = build.matches,
            day.counted = build.counted,
            duration_ms = took.as_millis(),
            "day built"
        );
        self.judge();
    }

    fn wrong(&self, day: Day, why: &str) {
        let is_news = {
            let mut figures = self.lock();
            figures.mismatches += 1;
            figures.wrong.insert(day, why.to_owned()).as_deref() != Some(why)
        };
        if is_news {
            tracing::error!(%day, why, "a day does not add up; it was not swapped in");
        }
        self.judge();
    }

    /// The warehouse answers; how the days are says what was built last.
    fn judge(&self) {
        let wrong = self.lock().wrong.first_key_value().map(|(day, why)| {
            format!("{day} does not add up and keeps its former counters: {why}")
        });
        match wrong {
            Some(reason) => self.condition.set(HealthStatus::Unhealthy, reason),
            None => self
                .condition
                .set(HealthStatus::Healthy, "every day built adds up"),
        };
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

#[cfg(test)]
mod tests {
    use health_kit::SystemClock;

    use super::*;

    #[test]
    fn health_recovers_with_the_warehouse_and_forgets_no_wrong_day() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let status = DayStatus::new(&clock);
        let check = |expected| {
            let check = status.condition.check();
            assert_eq!(check.status, expected, "{}", check.reason);
        };
        let day = Day::from_days_since_epoch(20_000);
        status.unavailable("the warehouse does not answer");
        check(HealthStatus::Degraded);
        status.looked(Vec::new());
        check(HealthStatus::Healthy);
        status.wrong(day, "one is missing");
        check(HealthStatus::Unhealthy);
        status.unavailable("the warehouse does not answer");
        check(HealthStatus::Degraded);
        status.looked(vec![day]);
        check(HealthStatus::Unhealthy);
        let built = DayBuild {
            day,
            mark: 1,
            matches: 0,
            counted: 0,
            left_out: BTreeMap::new(),
        };
        status.built(&built, Duration::from_millis(20));
        check(HealthStatus::Healthy);
        let figures = status.figures();
        assert_eq!((figures.builds.count(), figures.mismatches), (1, 1));
        assert!(figures.dirty.is_empty() && figures.wrong.is_empty());
    }
}
