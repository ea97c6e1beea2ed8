//! The file, open.

use std::path::Path;
use std::sync::Arc;

use health_kit::Clock;
use sql_kit::{OpenError, Schema, SqliteFile};
use sqlx::sqlite::Sqlite;
use sqlx::{SqlitePool, Transaction};

/// The steps of the schema; their number is the version that readers need.
pub(crate) const SCHEMA: Schema = Schema(&[include_str!("tables.sql"), include_str!("calls.sql")]);

/// The warehouse in a SQLite file.
pub struct SqliteWarehouse {
    file: SqliteFile,
    clock: Arc<dyn Clock>,
}

impl SqliteWarehouse {
    /// Opens the file, makes it and its tables if they are not there. Times are
    /// those of the clock; marks never go back, whatever it says.
    ///
    /// # Errors
    /// [`OpenError`], which says what helps.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Ok(Self {
            file: SqliteFile::open(path, SCHEMA).await?,
            clock,
        })
    }

    /// Closes the file; waits for what is under way.
    pub async fn close(&self) {
        self.file.close().await;
    }

    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        self.file.readers()
    }

    /// What is read in it is of one moment.
    pub(crate) async fn snapshot(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        self.file.readers().begin().await
    }

    /// A transaction that holds the lock for writing from its start: it never
    /// finds in its middle that another process was faster.
    pub(crate) async fn change(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        let writer = self.file.writer();
        let writer = writer.expect("the file was opened for writing");
        writer.begin_with("BEGIN IMMEDIATE").await
    }
}
