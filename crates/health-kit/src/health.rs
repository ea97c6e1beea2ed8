//! How the service is: the words and the rule that sums them up.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::Timestamp;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{Clock, HealthReporter};

/// How a part, or the whole, is doing; ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HealthStatus {
    /// It does all of its work.
    Healthy,
    /// It does its work, but not as it should.
    Degraded,
    /// It does not do its work.
    Unhealthy,
}

impl HealthStatus {
    /// The word used in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// The state of one part of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// Which part; `kind.instance` where there may be several of a kind.
    pub name: Cow<'static, str>,
    /// How it is.
    pub status: HealthStatus,
    /// Why, and what to do about it, in a sentence without secrets.
    pub reason: String,
    /// Since when it has had this status.
    pub since: Timestamp,
}

/// The state of the whole: as bad as its worst part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthReport {
    /// The worst status of all checks.
    pub status: HealthStatus,
    /// Every check.
    pub checks: Vec<HealthCheck>,
}

/// Asks every part how it is.
pub struct Health {
    reporters: Vec<Arc<dyn HealthReporter>>,
}

impl Health {
    /// Sums up what `reporters` say.
    #[must_use]
    pub fn new(reporters: Vec<Arc<dyn HealthReporter>>) -> Self {
        Self { reporters }
    }

    /// The state of the service, now.
    #[must_use]
    pub fn report(&self) -> HealthReport {
        let checks: Vec<_> = self
            .reporters
            .iter()
            .flat_map(|part| part.checks())
            .collect();
        let worst = checks.iter().map(|check| check.status).max();
        HealthReport {
            status: worst.unwrap_or(HealthStatus::Healthy),
            checks,
        }
    }
}

/// A check that remembers since when it has had its status.
pub struct Condition {
    clock: Arc<dyn Clock>,
    judged: Mutex<Judged>,
}

struct Judged {
    check: HealthCheck,
    /// False as long as the check is what was assumed at first.
    is_known: bool,
}

impl Condition {
    /// A condition that is assumed to be as given, from now until it is set.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        status: HealthStatus,
        reason: impl Into<String>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let check = HealthCheck {
            name: name.into(),
            status,
            reason: reason.into(),
            since: clock.now(),
        };
        Self {
            clock,
            judged: Mutex::new(Judged {
                check,
                is_known: false,
            }),
        }
    }

    /// Sets the status; the time is kept when only the reason is new.
    ///
    /// Returns whether that is news, so that the caller can log it once: the
    /// status has changed, or is known for the first time.
    pub fn set(&self, status: HealthStatus, reason: impl Into<String>) -> bool {
        let mut judged = self.lock();
        let changed = judged.check.status != status;
        if changed {
            judged.check.since = self.clock.now();
        }
        judged.check.status = status;
        judged.check.reason = reason.into();
        let was_known = std::mem::replace(&mut judged.is_known, true);
        changed || !was_known
    }

    /// Sets the status, and logs it if that is [news](Self::set).
    pub fn set_and_log(&self, status: HealthStatus, reason: impl Into<String>) {
        if self.set(status, reason) {
            self.log();
        }
    }

    /// Logs the condition as it is now: a warning, unless it is healthy.
    pub fn log(&self) {
        let check = self.check();
        if check.status == HealthStatus::Healthy {
            tracing::info!(check = &*check.name, "{}", check.reason);
        } else {
            tracing::warn!(check = &*check.name, "{}", check.reason);
        }
    }

    /// Asks how it is, at once and every so often until `end`; news is logged.
    ///
    /// An answer that takes longer than `every` puts the next question off.
    pub async fn watch<Answer>(
        &self,
        every: Duration,
        end: CancellationToken,
        ask: impl Fn() -> Answer,
    ) where
        Answer: Future<Output = (HealthStatus, String)>,
    {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let asking = async {
            loop {
                ticks.tick().await;
                let (status, reason) = ask().await;
                self.set_and_log(status, reason);
            }
        };
        end.run_until_cancelled(asking).await;
    }

    /// The condition as it is now.
    #[must_use]
    pub fn check(&self) -> HealthCheck {
        self.lock().check.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Judged> {
        // Every update leaves a whole check behind, so a panic elsewhere spoils nothing.
        self.judged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the service takes part: yes, until it drains, unless a part that
/// it cannot do without is unusable.
pub struct Readiness {
    drain: CancellationToken,
    needed: Vec<Arc<dyn HealthReporter>>,
}

impl Readiness {
    /// Ready until `drain` is cancelled, as long as none of the parts `needed` is unhealthy.
    #[must_use]
    pub fn new(drain: CancellationToken, needed: Vec<Arc<dyn HealthReporter>>) -> Self {
        Self { drain, needed }
    }

    /// Why the service is not ready, for the person who reads it; none when it is.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        if self.drain.is_cancelled() {
            let draining = "the service is draining: it finishes what it has and takes nothing new";
            return Some(draining.to_owned());
        }
        let checks = self.needed.iter().flat_map(|part| part.checks());
        let mut unusable = checks.filter(|check| check.status == HealthStatus::Unhealthy);
        Some(unusable.next()?.reason)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::SystemClock;

    #[test]
    fn a_condition_is_news_when_it_is_first_known_and_when_it_changes() {
        let clock = Arc::new(SystemClock);
        let condition = Condition::new("part", HealthStatus::Unhealthy, "not asked yet", clock);
        let news = [
            (HealthStatus::Unhealthy, "still away"),
            (HealthStatus::Unhealthy, "away, in other words"),
            (HealthStatus::Healthy, "here"),
            (HealthStatus::Healthy, "here"),
        ]
        .map(|(status, reason)| condition.set(status, reason));
        assert_eq!(news, [true, false, true, false]);
        assert_eq!(condition.check().reason, "here");
    }

    #[test]
    fn a_condition_remembers_since_when_it_has_its_status_whatever_the_reasons() {
        let clock = Arc::new(Ticking(AtomicI64::new(0)));
        let condition = Condition::new("part", HealthStatus::Unhealthy, "at first", clock);
        let since = [
            (HealthStatus::Unhealthy, "away", 1),
            (HealthStatus::Unhealthy, "away, in other words", 1),
            (HealthStatus::Healthy, "here", 2),
            (HealthStatus::Healthy, "here, and well", 2),
            (HealthStatus::Degraded, "slow", 3),
        ];
        for (status, reason, expected) in since {
            condition.set(status, reason);
            let check = condition.check();
            assert_eq!(check.since, Timestamp::from_unix_ms(expected), "{reason}");
        }
    }

    /// Every look at it takes a millisecond.
    struct Ticking(AtomicI64);

    impl Clock for Ticking {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_ms(self.0.fetch_add(1, Ordering::Relaxed) + 1)
        }
    }

    #[test]
    fn the_whole_is_as_bad_as_its_worst_part() {
        let part = |status| -> Arc<dyn HealthReporter> {
            Arc::new(Part(Condition::new(
                "part",
                status,
                "",
                Arc::new(SystemClock),
            )))
        };
        let (good, poor, bad) = (
            HealthStatus::Healthy,
            HealthStatus::Degraded,
            HealthStatus::Unhealthy,
        );
        for (parts, whole) in [
            (&[][..], good),
            (&[good, good], good),
            (&[good, poor], poor),
            (&[bad, poor], bad),
        ] {
            let health = Health::new(parts.iter().copied().map(part).collect());
            assert_eq!(health.report().status, whole, "{parts:?}");
        }
    }

    #[test]
    fn it_is_ready_unless_it_drains_or_lacks_something() {
        let clock = Arc::new(SystemClock);
        let part = Condition::new("journal", HealthStatus::Unhealthy, "read-only", clock);
        let part = Arc::new(Part(part));
        let drain = CancellationToken::new();
        let readiness = Readiness::new(drain.clone(), vec![part.clone()]);
        assert_eq!(readiness.obstacle().as_deref(), Some("read-only"));
        part.0.set(HealthStatus::Degraded, "slow");
        assert_eq!(readiness.obstacle(), None);
        drain.cancel();
        assert!(
            readiness
                .obstacle()
                .is_some_and(|why| why.contains("draining"))
        );
    }

    struct Part(Condition);

    impl HealthReporter for Part {
        fn checks(&self) -> Vec<HealthCheck> {
            vec![self.0.check()]
        }
    }
}
