//! When a process ends, and how: drain first, abort if that takes too long.
//!
//! The first signal drains: sources stop, what is in flight is finished. A
//! second signal, or the shutdown timeout, aborts. A task that ends uninvited
//! drains the rest and makes the process fail.
//!
//! Deliberately absent: what draining means. Tasks hear of it by a token.

mod section;
mod signals;

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

pub use section::ShutdownSection;
pub use signals::EndSignals;

/// The longest time kept back for tasks to end after they were aborted.
const ABORT_GRACE_MAX: Duration = Duration::from_secs(1);

/// The tasks of a process, and the tokens that end them.
pub struct Lifecycle {
    drain: CancellationToken,
    abort: CancellationToken,
    tasks: TaskTracker,
    names: Arc<Mutex<TaskNames>>,
    shutdown_timeout: Duration,
}

/// How the process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessEnd {
    /// Tasks that failed, panicked or ended before they were asked to.
    pub failed: Vec<&'static str>,
    /// Whether draining was cut short.
    pub aborted: bool,
    /// Tasks that did not even end when aborted.
    pub unfinished: Vec<&'static str>,
}

#[derive(Default)]
struct TaskNames {
    running: Vec<&'static str>,
    failed: Vec<&'static str>,
}

impl Lifecycle {
    /// A process without tasks, which from its first signal on has this long to end.
    #[must_use]
    pub fn new(shutdown_timeout: Duration) -> Self {
        Self {
            drain: CancellationToken::new(),
            abort: CancellationToken::new(),
            tasks: TaskTracker::new(),
            names: Arc::default(),
            shutdown_timeout,
        }
    }

    /// Cancelled when sources must stop and what is in flight must be finished.
    /// Whoever cancels it makes the process end as a signal would.
    #[must_use]
    pub fn drain(&self) -> CancellationToken {
        self.drain.clone()
    }

    /// Cancelled when there is no more time to finish anything.
    #[must_use]
    pub fn abort(&self) -> CancellationToken {
        self.abort.clone()
    }

    /// Runs a task that is meant to last until the drain token is cancelled.
    ///
    /// If it ends before, fails or panics, that is logged with its name, the
    /// rest is drained, and it is among the failed of the [`ProcessEnd`].
    pub fn spawn<E: Display + Send + 'static>(
        &self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        lock(&self.names).running.push(name);
        let (drain, names) = (self.drain.clone(), Arc::clone(&self.names));
        // A task of its own, so that its panic ends here as an error.
        let task = tokio::spawn(task);
        self.tasks.spawn(async move {
            let problem = match task.await {
                Ok(Ok(())) if drain.is_cancelled() => None,
                Ok(Ok(())) => Some("it ended without being asked to".to_owned()),
                Ok(Err(error)) => Some(error.to_string()),
                Err(error) => Some(error.to_string()),
            };
            let mut names = lock(&names);
            if let Some(index) = names.running.iter().position(|running| *running == name) {
                names.running.swap_remove(index);
            }
            if let Some(problem) = problem {
                error!(task.name = name, error = problem, "a task failed");
                names.failed.push(name);
                drain.cancel();
            }
        });
    }

    /// Waits for the end of the process and says how it was.
    ///
    /// `next_signal` waits for the next request to end and names it. The end
    /// comes within the shutdown timeout: the last second of it, or the last
    /// fifth if that is less, is left to tasks that have to be aborted.
    pub async fn run(self, mut next_signal: impl AsyncFnMut() -> &'static str) -> ProcessEnd {
        tokio::select! {
            signal = next_signal() => info!(signal, "draining: asked to end"),
            () = self.drain.cancelled() => info!("draining: a part of the process asked for it"),
        }
        let end = Instant::now() + self.shutdown_timeout;
        let abort_at = end - ABORT_GRACE_MAX.min(self.shutdown_timeout / 5);
        self.drain.cancel();
        self.tasks.close();
        let aborted = tokio::select! {
            biased;
            () = self.tasks.wait() => false,
            () = sleep_until(abort_at) => {
                warn!(tasks = ?lock(&self.names).running, "aborting: draining took too long");
                true
            }
            signal = next_signal() => {
                warn!(signal, "aborting: asked to end a second time");
                true
            }
        };
        if aborted {
            self.abort.cancel();
            // Whoever is still running then is named in the ending.
            let _ = timeout_at(end, self.tasks.wait()).await;
        }
        let names = std::mem::take(&mut *lock(&self.names));
        ProcessEnd {
            failed: names.failed,
            aborted,
            unfinished: names.running,
        }
    }
}

/// Names are moved whole: what a panicking holder leaves is still right.
fn lock(names: &Mutex<TaskNames>) -> std::sync::MutexGuard<'_, TaskNames> {
    names.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::pending;

    use tokio::time::{sleep, timeout};

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(25);

    /// Runs a process whose signals come after these pauses, and measures how
    /// long it takes.
    async fn run(lifecycle: Lifecycle, pauses: &[u64]) -> (ProcessEnd, Duration) {
        let start = Instant::now();
        let mut at = start;
        let mut signals = pauses.iter().map(|seconds| {
            at += Duration::from_secs(*seconds);
            at
        });
        let mut next = signals.next();
        // Cancel-safe, as a real signal is: it is consumed only when it has come.
        let ending = lifecycle.run(async || {
            match next {
                Some(at) => sleep_until(at).await,
                None => pending().await,
            }
            next = signals.next();
            "SIGTERM"
        });
        let ending = timeout(Duration::from_hours(1), ending).await;
        let ending = ending.expect("every process here is meant to end");
        (ending, start.elapsed())
    }

    /// Ends so long after it was asked to drain.
    async fn drains_in(drain: CancellationToken, seconds: u64) -> Result<(), Infallible> {
        drain.cancelled().await;
        sleep(Duration::from_secs(seconds)).await;
        Ok(())
    }

    fn clean() -> ProcessEnd {
        ProcessEnd {
            failed: vec![],
            aborted: false,
            unfinished: vec![],
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_signal_drains() {
        let lifecycle = Lifecycle::new(TIMEOUT);
        let abort = lifecycle.abort();
        lifecycle.spawn("source", drains_in(lifecycle.drain(), 1));
        lifecycle.spawn("publisher", drains_in(lifecycle.drain(), 20));
        let (ending, took) = run(lifecycle, &[60]).await;
        assert_eq!((&ending, took), (&clean(), Duration::from_secs(80)));
        assert!(!abort.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_cancels_the_drain_token_ends_the_process() {
        let lifecycle = Lifecycle::new(TIMEOUT);
        lifecycle.spawn("source", drains_in(lifecycle.drain(), 1));
        let drain = lifecycle.drain();
        drain.cancel();
        let (ending, took) = run(lifecycle, &[]).await;
        assert_eq!((ending, took), (clean(), Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_aborts() {
        let lifecycle = Lifecycle::new(TIMEOUT);
        let abort = lifecycle.abort();
        lifecycle.spawn("publisher", async move {
            abort.cancelled().await;
            Ok::<(), Infallible>(())
        });
        let (ending, took) = run(lifecycle, &[1, 2]).await;
        assert_eq!(
            (&ending, took),
            (
                &ProcessEnd {
                    aborted: true,
                    ..clean()
                },
                Duration::from_secs(3)
            )
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_timeout_aborts_in_time_for_a_last_second() {
        let lifecycle = Lifecycle::new(TIMEOUT);
        let abort = lifecycle.abort();
        lifecycle.spawn("obedient", async move {
            abort.cancelled().await;
            Ok::<(), Infallible>(())
        });
        let (ending, took) = run(lifecycle, &[0]).await;
        assert_eq!(
            (ending, took),
            (
                ProcessEnd {
                    aborted: true,
                    ..clean()
                },
                Duration::from_secs(24)
            )
        );

        let lifecycle = Lifecycle::new(TIMEOUT);
        lifecycle.spawn("stubborn", pending::<Result<(), Infallible>>());
        let (ending, took) = run(lifecycle, &[0]).await;
        let unfinished = vec!["stubborn"];
        assert_eq!(
            (ending, took),
            (
                ProcessEnd {
                    aborted: true,
                    unfinished,
                    ..clean()
                },
                TIMEOUT
            )
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ends_uninvited_drains_the_rest_and_fails_the_process() {
        async fn check(task: impl Future<Output = Result<(), String>> + Send + 'static) {
            let lifecycle = Lifecycle::new(TIMEOUT);
            lifecycle.spawn("faulty", task);
            lifecycle.spawn("publisher", drains_in(lifecycle.drain(), 2));
            let (ending, took) = run(lifecycle, &[]).await;
            let failed = vec!["faulty"];
            assert_eq!(
                (&ending, took),
                (&ProcessEnd { failed, ..clean() }, Duration::from_secs(2))
            );
        }
        check(async { Ok(()) }).await;
        check(async { Err("the disk is full".to_owned()) }).await;
        check(async { panic!("a planted panic") }).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_fails_while_draining_fails_the_process() {
        let lifecycle = Lifecycle::new(TIMEOUT);
        let drain = lifecycle.drain();
        lifecycle.spawn("publisher", async move {
            drain.cancelled().await;
            Err("the last batch was refused")
        });
        let (ending, _) = run(lifecycle, &[1]).await;
        assert_eq!(ending.failed, ["publisher"]);
    }
}
