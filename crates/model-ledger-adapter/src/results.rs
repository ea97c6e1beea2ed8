//! Results beside the ledger.

use async_trait::async_trait;
use model_application::{
    PatchResult,
    ports::{LedgerError, ResultStore, RunId},
};
use sqlx::Row as _;

use crate::{SqliteLedger, rows, written};

/// So many results of a patch are kept.
const KEPT_MAX: i64 = 2;

const KEEP: &str = "\
    INSERT INTO results (run, patch, result) VALUES ($1, $2, $3) \
    ON CONFLICT (run, patch) DO UPDATE SET result = excluded.result";
const FORGET: &str = "\
    DELETE FROM results WHERE patch = $1 AND run IS NOT $3 AND run NOT IN \
        (SELECT run FROM results WHERE patch = $1 ORDER BY run DESC LIMIT $2)";
const OF_RUN: &str = "SELECT result FROM results WHERE run = $1 ORDER BY patch";
/// A result is megabytes, and SQLite would keep what it has seen of it for the next one, hours later.
const LET_GO: &str = "PRAGMA shrink_memory";
const ALL: &str = "SELECT run, patch FROM results ORDER BY run DESC, patch";

#[async_trait]
impl ResultStore for SqliteLedger {
    async fn keep(
        &self,
        result: &PatchResult,
        published: Option<RunId>,
    ) -> Result<(), LedgerError> {
        let bytes = written::encode(result);
        let kept = async {
            let mut change = self.change().await?;
            let keep = sqlx::query(KEEP)
                .bind(result.run.to_string())
                .bind(&*result.patch)
                .bind(bytes);
            keep.execute(&mut *change).await?;
            let published = published.map(|run| run.to_string());
            let forget = sqlx::query(FORGET).bind(&*result.patch).bind(KEPT_MAX);
            let forget = forget.bind(published);
            forget.execute(&mut *change).await?;
            change.commit().await?;
            sqlx::query(LET_GO).execute(self.writer()).await?;
            Ok(())
        };
        kept.await.map_err(|error| self.unavailable(&error))
    }

    async fn results_of(&self, run: RunId) -> Result<Vec<PatchResult>, LedgerError> {
        let read = async {
            let mut reading = self.file.readers().begin().await?;
            let rows = sqlx::query(OF_RUN).bind(run.to_string());
            let rows = rows.fetch_all(&mut *reading).await?;
            let bytes = rows.iter().map(|row| row.try_get::<Vec<u8>, _>("result"));
            let bytes = bytes.collect::<Result<Vec<_>, _>>()?;
            sqlx::query(LET_GO).execute(&mut *reading).await?;
            Ok(bytes)
        };
        let read: Result<Vec<Vec<u8>>, sqlx::Error> = read.await;
        let read = read.map_err(|error| self.unavailable(&error))?;
        // What an earlier program has kept in another way is not there any more.
        Ok(read
            .iter()
            .filter_map(|bytes| written::decode(bytes))
            .collect())
    }

    async fn kept(&self) -> Result<Vec<(RunId, String)>, LedgerError> {
        let read = async {
            let mut reading = self.file.readers().begin().await?;
            let mut kept = Vec::new();
            for row in sqlx::query(ALL).fetch_all(&mut *reading).await? {
                kept.push((rows::run_id(row.try_get("run")?)?, row.try_get("patch")?));
            }
            Ok(kept)
        };
        let read: Result<_, sqlx::Error> = read.await;
        read.map_err(|error| self.unavailable(&error))
    }
}
