//! Setting down what a run does, step by step.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{RunEvent, RunEventKind, runner::RunnerParts};
use crate::ports::{Failure, PublishError, ReadError, Run, RunState, RunStep, StepName};

/// A step that is done.
pub(super) struct Done<T> {
    pub(super) value: T,
    pub(super) rows: u64,
    pub(super) detail: String,
}

/// Why an attempt at a step has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It helps to try again: a dependency does not answer.
    Passing(String),
    /// It does not help to try again.
    Final(String),
    /// A dependency is not as it must be.
    Unfit(String),
    /// Another instance has become the leader.
    LeadershipLost(String),
    /// What was staged is not there any more.
    Unstaged(String),
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable { .. } | ReadError::DayChanged(_) => {
                Self::Passing(error.to_string())
            }
            ReadError::Unfit { .. } => Self::Unfit(error.to_string()),
        }
    }
}

impl From<PublishError> for Trouble {
    fn from(error: PublishError) -> Self {
        let cause = error.to_string();
        match error {
            PublishError::Unavailable { .. } => Self::Passing(cause),
            PublishError::Refused { .. } => Self::Unfit(cause),
            PublishError::Different { .. } => Self::Final(cause),
            PublishError::LeadershipLost => Self::LeadershipLost(cause),
            PublishError::Missing { .. } => Self::Unstaged(cause),
        }
    }
}

/// How a run ends before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    pub(super) state: RunState,
    pub(super) failure: Option<Failure>,
    pub(super) blame: Blame,
}

/// Whose fault it is that a run has not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// Nobody's: it did what it was to do, or was held or stopped.
    Nobody,
    /// Something that it depends on cannot be used.
    Dependency,
    /// Its own, or its counts': what it found must not be published.
    Run,
}

/// What stops a run.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    /// Nobody wants it any more.
    pub(super) cancel: CancellationToken,
    /// The process has no more time.
    pub(super) abort: CancellationToken,
    /// The process is about to end: nothing is waited for.
    pub(super) drain: CancellationToken,
}

impl Stop {
    /// Waits until a run must stop; how it ends then.
    async fn asked(&self) -> RunState {
        tokio::select! {
            () = self.cancel.cancelled() => RunState::Cancelled,
            () = self.abort.cancelled() => RunState::Interrupted,
        }
    }

    /// The same, while a run waits for something.
    pub(super) async fn asked_while_waiting(&self) -> RunState {
        tokio::select! {
            state = self.asked() => state,
            () = self.drain.cancelled() => RunState::Interrupted,
        }
    }
}

/// What there is to know of a step before it begins.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) name: StepName,
    /// How often it is tried again.
    pub(super) retries: u32,
    /// Whether it may be stopped at any instant without harm.
    pub(super) may_stop: bool,
    /// Whether it is readers that it needs.
    pub(super) needs_readers: bool,
}

/// Tells ledger, status and listeners what a run does.
pub(super) struct Recorder<'a> {
    pub(super) parts: &'a RunnerParts,
    pub(super) run: Run,
    /// Whether the ledger is to know.
    pub(super) is_real: bool,
    pub(super) stop: Stop,
}

impl Recorder<'_> {
    /// Carries out a step, as often as it takes and is allowed.
    pub(super) async fn step<T, F>(
        &mut self,
        plan: Plan,
        mut work: impl FnMut() -> F,
    ) -> Result<T, End>
    where
        F: Future<Output = Result<Done<T>, Trouble>>,
    {
        let mut attempt = 1;
        let (mut pause, pause_max) = self.parts.settings.backoff;
        loop {
            self.begins(plan.name, attempt).await;
            let began = Instant::now();
            let trouble = match self.attempt(plan, work()).await {
                Ok(Ok(done)) => {
                    let took = began.elapsed();
                    let Done {
                        value,
                        rows,
                        detail,
                    } = done;
                    self.ends(attempt, took, rows, detail).await;
                    return Ok(value);
                }
                Ok(Err(trouble)) => trouble,
                Err(state) => {
                    let cause = "it was stopped".to_owned();
                    self.fails(attempt, began.elapsed(), &cause, None).await;
                    return Err(stopped(state));
                }
            };
            let took = began.elapsed();
            let waits = plan.needs_readers && self.parts.settings.is_patient;
            let (Trouble::Passing(cause), true) = (&trouble, attempt <= plan.retries || waits)
            else {
                self.fails(attempt, took, trouble.cause(), None).await;
                return Err(trouble.end(plan.name));
            };
            let is_last = attempt > plan.retries;
            self.fails(attempt, took, cause, (!is_last).then_some(pause))
                .await;
            self.parts.status.retried(plan.name);
            let pausing = self.parts.pause(plan, pause, is_last);
            let state = tokio::select! {
                is_over = pausing => if is_over { None } else { Some(RunState::Failed) },
                state = self.stop.asked_while_waiting() => Some(state),
            };
            match state {
                None => {}
                Some(RunState::Failed) => return Err(trouble.end(plan.name)),
                Some(state) => return Err(stopped(state)),
            }
            pause = (pause * 2).min(pause_max);
            attempt += 1;
        }
    }

    /// An attempt with its deadline; or how the run ends, if it is stopped.
    async fn attempt<T>(
        &self,
        plan: Plan,
        work: impl Future<Output = Result<Done<T>, Trouble>>,
    ) -> Result<Result<Done<T>, Trouble>, RunState> {
        let limit = self.parts.settings.step_timeout;
        let work = async {
            let late = || Trouble::Passing(format!("there was no end within {limit:?}"));
            timeout(limit, work).await.unwrap_or_else(|_| Err(late()))
        };
        if !plan.may_stop {
            return Ok(work.await);
        }
        tokio::select! {
            biased;
            state = self.stop.asked() => Err(state),
            done = work => Ok(done),
        }
    }

    async fn begins(&mut self, step: StepName, attempt: u32) {
        self.run.steps.push(RunStep {
            name: step,
            attempt,
            started_at: self.parts.clock.now(),
            ended_at: None,
            rows: 0,
            detail: String::new(),
        });
        self.tell(RunEventKind::StepBegan { step, attempt });
        self.set_down().await;
    }

    async fn ends(&mut self, attempt: u32, took: Duration, rows: u64, detail: String) {
        let step = self.close(took, rows, &detail);
        tracing::info!(run = %self.run.id, %step, attempt, rows, detail, "a step is done");
        self.tell(RunEventKind::StepDone {
            step,
            attempt,
            rows,
            detail,
            took,
        });
        self.set_down().await;
    }

    async fn fails(
        &mut self,
        attempt: u32,
        took: Duration,
        cause: &str,
        again_in: Option<Duration>,
    ) {
        let step = self.close(took, 0, cause);
        tracing::warn!(run = %self.run.id, %step, attempt, cause, "a step has failed");
        self.tell(RunEventKind::StepFailed {
            step,
            attempt,
            cause: cause.to_owned(),
            again_in,
        });
        self.set_down().await;
    }

    fn close(&mut self, took: Duration, rows: u64, detail: &str) -> StepName {
        let step = self.run.steps.last_mut().expect("a step has begun");
        step.ended_at = Some(self.parts.clock.now());
        step.rows = rows;
        detail.clone_into(&mut step.detail);
        let name = step.name;
        self.parts.status.step_took(name, took);
        name
    }

    pub(super) fn tell(&self, kind: RunEventKind) {
        self.parts.events.tell(RunEvent {
            run: self.run.id,
            at: self.parts.clock.now(),
            kind,
        });
    }

    /// Lets ledger and status know how the run is. A ledger that fails does not stop
    /// it: what readers see matters more.
    pub(super) async fn set_down(&self) {
        if !self.is_real {
            return;
        }
        if !self.run.state.is_finished() {
            self.parts.status.goes_on(&self.run);
        }
        if let Err(error) = self.parts.ledger.set_down(&self.run).await {
            tracing::error!(run = %self.run.id, %error, "the ledger does not know how the run is");
        }
    }
}

fn stopped(state: RunState) -> End {
    End {
        state,
        failure: None,
        blame: Blame::Nobody,
    }
}

impl Trouble {
    pub(super) fn cause(&self) -> &str {
        match self {
            Self::Passing(cause)
            | Self::Final(cause)
            | Self::Unfit(cause)
            | Self::LeadershipLost(cause)
            | Self::Unstaged(cause) => cause,
        }
    }

    pub(super) fn end(&self, step: StepName) -> End {
        let failure = Failure {
            step,
            cause: self.cause().to_owned(),
        };
        End {
            state: RunState::Failed,
            failure: Some(failure),
            blame: match self {
                Self::Passing(_) | Self::Unfit(_) => Blame::Dependency,
                Self::Final(_) | Self::LeadershipLost(_) | Self::Unstaged(_) => Blame::Run,
            },
        }
    }
}
