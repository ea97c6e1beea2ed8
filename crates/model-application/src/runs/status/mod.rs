//! How runs are on the whole, for people and metrics.

mod figures;
mod health;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::Timestamp;
use health_kit::{Clock, DurationBuckets, HealthCheck, HealthReporter};

pub use self::{
    figures::{DataAge, PublishedPatch, RunCounts, RunsSnapshot, ScheduleFigures, Standing},
    health::{AgesMax, Verdict},
};

use self::health::{Conditions, Surroundings};
use crate::{
    ports::{Run, RunState, StepName},
    result::PatchHead,
};

/// Upper bounds of the buckets of steps, in seconds; the last one is open.
const STEP_BUCKETS_SECONDS: &[f64] = &[
    0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
];

/// What is known of runs. Whoever does something tells it, and whoever shows
/// something asks it; nobody waits.
pub struct RunsStatus {
    clock: Arc<dyn Clock>,
    conditions: Conditions,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    standing: Standing,
    schedule: ScheduleFigures,
    current: Option<Run>,
    last_ended: Option<Run>,
    last_success: Option<Timestamp>,
    data: Option<DataAge>,
    published: BTreeMap<String, Arc<PublishedPatch>>,
    readers_find_nothing: bool,
    counts: RunCounts,
}

impl RunsStatus {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(ages_max: AgesMax, clock: &Arc<dyn Clock>) -> Self {
        Self {
            clock: Arc::clone(clock),
            conditions: Conditions::new(ages_max, clock),
            known: Mutex::default(),
        }
    }

    /// What is known now.
    #[must_use]
    pub fn snapshot(&self) -> RunsSnapshot {
        let known = self.lock();
        RunsSnapshot {
            at: self.clock.now(),
            standing: known.standing.clone(),
            schedule: known.schedule.clone(),
            current: known.current.clone(),
            last_ended: known.last_ended.clone(),
            last_success: known.last_success,
            data: known.data,
            published: known.published.clone(),
            counts: known.counts.clone(),
        }
    }

    /// What readers see of a patch.
    #[must_use]
    pub fn published(&self, patch: &str) -> Option<Arc<PublishedPatch>> {
        self.lock().published.get(patch).cloned()
    }

    /// Whether this instance may publish.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.lock().standing.clone()
    }

    /// Readers see this from now on, or since a moment that is known.
    pub fn sees(&self, result: PatchHead, since: Timestamp) {
        let mut known = self.lock();
        let patch = result.patch.clone();
        let seen = Arc::new(PublishedPatch { result, since });
        known.published.insert(patch, seen);
        self.conditions.judge_slices(known.published.values());
    }

    /// Somebody has looked what readers see, and there is nothing.
    pub fn nothing_is_published(&self) {
        self.lock().readers_find_nothing = true;
    }

    /// Whether this instance may publish, from now on.
    pub fn stands(&self, standing: Standing) {
        self.conditions.stands(&standing);
        self.lock().standing = standing;
    }

    /// When runs begin by themselves.
    pub fn scheduled(&self, text: Option<&str>, next: Option<Timestamp>) {
        let mut known = self.lock();
        known.schedule.text = text.map(str::to_owned);
        known.schedule.next = next;
    }

    /// It was time while a run was under way.
    pub fn skipped(&self) {
        self.lock().schedule.skipped += 1;
    }

    /// The warehouse has answered, and its newest counters are of that age; none if
    /// it has no counters at all.
    pub fn warehouse_answers(&self, data: Option<DataAge>) {
        self.conditions.warehouse_answers();
        self.lock().data = data;
        match data {
            Some(_) => self.conditions.judge_data(data, self.clock.now()),
            None => self.conditions.nothing_is_counted(),
        }
    }

    /// The warehouse cannot be used.
    pub fn warehouse_away(&self, reason: &str) {
        self.conditions.warehouse_away(reason);
    }

    /// A run is under way, or has gone on.
    pub fn goes_on(&self, run: &Run) {
        self.lock().current = Some(run.clone());
    }

    /// An attempt at a step took so long.
    pub fn step_took(&self, step: StepName, took: Duration) {
        let mut known = self.lock();
        let steps = known.counts.steps.entry(step);
        let steps = steps.or_insert_with(|| DurationBuckets::new(STEP_BUCKETS_SECONDS));
        steps.record(took);
        if step == StepName::Switch {
            known.counts.last_switch = Some(took);
        }
    }

    /// A step is tried again.
    pub fn retried(&self, step: StepName) {
        *self.lock().counts.retries.entry(step).or_default() += 1;
    }

    /// A run has left out matches, by reason.
    pub fn left_out(&self, excluded: &BTreeMap<String, u64>) {
        let mut known = self.lock();
        for (reason, count) in excluded {
            *known.counts.excluded.entry(reason.clone()).or_default() += count;
        }
    }

    /// Readers were given so many documents.
    pub fn gave(&self, documents: usize) {
        self.lock().counts.keys_published += documents as u64;
    }

    /// The last published run has scored accounts, or not all of them: why.
    pub fn scored_accounts(&self, trouble: Option<String>) {
        self.conditions.scored_accounts(trouble);
    }

    /// A run has ended.
    pub fn ended(&self, run: &Run) {
        let mut known = self.lock();
        known.current = None;
        *known
            .counts
            .runs
            .entry((run.state, run.trigger))
            .or_default() += 1;
        self.conditions.judge_run(run);
        if matches!(run.state, RunState::Published | RunState::Unchanged) {
            known.last_success = Some(run.ended_at.unwrap_or_else(|| self.clock.now()));
        }
        known.last_ended = Some(run.clone());
    }

    /// How the last runs before this process have ended, the newest first.
    pub fn remembers(&self, runs: &[Run]) {
        let mut known = self.lock();
        let mut ended = runs.iter().filter(|run| run.state.is_finished());
        known.last_ended = ended.clone().next().cloned();
        if let Some(last) = &known.last_ended {
            self.conditions.judge_run(last);
        }
        let success =
            ended.find(|run| matches!(run.state, RunState::Published | RunState::Unchanged));
        known.last_success = success.and_then(|run| run.ended_at);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // What is known is whole after each step.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HealthReporter for RunsStatus {
    fn checks(&self) -> Vec<HealthCheck> {
        let now = self.clock.now();
        let (data, around) = {
            let known = self.lock();
            let next = known.schedule.next;
            let around = Surroundings {
                success: known.last_success,
                is_nothing_published: known.readers_find_nothing && known.published.is_empty(),
                is_under_way: known.current.is_some(),
                next_in: next.map(|next| next.saturating_since(now)),
            };
            (known.data, around)
        };
        self.conditions.judge_data(data, now);
        self.conditions.judge_age(&around, now);
        self.conditions.checks()
    }
}
