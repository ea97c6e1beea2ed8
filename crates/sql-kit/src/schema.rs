//! The tables of a database, and how they came to be.

use std::path::Path;

use sqlx::{SqliteConnection, SqlitePool};

use crate::OpenError;

/// A schema as the steps that lead to it: the first makes the first version out
/// of nothing, each other one the next version out of the one before.
///
/// A step that was ever released is never changed: it is not run again.
#[derive(Debug, Clone, Copy)]
pub struct Schema(pub &'static [&'static str]);

/// Where a database keeps which steps it has gone.
const STEPS_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_steps (\
    version INTEGER PRIMARY KEY, \
    taken_at TEXT NOT NULL DEFAULT (datetime('now'))) STRICT";

impl Schema {
    /// The version that this program knows.
    #[must_use]
    pub fn version(&self) -> u32 {
        u32::try_from(self.0.len()).expect("a schema has few steps")
    }

    /// Takes the steps that are missing, all or none of them. Whoever opens the
    /// file at the same time waits, and then finds them taken.
    pub(crate) async fn migrate(&self, pool: &SqlitePool, path: &Path) -> Result<(), OpenError> {
        let failed = |error| OpenError::new(path, &error);
        // The lock for writing from the start: two that read the same version
        // would otherwise both take the step.
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        sqlx::raw_sql(STEPS_TABLE)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        let found = found(&mut transaction).await.map_err(failed)?;
        refuse_newer(found, self.version(), path)?;
        for (version, step) in (1..).zip(self.0).skip(found as usize) {
            sqlx::raw_sql(*step)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
            sqlx::query("INSERT INTO schema_steps (version) VALUES ($1)")
                .bind(version)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
            tracing::info!(
                path = %path.display(),
                schema.version = version,
                "took a step of the schema"
            );
        }
        transaction.commit().await.map_err(failed)
    }
}

/// Whether a file that is only read has the version of its schema that is needed.
pub(crate) async fn check(needed: u32, pool: &SqlitePool, path: &Path) -> Result<(), OpenError> {
    let failed = |error| OpenError::new(path, &error);
    let mut connection = pool.acquire().await.map_err(failed)?;
    let table = "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_steps'";
    let tables: u32 = sqlx::query_scalar(table)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    let found = match tables {
        0 => 0,
        _ => found(&mut connection).await.map_err(failed)?,
    };
    refuse_newer(found, needed, path)?;
    if found < needed {
        return Err(OpenError::Older {
            path: path.to_owned(),
            found,
            known: needed,
        });
    }
    Ok(())
}

fn refuse_newer(found: u32, known: u32, path: &Path) -> Result<(), OpenError> {
    if found > known {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    Ok(())
}

async fn found(connection: &mut SqliteConnection) -> Result<u32, sqlx::Error> {
    let highest = "SELECT coalesce(max(version), 0) FROM schema_steps";
    sqlx::query_scalar(highest).fetch_one(connection).await
}
