//! The ledger in its file.

use std::path::Path;

use async_trait::async_trait;
use domain::Timestamp;
use model_application::ports::{Entered, LedgerError, Run, RunId, RunLedger, RunState};
use sql_kit::{Fault, OpenError, Schema, SqliteFile};
use sqlx::{Row as _, Sqlite, SqlitePool, Transaction};

use crate::rows;

const SCHEMA: Schema = Schema(&[include_str!("tables.sql"), include_str!("kept.sql")]);

const ONE: &str = "SELECT * FROM runs WHERE id = $1";
const NEWEST: &str = "SELECT * FROM runs ORDER BY id DESC LIMIT $1";
const OF_STATE: &str = "SELECT * FROM runs WHERE state = $2 ORDER BY id DESC LIMIT $1";
const UNFINISHED: &str = "SELECT id FROM runs WHERE state IN ('queued', 'running') ORDER BY id";
const FORGET: &str = "\
    DELETE FROM runs WHERE id NOT IN (SELECT id FROM runs ORDER BY id DESC LIMIT $1)";
const INTERRUPT: &str = "UPDATE runs SET state = $2, ended_at = $3 WHERE id = $1";

/// The runs in a file, of which it keeps the newest.
pub struct SqliteLedger {
    pub(crate) file: SqliteFile,
    keep: usize,
}

impl SqliteLedger {
    /// Opens the file, and makes it if it is not there; it keeps so many runs.
    ///
    /// # Errors
    /// [`OpenError`]; a file of a newer program is left as it is.
    pub async fn open(path: &Path, keep: usize) -> Result<Self, OpenError> {
        let file = SqliteFile::open(path, SCHEMA).await?;
        Ok(Self { file, keep })
    }

    /// Closes it; waits for whoever uses it.
    pub async fn close(&self) {
        self.file.close().await;
    }

    /// A change, alone from its first look on: another process may have the file too.
    pub(crate) async fn change(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        self.writer().begin_with("BEGIN IMMEDIATE").await
    }

    pub(crate) fn writer(&self) -> &SqlitePool {
        self.file.writer().expect("it was opened for writing")
    }

    async fn find(
        &self,
        count_max: usize,
        state: Option<RunState>,
    ) -> Result<Vec<Run>, sqlx::Error> {
        let count_max = i64::try_from(count_max).unwrap_or(i64::MAX);
        // Runs and their steps of one moment.
        let mut reading = self.file.readers().begin().await?;
        let found = match state {
            None => sqlx::query(NEWEST).bind(count_max),
            Some(state) => sqlx::query(OF_STATE).bind(count_max).bind(state.as_str()),
        };
        let mut runs = Vec::new();
        for row in found.fetch_all(&mut *reading).await? {
            runs.push(rows::read(&mut reading, &row).await?);
        }
        Ok(runs)
    }

    pub(crate) fn unavailable(&self, error: &sqlx::Error) -> LedgerError {
        LedgerError::Unavailable {
            detail: format!("{}: {error}", self.file.path().display()),
            cause: Fault::of(error).cause(),
        }
    }
}

#[async_trait]
impl RunLedger for SqliteLedger {
    async fn enter(&self, run: &Run) -> Result<Entered, LedgerError> {
        let entered = async {
            let mut change = self.change().await?;
            let known = sqlx::query(ONE).bind(run.id.to_string());
            if known.fetch_optional(&mut *change).await?.is_some() {
                return Ok(Entered::Yes);
            }
            let other = sqlx::query(UNFINISHED).fetch_optional(&mut *change).await?;
            if let Some(other) = other {
                let other = rows::run_id(other.try_get("id")?)?;
                return Ok(Entered::InProgress(other));
            }
            rows::write(&mut change, run).await?;
            let forget = sqlx::query(FORGET).bind(i64::try_from(self.keep).unwrap_or(i64::MAX));
            forget.execute(&mut *change).await?;
            change.commit().await?;
            Ok(Entered::Yes)
        };
        entered.await.map_err(|error| self.unavailable(&error))
    }

    async fn set_down(&self, run: &Run) -> Result<(), LedgerError> {
        let set_down = async {
            let mut change = self.change().await?;
            let known = sqlx::query(ONE).bind(run.id.to_string());
            let Some(known) = known.fetch_optional(&mut *change).await? else {
                return Ok(Err(LedgerError::NoSuchRun(run.id)));
            };
            let from = rows::state(&known)?;
            if !from.may_become(run.state) {
                return Ok(Err(LedgerError::NoWayBack {
                    id: run.id,
                    from,
                    to: run.state,
                }));
            }
            rows::write(&mut change, run).await?;
            change.commit().await?;
            Ok(Ok(()))
        };
        set_down.await.map_err(|error| self.unavailable(&error))?
    }

    async fn run(&self, id: RunId) -> Result<Option<Run>, LedgerError> {
        let read = async {
            let mut reading = self.file.readers().begin().await?;
            let one = sqlx::query(ONE).bind(id.to_string());
            match one.fetch_optional(&mut *reading).await? {
                Some(row) => rows::read(&mut reading, &row).await.map(Some),
                None => Ok(None),
            }
        };
        read.await.map_err(|error| self.unavailable(&error))
    }

    async fn runs(
        &self,
        count_max: usize,
        state: Option<RunState>,
    ) -> Result<Vec<Run>, LedgerError> {
        let found = self.find(count_max, state).await;
        found.map_err(|error| self.unavailable(&error))
    }

    async fn interrupt_unfinished(&self, at: Timestamp) -> Result<Vec<RunId>, LedgerError> {
        let interrupted = async {
            let mut change = self.change().await?;
            let mut interrupted = Vec::new();
            for row in sqlx::query(UNFINISHED).fetch_all(&mut *change).await? {
                let id: String = row.try_get("id")?;
                let ended = sqlx::query(INTERRUPT)
                    .bind(&id)
                    .bind(RunState::Interrupted.as_str())
                    .bind(at.as_unix_ms());
                ended.execute(&mut *change).await?;
                interrupted.push(rows::run_id(&id)?);
            }
            change.commit().await?;
            Ok(interrupted)
        };
        let interrupted: Result<_, sqlx::Error> = interrupted.await;
        interrupted.map_err(|error| self.unavailable(&error))
    }
}
