//! A SQLite file, open.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::time::{Instant, sleep};

use crate::{Fault, OpenError, Schema, schema};

/// How long a statement waits for another process to finish writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long after an attempt to open a file that is locked the next one follows.
const BUSY_PAUSE: Duration = Duration::from_millis(10);
/// How long somebody waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// How many read at the same time; more wait.
const READERS_MAX: u32 = 4;

/// A SQLite file, open for this process. What is committed survives the loss of
/// the process and of the machine.
#[derive(Debug, Clone)]
pub struct SqliteFile {
    path: PathBuf,
    writer: Option<SqlitePool>,
    readers: SqlitePool,
}

impl SqliteFile {
    /// Opens a file for reading and writing, makes it and its folder if they are
    /// not there, and brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`]; a file whose schema is newer is left as it is.
    pub async fn open(path: &Path, schema: Schema) -> Result<Self, OpenError> {
        if let Some(folder) = path.parent() {
            let made = tokio::fs::create_dir_all(folder).await;
            made.map_err(|error| OpenError::NotWritable {
                path: path.to_owned(),
                detail: error.to_string(),
            })?;
        }
        let options = options(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let writer = connect_writer(options).await;
        let writer = writer.map_err(|error| OpenError::new(path, &error))?;
        schema.migrate(&writer, path).await?;
        Ok(Self {
            path: path.to_owned(),
            writer: Some(writer),
            readers: readers(path).await?,
        })
    }

    /// Opens a file for reading alone, also while another process writes it. Its
    /// schema must have just this version.
    ///
    /// # Errors
    /// [`OpenError`], also when the file is not there, or its schema is an older one.
    pub async fn open_read_only(path: &Path, version: u32) -> Result<Self, OpenError> {
        if !tokio::fs::try_exists(path).await.unwrap_or(false) {
            return Err(OpenError::Missing(path.to_owned()));
        }
        let readers = readers(path).await?;
        schema::check(version, &readers, path).await?;
        Ok(Self {
            path: path.to_owned(),
            writer: None,
            readers,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The connection that writes. There is one, so whoever has it is not
    /// disturbed; `None` if the file was opened for reading alone.
    #[must_use]
    pub fn writer(&self) -> Option<&SqlitePool> {
        self.writer.as_ref()
    }

    /// The connections that read. What one of them reads in a transaction is of one moment.
    #[must_use]
    pub fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// Closes it; waits for whoever has a connection.
    pub async fn close(&self) {
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        // Whole days are read by one statement: that it takes seconds is no news.
        .disable_statement_logging()
}

fn pool(connections_max: u32) -> SqlitePoolOptions {
    // A connection to a file does not wear out.
    SqlitePoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .max_lifetime(None)
        .idle_timeout(None)
        .test_before_acquire(false)
}

/// The connection that writes. Who turns a new file to WAL locks it whole, and for that lock SQLite does not
/// wait ([busy timeout](https://www.sqlite.org/c3ref/busy_timeout.html)): so that two that open a file at the
/// same time get along, it is waited for here.
async fn connect_writer(options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match pool(1).connect_with(options.clone()).await {
            Err(error) if Fault::of(&error) == Fault::Busy && Instant::now() < deadline => {
                sleep(BUSY_PAUSE).await;
            }
            connected => return connected,
        }
    }
}

async fn readers(path: &Path) -> Result<SqlitePool, OpenError> {
    let options = options(path).read_only(true);
    let readers = pool(READERS_MAX).connect_with(options).await;
    readers.map_err(|error| OpenError::new(path, &error))
}
