//! How the server is, in words that say what to do.

use std::{sync::Arc, time::Duration};

use health_kit::{Clock, Condition, HealthCheck, HealthReporter, HealthStatus};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use crate::PostgresDatabase;

/// Short beside the five seconds in which a service knows that its database is back.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// 14, as the server writes it.
const VERSION_MIN: i32 = 140_000;

/// The check `database`: whether the server answers, and is new enough.
pub struct PostgresHealth {
    database: PostgresDatabase,
    condition: Condition,
}

impl PostgresHealth {
    /// About a server of which nothing is known yet.
    #[must_use]
    pub fn new(database: PostgresDatabase, clock: Arc<dyn Clock>) -> Self {
        let reason = format!("{} has not answered yet", database.place());
        Self {
            database,
            condition: Condition::new("database", HealthStatus::Unhealthy, reason, clock),
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
        let ask = async |connection: &mut PgConnection| -> Result<i32, sqlx::Error> {
            let version = "SELECT current_setting('server_version_num')::int";
            sqlx::query_scalar(version).fetch_one(connection).await
        };
        let place = self.database.place();
        match self.database.call(ask).await {
            Ok(version) if version < VERSION_MIN => {
                let major = version / 10_000;
                let reason = format!("{place} is PostgreSQL {major}: 14 or later is needed");
                (HealthStatus::Unhealthy, reason)
            }
            Ok(_) => (HealthStatus::Healthy, format!("{place} answers")),
            Err(error) => (HealthStatus::Unhealthy, error.to_string()),
        }
    }
}

impl HealthReporter for PostgresHealth {
    fn checks(&self) -> Vec<HealthCheck> {
        vec![self.condition.check()]
    }
}
