//! Looking, while no run does, whether the world has changed.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{RunRequest, Runner, Runs, steps::age_of};
use crate::ports::{RunState, StepName, Trigger};

/// What is away is looked at so often: its return is seen within five seconds.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How old counters are is looked at so often, while all is well.
const AGE_EVERY: Duration = Duration::from_mins(1);
/// An answer takes no longer.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

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
            loop {
                if is_away || looked_at.elapsed() >= AGE_EVERY {
                    looked_at = Instant::now();
                    is_away = !self.warehouse_answers().await;
                    if !is_away {
                        self.make_up().await;
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
        let asked = tokio::time::timeout(LOOK_TIMEOUT, parts.reader.newest_day()).await;
        match asked {
            Ok(Ok(newest)) => {
                let now = parts.clock.now();
                let data = newest.map(|day| age_of(day, now));
                parts.status.warehouse_answers(data);
                true
            }
            Ok(Err(error)) => {
                parts.status.warehouse_away(&error.to_string());
                false
            }
            Err(_) => {
                let late = format!("the warehouse has not answered within {LOOK_TIMEOUT:?}");
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
    async fn make_up(&self) {
        if self.has_failed_to_read() {
            let request = RunRequest::of_all(Trigger::Schedule);
            if let Ok(run) = self.runs.request(request).await {
                tracing::info!(%run, "the warehouse is back: a run is made up for");
            }
        }
    }
}
