//! How the server is, in words that say what to do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use health_kit::{Clock, Condition, HealthCheck, HealthReporter, HealthStatus};
use tokio::sync::SetOnce;
use tokio_util::sync::CancellationToken;

use crate::{Migrate, MigrateError, PostgresDatabase, PostgresSchema};

/// Short beside the five seconds in which a service knows that its database is back.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// 14, as the server writes it.
const VERSION_MIN: i32 = 140_000;

/// The check `database`: whether the server answers and is new enough, and whether the tables are as this program
/// needs them, which [it sees to](Self::with_tables).
pub struct PostgresHealth {
    database: PostgresDatabase,
    tables: Option<Tables>,
    condition: Condition,
}

/// Tables that are looked after.
struct Tables {
    schema: PostgresSchema,
    how: Migrate,
    /// Whether they were once as they should be, in this process.
    are_ready: AtomicBool,
    /// The version of tables that are too new from the beginning.
    newer: SetOnce<u32>,
}

impl PostgresHealth {
    /// About a server of which nothing is known yet.
    #[must_use]
    pub fn new(database: PostgresDatabase, clock: Arc<dyn Clock>) -> Self {
        let reason = format!("{} has not answered yet", database.place());
        Self {
            database,
            tables: None,
            condition: Condition::new("database", HealthStatus::Unhealthy, reason, clock),
        }
    }

    /// The same, which brings these tables up to date as soon as the server is there, or waits until somebody else has
    /// done it.
    ///
    /// Tables that a newer program changes later, while this one runs, are left to be what they are: steps only add.
    #[must_use]
    pub fn with_tables(mut self, schema: PostgresSchema, how: Migrate) -> Self {
        self.tables = Some(Tables {
            schema,
            how,
            are_ready: AtomicBool::new(false),
            newer: SetOnce::new(),
        });
        self
    }

    /// Looks every two seconds, until `end`.
    ///
    /// # Errors
    /// [`MigrateError::Newer`]: the tables are those of a newer program, and nothing was touched.
    pub async fn watch(&self, end: CancellationToken) -> Result<(), MigrateError> {
        let judge = || self.judge();
        tokio::select! {
            () = self.condition.watch(LOOK_EVERY, end, judge) => Ok(()),
            error = self.newer() => Err(error),
        }
    }

    /// Why this program must end: the tables are those of a newer one.
    #[must_use]
    pub fn in_the_way(&self) -> Option<&'static str> {
        let newer = self.tables.as_ref()?.newer.get();
        newer.map(|_| "the tables are those of a newer program: use that one")
    }

    /// Looks once.
    pub async fn look(&self) {
        let (status, reason) = self.judge().await;
        self.condition.set_and_log(status, reason);
    }

    async fn newer(&self) -> MigrateError {
        let Some(tables) = &self.tables else {
            return std::future::pending().await;
        };
        MigrateError::Newer {
            name: tables.schema.name,
            found: *tables.newer.wait().await,
            known: tables.schema.steps.version(),
        }
    }

    async fn judge(&self) -> (HealthStatus, String) {
        let server = self.server().await;
        let whole = match (&self.tables, server) {
            (Some(tables), Ok(found)) => tables.prepare(&self.database).await.map(|()| found),
            (_, server) => server,
        };
        match whole {
            Ok(reason) => (HealthStatus::Healthy, reason),
            Err(reason) => (HealthStatus::Unhealthy, reason),
        }
    }

    async fn server(&self) -> Result<String, String> {
        let version = self.database.server_version().await;
        let place = self.database.place();
        judge_version(version.map_err(|error| error.to_string())?)?;
        Ok(format!("{place} answers"))
    }
}

impl Tables {
    async fn prepare(&self, database: &PostgresDatabase) -> Result<(), String> {
        if self.are_ready.load(Ordering::Relaxed) {
            match database.migrate(self.schema, Migrate::Refuse).await {
                Ok(()) | Err(MigrateError::Newer { .. }) => return Ok(()),
                // Somebody has put an older copy in its place, or an empty one.
                Err(MigrateError::Older { .. }) => self.are_ready.store(false, Ordering::Relaxed),
                Err(error @ MigrateError::Call(_)) => return Err(error.to_string()),
            }
        }
        let migrated = database.migrate(self.schema, self.how).await;
        if let Err(MigrateError::Newer { found, .. }) = migrated {
            // It stays the first one that was found.
            let _ = self.newer.set(found);
        }
        migrated.map_err(|error| error.to_string())?;
        self.are_ready.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// The version, as people write it.
pub(crate) fn judge_version(version: i32) -> Result<i32, String> {
    let major = version / 10_000;
    if version < VERSION_MIN {
        return Err(format!("it is PostgreSQL {major}: 14 or later is needed"));
    }
    Ok(major)
}

impl HealthReporter for PostgresHealth {
    fn checks(&self) -> Vec<HealthCheck> {
        vec![self.condition.check()]
    }
}
