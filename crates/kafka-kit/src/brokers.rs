//! The brokers as a whole: whether they answer, and whether they can be reached
//! where they say they are.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use health_kit::{Clock, Condition, HealthCheck, HealthStatus};
use rdkafka::metadata::Metadata;
use tokio::{sync::oneshot, time::sleep};

use crate::{addresses::first_unreachable, advice::advice_for_connections, health::unknown};

/// Pause between two questions to the brokers. With the time two of them may
/// take unanswered, a loss shows within four seconds and a half.
const PROBE_PAUSE: Duration = Duration::from_secs(1);
/// Between two looks whether something does not get on.
const LOOK_PAUSE: Duration = Duration::from_millis(500);
/// Between two attempts to reach all brokers: each is a connection to each.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(3);

/// The check of all brokers together.
pub struct BrokersHealth {
    bootstrap_servers: String,
    condition: Condition,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Whether the last probe was answered, or why not; none before the first.
    answer: Option<Result<(), String>>,
    /// The broker that cannot be reached at its own address, while that is in the way.
    unreachable: Option<String>,
}

impl BrokersHealth {
    /// The check `name`; nothing is known yet.
    #[must_use]
    pub fn new(name: &'static str, bootstrap_servers: &str, clock: &Arc<dyn Clock>) -> Self {
        Self {
            bootstrap_servers: bootstrap_servers.to_owned(),
            condition: unknown(name, bootstrap_servers, clock),
            known: Mutex::default(),
        }
    }

    /// The check, as it is known now.
    #[must_use]
    pub fn check(&self) -> HealthCheck {
        self.condition.check()
    }

    /// Takes the answer of a probe, or why there is none.
    pub fn take_answer(&self, answer: Result<(), String>) {
        self.lock().answer = Some(answer);
    }

    /// Judges by what is known now: by the last answer; if something
    /// `is_stuck`, by the brokers' own addresses; by what is wrong although
    /// they answer, `trouble`. Without any of it they do what `work` says.
    pub fn judge(&self, is_stuck: bool, trouble: Option<String>, work: &str) {
        let (answer, unreachable) = {
            let known = self.lock();
            let Some(answer) = known.answer.clone() else {
                return;
            };
            (answer, known.unreachable.clone().filter(|_| is_stuck))
        };
        let servers = &self.bootstrap_servers;
        let (status, reason) = match answer {
            Err(trouble) => {
                let advice = advice_for_connections(&trouble);
                let reason = format!("no broker of {servers} answers: {trouble}; {advice}");
                (HealthStatus::Unhealthy, reason)
            }
            Ok(()) if let Some(found) = unreachable => {
                let reason = format!("{servers} answers, but {found}");
                (HealthStatus::Unhealthy, reason)
            }
            Ok(()) if let Some(trouble) = trouble => (HealthStatus::Unhealthy, trouble),
            Ok(()) => {
                let reason = format!("the brokers of {servers} {work}");
                (HealthStatus::Healthy, reason)
            }
        };
        self.condition.set_and_log(status, reason);
    }

    /// Tries the brokers' own addresses whenever something does not get on, for ever.
    ///
    /// As long as metadata come and something else does not, an address that leads
    /// nowhere may be why; what would be blamed otherwise is whatever request
    /// happens to be the first without an answer. `question` is asked for
    /// metadata, in a thread of its own; without them the probe says why.
    pub async fn try_addresses_for_ever<Q>(
        &self,
        is_stuck: impl Fn() -> bool,
        question: impl Fn() -> Q,
    ) where
        Q: FnOnce() -> Option<Metadata> + Send + 'static,
    {
        loop {
            sleep(LOOK_PAUSE).await;
            if !is_stuck() {
                self.lock().unreachable = None;
                continue;
            }
            let ask = question();
            // Names are resolved for as long as the system likes.
            let tried = in_thread("kafka-addresses", move || {
                ask().and_then(|metadata| first_unreachable(&metadata))
            });
            // Without a thread there is no attempt: the next one, then.
            if let Ok(found) = tried.await {
                self.lock().unreachable = found;
                sleep(TRY_AGAIN_AFTER).await;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Whole values are replaced: a panic elsewhere spoils nothing.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the brokers again and again: `question` makes what is run in a thread of
/// its own, and `failed` is told why there is none.
pub async fn probe_for_ever<Q>(question: impl Fn() -> Q, failed: impl Fn(String))
where
    Q: FnOnce() + Send + 'static,
{
    loop {
        if let Err(error) = in_thread("kafka-probe", question()).await {
            failed(format!(
                "they cannot be asked, as no thread can be started: {error}"
            ));
        }
        sleep(PROBE_PAUSE).await;
    }
}

/// Waits for work that blocks. A thread of its own, unlike one of the
/// runtime's, holds nobody up who stops while brokers are silent.
///
/// # Errors
/// When no thread can be started.
///
/// # Panics
/// When the work does.
pub async fn in_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (done, outcome) = oneshot::channel();
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let outcome = work();
            // Nobody listens any more after a stop.
            let _ = done.send(outcome);
        })?;
    Ok(outcome.await.expect("the work does not panic"))
}
