//! Looking, while no run does, whether the world has changed.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{RunRequest, Runner, Runs, steps::age_of};
use crate::ports::{RunState, StepName, Trigger};

/// What is away is looked at so often: its return is seen within five seconds.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Whether all is well still is looked at so often: who opens the page has to learn of
/// what is not within a minute.
const LOOK_WELL_EVERY: Duration = Duration::from_secs(15);
/// All answers together take no longer.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// A run that could not read is made up for at once when the warehouse can be read; if
/// that is not all it takes, later and later.
const MAKE_UP_EVERY_MAX: Duration = Duration::from_mins(10);

/// Looks whether the warehouse answers, how old its counters are, and what another
/// instance has published. A run that could not read is made up for.
pub struct Watch {
    runner: Arc<Runner>,
    runs: Arc<Runs>,
}

impl Watch {
    /// Has not looked yet.
    #[must_use]
    pub const fn new(runner: Arc<Runner>, runs: Arc<Runs>) -> Self {
        Self { runner, runs }
    }

    /// Looks until `end`.
    pub async fn run(&self, end: CancellationToken) {
        let looking = async {
            let mut is_away = true;
            let mut looked_at = Instant::now();
            let mut making_up = MakingUp::new();
            loop {
                if is_away || looked_at.elapsed() >= LOOK_WELL_EVERY {
                    looked_at = Instant::now();
                    is_away = !self.warehouse_answers().await;
                    if !is_away {
                        self.make_up(&mut making_up).await;
                    }
                }
                // Whoever publishes knows what is published.
                if !self.runs.status().standing().may_run() {
                    self.runner.refresh().await;
                }
                sleep(LOOK_EVERY).await;
                is_away |= self.has_failed_to_read();
            }
        };
        end.run_until_cancelled(looking).await;
    }

    async fn warehouse_answers(&self) -> bool {
        let parts = self.runner.parts();
        // Everything that a run reads, for a table may be gone while the others answer.
        let asked = tokio::time::timeout(LOOK_TIMEOUT, parts.reader.check()).await;
        match asked {
            Ok(Ok(trial)) => {
                let now = parts.clock.now();
                let data = trial.newest_day.map(|day| age_of(day, now));
                parts.status.warehouse_answers(data);
                true
            }
            Ok(Err(error)) => {
                parts.status.warehouse_away(&error.to_string());
                false
            }
            Err(_) => {
                let late = format!(
                    "the warehouse has not answered within {LOOK_TIMEOUT:?}; see what keeps it \
                     busy, or whether it is frozen"
                );
                parts.status.warehouse_away(&late);
                false
            }
        }
    }

    fn has_failed_to_read(&self) -> bool {
        let last = self.runs.status().snapshot().last_ended;
        last.is_some_and(|run| {
            let failed = run.failure.map(|failure| failure.step);
            run.state == RunState::Failed && failed == Some(StepName::Read)
        })
    }

    /// Begins a run in place of one that could not read.
    async fn make_up(&self, making_up: &mut MakingUp) {
        if !self.has_failed_to_read() {
            *making_up = MakingUp::new();
            return;
        }
        if Instant::now() < making_up.not_before {
            return;
        }
        let request = RunRequest::of_all(Trigger::Schedule);
        if let Ok(run) = self.runs.request(request).await {
            making_up.has_begun_one();
            tracing::info!(%run, "the warehouse can be read: a run is made up for");
        }
    }
}

/// When a run that could not read is made up for.
struct MakingUp {
    not_before: Instant,
    pause: Duration,
}

impl MakingUp {
    fn new() -> Self {
        Self {
            not_before: Instant::now(),
            pause: 2 * LOOK_EVERY,
        }
    }

    fn has_begun_one(&mut self) {
        self.not_before = Instant::now() + self.pause;
        self.pause = (2 * self.pause).min(MAKE_UP_EVERY_MAX);
    }
}
