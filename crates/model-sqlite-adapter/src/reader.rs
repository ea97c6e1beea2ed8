//! The file, opened when it is needed and there.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use contracts::warehouse::SCHEMA_VERSION;
use health_kit::Clock;
use model_application::ports::ReadError;
use sql_kit::{OpenError, SqliteFile};
use sqlx::{Sqlite, Transaction};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::error::not_opened;

/// How long somebody waits for a look at a few rows.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long days of counters, or of matches, are read. Whoever writes cannot
/// shorten its log as long.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_mins(5);

/// Reads the warehouse in a SQLite file.
pub struct SqliteReader {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    open: Mutex<Option<Open>>,
}

/// A file, and which one it was: another may have taken its place.
struct Open {
    file: SqliteFile,
    identity: (u64, u64),
}

impl SqliteReader {
    /// Reads the file at a path, whenever there is one. A file has no clock, so
    /// its time is that of `clock`.
    #[must_use]
    pub fn new(path: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self {
            path,
            clock,
            open: Mutex::new(None),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Closes the file if it is open; waits for what is under way.
    pub async fn close(&self) {
        if let Some(open) = self.open.lock().await.take() {
            open.file.close().await;
        }
    }

    /// What is read in it is of one moment.
    pub(crate) async fn snapshot(&self) -> Result<Transaction<'static, Sqlite>, ReadError> {
        let file = self.file().await?;
        let begun = file.readers().begin().await;
        begun.map_err(|error| self.not_read(&error))
    }

    /// Gives up what takes longer than `limit`.
    pub(crate) async fn within<T>(
        &self,
        limit: Duration,
        asked: impl Future<Output = Result<T, ReadError>>,
    ) -> Result<T, ReadError> {
        match timeout(limit, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(self.too_slow(limit)),
        }
    }

    async fn file(&self) -> Result<SqliteFile, ReadError> {
        let mut open = self.open.lock().await;
        let there = tokio::fs::metadata(&self.path).await;
        let identity = there.map(|file| (file.dev(), file.ino())).ok();
        if let (Some(known), Some(identity)) = (&*open, identity)
            && known.identity == identity
        {
            return Ok(known.file.clone());
        }
        if let Some(gone) = open.take() {
            gone.file.close().await;
        }
        let missing = || not_opened(&OpenError::Missing(self.path.clone()));
        let identity = identity.ok_or_else(missing)?;
        let file = SqliteFile::open_read_only(&self.path, SCHEMA_VERSION).await;
        let file = file.map_err(|error| not_opened(&error))?;
        *open = Some(Open {
            file: file.clone(),
            identity,
        });
        Ok(file)
    }
}
