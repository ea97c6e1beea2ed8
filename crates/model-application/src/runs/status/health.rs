//! Whether runs do what they are for, in words that say what to do.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::Timestamp;
use health_kit::{Clock, Condition, HealthCheck, HealthStatus};

use super::{DataAge, PublishedPatch, Standing};
use crate::ports::{Run, RunState};

/// From which ages on something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgesMax {
    /// Of the newest counters.
    pub data: Duration,
    /// Of the last success: two periods of the schedule. None where runs begin only
    /// by hand.
    pub success: Option<Duration>,
}

/// The checks that a look at runs can give.
pub(super) struct Conditions {
    ages_max: AgesMax,
    /// Whether the warehouse answers.
    warehouse: Condition,
    /// Whether counters are as fresh as they should be.
    data_age: Condition,
    /// Whether runs publish.
    last_run: Condition,
    /// Whether what is published fits matches that it has not seen.
    holdout: Condition,
    /// Whether somebody may publish.
    leader: Condition,
    /// What the last run says by itself, however long ago it was; none before there
    /// was one.
    verdict: Mutex<Option<Verdict>>,
    /// Why accounts have no new scores, although the last run has published.
    accounts: Mutex<Option<String>>,
    began: Timestamp,
}

/// What the way in which a run has ended says of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether readers see what there is to see.
    pub is_good: bool,
    /// How it has ended; if that is not good also why, and what to do about it.
    pub said: String,
}

impl Verdict {
    /// Of the last run; none of one that says nothing: what was before is as it was.
    #[must_use]
    pub fn of(run: &Run) -> Option<Self> {
        let failure = run.failure.as_ref();
        let why = failure.map_or(String::new(), |failure| {
            format!(" at the step {}: {}", failure.step, failure.cause)
        });
        let (id, state) = (run.id, run.state);
        let bad = |said| Self {
            is_good: false,
            said,
        };
        Some(match state {
            RunState::Published | RunState::Unchanged => Self {
                is_good: true,
                said: format!("run {id} is {state}"),
            },
            RunState::Held => bad(format!(
                "run {id} is held{why}; look at the matches of the last days, and publish it with \
                 `runs publish {id}`, or wait for the next run"
            )),
            RunState::Failed => bad(format!(
                "run {id} has failed{why}; what was published stays, `runs show {id}` shows its \
                 steps, and `run-once` tries again at once"
            )),
            RunState::Interrupted => bad(format!(
                "run {id} was interrupted{why}: its process has ended before it; what was \
                 published stays, and `run-once` tries again at once"
            )),
            // Somebody wanted it so, and what was before is as it was.
            RunState::Cancelled | RunState::Queued | RunState::Running => return None,
        })
    }
}

/// What is known of runs besides how the last one has ended.
pub(super) struct Surroundings {
    /// When one last succeeded.
    pub(super) success: Option<Timestamp>,
    /// Whether somebody has looked, and readers find nothing.
    pub(super) is_nothing_published: bool,
    /// Whether one is under way.
    pub(super) is_under_way: bool,
    /// In how long the next one begins; none if only by hand.
    pub(super) next_in: Option<Duration>,
}

impl Surroundings {
    /// What there is to say before any run has ended here.
    fn verdict(&self) -> (HealthStatus, String) {
        let none = "no run has ended yet";
        let good = HealthStatus::Healthy;
        if !self.is_nothing_published || self.is_under_way {
            return (good, none.to_owned());
        }
        let next = match self.next_in {
            Some(next) => format!("the next one begins in {} minutes", next.as_secs() / 60),
            None => "MODEL_SCHEDULE is empty, so they begin only by hand".to_owned(),
        };
        let said =
            format!("{none}, so readers find nothing; {next}, and `run-once` begins one now");
        (HealthStatus::Degraded, said)
    }
}

/// More is a defect of calibration: in ten-thousandths.
const ECE_MAX: i64 = 100;
/// Slopes that are right, in hundredths.
const SLOPES: std::ops::RangeInclusive<i64> = 95..=105;

impl Conditions {
    pub(super) fn new(ages_max: AgesMax, clock: &Arc<dyn Clock>) -> Self {
        let condition =
            |name, status, reason: &str| Condition::new(name, status, reason, Arc::clone(clock));
        let good = HealthStatus::Healthy;
        let no_run = "no run has ended yet";
        Self {
            ages_max,
            warehouse: condition("clickhouse", good, "no run has had to read counters yet"),
            data_age: condition("data_age", good, "no run has looked at counters yet"),
            last_run: condition("last_run", good, no_run),
            holdout: condition("holdout", good, "nothing has been judged yet"),
            leader: condition(
                "leader",
                HealthStatus::Degraded,
                "nobody has been asked yet",
            ),
            verdict: Mutex::default(),
            accounts: Mutex::default(),
            began: clock.now(),
        }
    }

    pub(super) fn checks(&self) -> Vec<HealthCheck> {
        let conditions = [
            &self.warehouse,
            &self.data_age,
            &self.last_run,
            &self.holdout,
            &self.leader,
        ];
        conditions.map(Condition::check).into()
    }

    pub(super) fn warehouse_answers(&self) {
        let answers = "it answers";
        if self.warehouse.set(HealthStatus::Healthy, answers) {
            tracing::info!("the warehouse answers");
        }
    }

    pub(super) fn warehouse_away(&self, reason: &str) {
        let reason = format!("{reason}; what is published stays as it is");
        if self.warehouse.set(HealthStatus::Degraded, reason.clone()) {
            tracing::warn!(reason, "the warehouse cannot be read");
        }
    }

    /// The warehouse answers, and has counted nothing.
    pub(super) fn nothing_is_counted(&self) {
        let none = "no day has counters; look whether etl-service loads and builds days";
        if self.data_age.set(HealthStatus::Degraded, none) {
            tracing::warn!(reason = none, "there are no counters");
        }
    }

    pub(super) fn judge_data(&self, data: Option<DataAge>, now: Timestamp) {
        let Some(data) = data else { return };
        let age = now.saturating_since(data.counted_until);
        let day = data.newest_day;
        let is_old = age > self.ages_max.data;
        let (status, reason) = if is_old {
            let hours = age.as_secs() / 3_600;
            let old = format!(
                "the newest counters are of {day}, which ended {hours} hours ago, more than \
                 MODEL_DATA_MAX_AGE; look whether etl-service loads and builds days"
            );
            (HealthStatus::Degraded, old)
        } else {
            (
                HealthStatus::Healthy,
                format!("the newest counters are of {day}"),
            )
        };
        if self.data_age.set(status, reason.clone()) && is_old {
            tracing::warn!(reason, "counters are old");
        }
    }

    pub(super) fn stands(&self, standing: &Standing) {
        let good = HealthStatus::Healthy;
        let (status, reason) = match standing {
            Standing::Unknown => (HealthStatus::Degraded, "nobody has been asked yet".into()),
            Standing::Leader { epoch, .. } => {
                (good, format!("this instance is the leader, epoch {epoch}"))
            }
            Standing::Standby { leader } => {
                let leader = leader.as_deref().unwrap_or("another instance");
                (
                    good,
                    format!("{leader} is the leader, this instance is standby"),
                )
            }
            Standing::Away { reason } => (
                HealthStatus::Degraded,
                format!("nobody can say who the leader is, so nothing is published: {reason}"),
            ),
            Standing::Alone => (
                good,
                "LEADER_LOCK is none, so this instance is the only one".into(),
            ),
        };
        if self.leader.set(status, reason.clone()) {
            tracing::info!(reason, "leadership has changed");
        }
    }

    pub(super) fn judge_run(&self, run: &Run) {
        if let Some(verdict) = Verdict::of(run) {
            *self.verdict() = Some(verdict);
        }
    }

    /// However the last run was: the last success is of some age.
    pub(super) fn judge_age(&self, around: &Surroundings, now: Timestamp) {
        let verdict = self.verdict().clone();
        let (mut status, mut reason) = match verdict {
            None => around.verdict(),
            Some(Verdict {
                is_good: true,
                said,
            }) => (HealthStatus::Healthy, said),
            Some(Verdict { said, .. }) => (HealthStatus::Degraded, said),
        };
        let age = now.saturating_since(around.success.unwrap_or(self.began));
        if status == HealthStatus::Healthy && self.ages_max.success.is_some_and(|max| age > max) {
            status = HealthStatus::Degraded;
            let minutes = age.as_secs() / 60;
            reason = format!(
                "no run has succeeded for {minutes} minutes, two periods or more; see whether this \
                 or another instance is the leader, and what `runs list` says"
            );
        }
        if status == HealthStatus::Healthy
            && let Some(trouble) = &*self.accounts()
        {
            status = HealthStatus::Degraded;
            reason = format!("{reason}, but not all accounts are scored: {trouble}");
        }
        self.last_run.set(status, reason);
    }

    pub(super) fn judge_slices<'a>(&self, all: impl Iterator<Item = &'a Arc<PublishedPatch>>) {
        let (mut judged, mut wrong) = (0, Vec::new());
        for seen in all {
            let result = &seen.result;
            for (slice, values) in &result.slices {
                let Some(holdout) = &values.holdout else {
                    continue;
                };
                judged += 1;
                if holdout.ece > ECE_MAX || !SLOPES.contains(&holdout.slope) {
                    wrong.push(format!("{} {slice}", result.patch));
                }
            }
        }
        let (status, reason) = if judged == 0 {
            let none = "nothing is held out, so nothing is judged: that takes two days with \
                        counters, and a MODEL_HOLDOUT above 0";
            (HealthStatus::Healthy, none.to_owned())
        } else if wrong.is_empty() {
            let fit = format!("probabilities fit what was held out; slices judged: {judged}");
            (HealthStatus::Healthy, fit)
        } else {
            let slices = wrong.join(", ");
            let off = format!(
                "probabilities do not fit what was held out (slope outside 0.95 … 1.05, or error \
                 above 0.01): {slices}"
            );
            (HealthStatus::Degraded, off)
        };
        if self.holdout.set(status, reason.clone()) && status != HealthStatus::Healthy {
            tracing::warn!(reason, "calibration is off");
        }
    }

    /// Why accounts have no new scores; none if they have.
    pub(super) fn scored_accounts(&self, trouble: Option<String>) {
        *self.accounts() = trouble;
    }

    fn accounts(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn verdict(&self) -> std::sync::MutexGuard<'_, Option<Verdict>> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
