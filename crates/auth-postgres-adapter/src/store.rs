//! The database, and what its errors mean here.

use auth_application::ports::StoreError;
use sql_kit::{CallError, PostgresDatabase};
use sqlx::PgConnection;

pub(crate) type Sql<T> = Result<T, sqlx::Error>;

/// All of auth's stores, in a database whose tables are as this program needs them.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    database: PostgresDatabase,
}

impl PostgresStore {
    /// Those in this database.
    #[must_use]
    pub const fn new(database: PostgresDatabase) -> Self {
        Self { database }
    }

    pub(crate) async fn call<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Sql<T>,
    ) -> Result<T, StoreError> {
        let called = self.database.call(work).await;
        called.map_err(|error| store_error(&error))
    }
}

fn store_error(error: &CallError) -> StoreError {
    let detail = error.to_string();
    if error.is_passing() {
        let cause = error.cause();
        StoreError::Unavailable { detail, cause }
    } else {
        StoreError::Unfit { detail }
    }
}
