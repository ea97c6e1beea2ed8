//! Runs that begin by themselves.

use std::{sync::Arc, time::Duration};

use domain::Timestamp;
use health_kit::Clock;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{RunRefused, RunRequest, Runs, RunsStatus};
use crate::ports::{PatchSource, Schedule, Trigger};

/// The clock is looked at so often: it may jump, and the process may sleep.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Whether there is a new patch is looked at so often.
const PATCHES_EVERY: Duration = Duration::from_mins(1);

/// Whether a run begins when the service has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOnStart {
    /// Each time.
    Always,
    /// Not before it is time.
    Never,
    /// If the last success is older than two periods.
    IfStale,
}

/// Begins runs when it is time.
pub struct Timetable {
    runs: Arc<Runs>,
    schedule: Option<Arc<dyn Schedule>>,
    on_start: RunOnStart,
    patches: Arc<dyn PatchSource>,
    clock: Arc<dyn Clock>,
}

/// What it has done so far.
struct Memory {
    /// Whether what is due at a start has been asked for.
    has_started: bool,
    next: Option<Timestamp>,
    newest_patch: Option<String>,
    patches_at: Timestamp,
}

impl Timetable {
    /// Has begun nothing yet; without a schedule only at the start and for new patches.
    #[must_use]
    pub const fn new(
        runs: Arc<Runs>,
        schedule: Option<Arc<dyn Schedule>>,
        on_start: RunOnStart,
        patches: Arc<dyn PatchSource>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            runs,
            schedule,
            on_start,
            patches,
            clock,
        }
    }

    /// Begins runs until `end`.
    pub async fn run(&self, end: CancellationToken) {
        let mut memory = self.begin().await;
        let ticking = async {
            loop {
                self.tick(&mut memory).await;
                sleep(LOOK_EVERY).await;
            }
        };
        end.run_until_cancelled(ticking).await;
    }

    async fn begin(&self) -> Memory {
        let now = self.clock.now();
        let next = self.next_after(now);
        Memory {
            has_started: false,
            next,
            newest_patch: self.newest_patch(now).await,
            patches_at: now,
        }
    }

    async fn tick(&self, memory: &mut Memory) {
        let now = self.clock.now();
        if memory.next.is_some_and(|next| next <= now) {
            // However many were missed: one.
            memory.next = self.next_after(now);
            memory.has_started |= self.ask(Trigger::Schedule).await;
        }
        if !self.status().standing().may_run() {
            return;
        }
        if !memory.has_started {
            memory.has_started = true;
            if self.is_due_at_start(now) {
                memory.has_started = self.ask(Trigger::Start).await;
            }
        }
        if now.saturating_since(memory.patches_at) >= PATCHES_EVERY {
            memory.patches_at = now;
            let newest = self.newest_patch(now).await;
            if newest.is_some() && newest != memory.newest_patch {
                let is_first = memory.newest_patch.is_none();
                if is_first || self.ask(Trigger::NewPatch).await {
                    memory.newest_patch = newest;
                }
            }
        }
    }

    /// Whether a run has begun.
    async fn ask(&self, trigger: Trigger) -> bool {
        match self.runs.request(RunRequest::of_all(trigger)).await {
            Ok(run) => {
                tracing::info!(%run, %trigger, "a run begins");
                true
            }
            Err(RunRefused::InProgress(run)) => {
                if trigger == Trigger::Schedule {
                    self.status().skipped();
                }
                tracing::info!(%run, %trigger, "no run begins: one is in progress");
                false
            }
            // A standby has the same timetable.
            Err(RunRefused::NotLeader { .. } | RunRefused::Draining) => false,
            Err(error) => {
                tracing::error!(%error, %trigger, "no run begins");
                false
            }
        }
    }

    fn is_due_at_start(&self, now: Timestamp) -> bool {
        match self.on_start {
            RunOnStart::Always => true,
            RunOnStart::Never => false,
            RunOnStart::IfStale => {
                let seen = self.status().snapshot();
                let published = seen.published.values().map(|seen| seen.result.as_of).min();
                let last = seen.last_success.max(published);
                let period = self.period(now);
                let is_old = |last: Timestamp| {
                    period.is_some_and(|period| now.saturating_since(last) > 2 * period)
                };
                last.is_none_or(is_old)
            }
        }
    }

    /// How long it is from one run to the next.
    #[must_use]
    pub fn period(&self, now: Timestamp) -> Option<Duration> {
        let schedule = self.schedule.as_ref()?;
        let next = schedule.next_after(now)?;
        Some(schedule.next_after(next)?.saturating_since(next))
    }

    fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        let schedule = self.schedule.as_ref();
        let next = schedule.and_then(|schedule| schedule.next_after(now));
        let text = schedule.map(|schedule| schedule.text());
        self.status().scheduled(text, next);
        next
    }

    async fn newest_patch(&self, now: Timestamp) -> Option<String> {
        match self.patches.patches().await {
            Ok(patches) => patches.at(now).map(|patch| patch.name.clone()),
            Err(error) => {
                tracing::warn!(%error, "whether there is a new patch is not known");
                None
            }
        }
    }

    fn status(&self) -> &RunsStatus {
        self.runs.status()
    }
}
