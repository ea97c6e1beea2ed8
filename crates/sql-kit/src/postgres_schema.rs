//! The tables of a PostgreSQL database, and how they came to be.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use thiserror::Error;

use crate::{CallError, Migrate, PostgresDatabase, Schema};

/// How long all missing steps together may take, with the wait for whoever takes them at the same time.
const STEPS_TIME_MAX: Duration = Duration::from_mins(5);
/// In a database that several services share, each has its own lock and its own schema.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1, 7465331))";

/// The tables of one owner, in a schema of their own.
#[derive(Debug, Clone, Copy)]
pub struct PostgresSchema {
    /// What the schema is called: small letters and underscores.
    pub name: &'static str,
    /// The steps that lead to it. They name their tables with the schema.
    pub steps: Schema,
}

/// Why tables are not as this program needs them.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// A newer program has changed them. Nothing was touched.
    #[error("{name} has version {found} and this program knows {known}: use the newer program")]
    Newer {
        /// The schema.
        name: &'static str,
        /// Its version.
        found: u32,
        /// The version that this program knows.
        known: u32,
    },
    /// They are older, and the settings leave it to others to change them.
    #[error(
        "{name} has version {found} and {known} is needed: run `migrate`, or set DATABASE_MIGRATE=auto"
    )]
    Older {
        /// The schema.
        name: &'static str,
        /// Its version.
        found: u32,
        /// The version that is needed.
        known: u32,
    },
    /// The database could not be asked, or refused a step; all is as before.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl PostgresDatabase {
    /// Brings tables up to date, all missing steps or none; whoever does it at the same time waits, and then
    /// finds it done. With [`Migrate::Refuse`] it only looks.
    ///
    /// # Errors
    /// [`MigrateError`].
    pub async fn migrate(&self, schema: PostgresSchema, how: Migrate) -> Result<(), MigrateError> {
        let known = schema.steps.version();
        let name = schema.name;
        let found = match how {
            Migrate::Refuse => {
                self.call(async |connection| found(connection, name).await)
                    .await?
            }
            Migrate::Auto => {
                let steps =
                    async |connection: &mut PgConnection| schema.take_steps(connection).await;
                self.call_within(STEPS_TIME_MAX, steps).await?
            }
        };
        match found.cmp(&known) {
            std::cmp::Ordering::Greater => Err(MigrateError::Newer { name, found, known }),
            std::cmp::Ordering::Less => Err(MigrateError::Older { name, found, known }),
            std::cmp::Ordering::Equal => Ok(()),
        }
    }
}

impl PostgresSchema {
    /// Takes the steps that are missing; the version that is there afterwards.
    async fn take_steps(&self, connection: &mut PgConnection) -> Result<u32, sqlx::Error> {
        let Self { name, steps } = *self;
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        assert!(
            name.bytes().all(is_name),
            "{name} is a name that needs no quotes"
        );
        let mut transaction = connection.begin().await?;
        sqlx::raw_sql("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
            .execute(&mut *transaction)
            .await?;
        sqlx::query(LOCK)
            .bind(name)
            .execute(&mut *transaction)
            .await?;
        let before = found(&mut transaction, name).await?;
        if before >= steps.version() {
            return Ok(before);
        }
        let table = format!(
            "CREATE SCHEMA IF NOT EXISTS {name}; CREATE TABLE IF NOT EXISTS {name}.schema_steps (\
             version integer PRIMARY KEY, taken_at timestamptz NOT NULL DEFAULT now())"
        );
        sqlx::raw_sql(AssertSqlSafe(table))
            .execute(&mut *transaction)
            .await?;
        for (version, step) in (1..).zip(steps.0).skip(before as usize) {
            sqlx::raw_sql(*step).execute(&mut *transaction).await?;
            let taken = format!("INSERT INTO {name}.schema_steps (version) VALUES ($1)");
            let taken = sqlx::query(AssertSqlSafe(taken)).bind(version);
            taken.execute(&mut *transaction).await?;
            tracing::info!(
                schema.name = name,
                schema.version = version,
                "took a step of the schema"
            );
        }
        transaction.commit().await?;
        Ok(steps.version())
    }
}

/// The version of a schema; 0 if it is not there.
async fn found(connection: &mut PgConnection, name: &'static str) -> Result<u32, sqlx::Error> {
    let exists = "SELECT to_regclass($1) IS NOT NULL";
    let table = format!("{name}.schema_steps");
    let exists: bool = sqlx::query_scalar(exists)
        .bind(&table)
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(0);
    }
    let highest = format!("SELECT coalesce(max(version), 0) FROM {table}");
    let highest: i32 = sqlx::query_scalar(AssertSqlSafe(highest))
        .fetch_one(connection)
        .await?;
    Ok(u32::try_from(highest).unwrap_or(0))
}
