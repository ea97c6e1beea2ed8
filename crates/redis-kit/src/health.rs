//! How the server is, in words that say what to do.

use std::{sync::Arc, time::Duration};

use health_kit::{Clock, Condition, HealthCheck, HealthReporter, HealthStatus};
use redis::cmd;
use tokio_util::sync::CancellationToken;

use crate::{Fault, RedisError, RedisServer};

/// Short beside the five seconds in which a service knows that Redis is back.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The check `redis`: whether the server answers, and is set as it should be.
pub struct RedisHealth {
    server: RedisServer,
    condition: Condition,
    /// How bad it is when there is no answer.
    when_away: HealthStatus,
}

impl RedisHealth {
    /// About a server of which nothing is known yet; without it the service is as
    /// `when_away` says.
    #[must_use]
    pub fn new(server: RedisServer, when_away: HealthStatus, clock: Arc<dyn Clock>) -> Self {
        let reason = format!("{} has not answered yet", server.place());
        Self {
            server,
            condition: Condition::new("redis", when_away, reason, clock),
            when_away,
        }
    }

    /// Looks every two seconds, until `end`.
    pub async fn watch(&self, end: CancellationToken) {
        let judge = || self.judge();
        self.condition.watch(LOOK_EVERY, end, judge).await;
    }

    /// Looks once.
    pub async fn look(&self) {
        let (status, reason) = self.judge().await;
        self.condition.set_and_log(status, reason);
    }

    async fn judge(&self) -> (HealthStatus, String) {
        let place = self.server.place();
        let healthy = || (HealthStatus::Healthy, format!("{place} answers"));
        match self.server.state().await {
            Ok(state) => match state.flaw() {
                Some(flaw) => (HealthStatus::Degraded, format!("{place}: {flaw}")),
                None => healthy(),
            },
            // Not everybody may ask a server about itself.
            Err(error) if error.fault() == Fault::Denied => match self.ping().await {
                Ok(()) => healthy(),
                Err(error) => (self.when_away, error.to_string()),
            },
            Err(error) => (self.when_away, error.to_string()),
        }
    }

    async fn ping(&self) -> Result<(), RedisError> {
        self.server.command(&cmd("PING")).await
    }
}

impl HealthReporter for RedisHealth {
    fn checks(&self) -> Vec<HealthCheck> {
        vec![self.condition.check()]
    }
}
