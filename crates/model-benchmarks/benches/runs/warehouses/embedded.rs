//! The warehouse in a SQLite file.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use contracts::warehouse::{Relation, SideCode};
use domain::{Day, HeroId, Team};
use etl_sqlite_adapter::SqliteWarehouse;
use health_kit::SystemClock;
use sqlx::{
    AssertSqlSafe, Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::rows::{Dialect, listed, of_day};
use crate::world::Season;

/// A file, filled.
pub(crate) struct Embedded {
    folder: PathBuf,
}

struct Numbers;

impl Dialect for Numbers {
    fn day(day: Day) -> String {
        day.days_since_epoch().to_string()
    }

    fn relation(relation: Relation) -> String {
        relation.code().to_string()
    }

    fn side(side: SideCode) -> String {
        side.code().to_string()
    }

    fn heroes(heroes: &[Option<HeroId>; Team::SLOTS]) -> String {
        format!("'[{}]'", listed(heroes))
    }

    fn counts(counts: &[(&str, u64)]) -> String {
        let each = counts
            .iter()
            .map(|(word, count)| format!("\"{word}\":{count}"));
        format!("'{{{}}}'", each.collect::<Vec<_>>().join(","))
    }

    const ITEMS: &'static str = "'[]'";
}

impl Embedded {
    /// Fills a file in that folder, unless it is filled already.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) async fn fill(season: &Season, folder: &Path) -> Result<Self> {
        let filled = Self {
            folder: folder.to_owned(),
        };
        let file = filled.file();
        if tokio::fs::try_exists(&file).await? {
            return Ok(filled);
        }
        // It has its name when it is whole.
        let unfinished = folder.join("unfinished.db");
        for left in ["", "-wal", "-shm"] {
            let left = folder.join(format!("unfinished.db{left}"));
            if tokio::fs::try_exists(&left).await? {
                tokio::fs::remove_file(&left).await?;
            }
        }
        let warehouse = SqliteWarehouse::open(&unfinished, Arc::new(SystemClock)).await?;
        warehouse.close().await;
        let options = SqliteConnectOptions::new()
            .filename(&unfinished)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Off);
        let mut writer = SqliteConnection::connect_with(&options).await?;
        for day in season.days() {
            let counted = season.count(day);
            let mut change = writer.begin().await?;
            for rows in of_day::<Numbers>(season, &counted) {
                for part in rows.parts {
                    let (table, columns) = (rows.table, rows.columns);
                    let insert = format!("INSERT INTO {table} ({columns}) VALUES {part}");
                    let inserted = sqlx::raw_sql(AssertSqlSafe(insert))
                        .execute(&mut *change)
                        .await;
                    inserted.with_context(|| format!("{table} of {day}"))?;
                }
            }
            change.commit().await?;
        }
        sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut writer)
            .await?;
        writer.close().await?;
        tokio::fs::rename(unfinished, file).await?;
        Ok(filled)
    }

    /// Where it is.
    #[must_use]
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("dota.db")
    }

    /// What the service is told of it.
    #[must_use]
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        vec![("WAREHOUSE_DIR", self.folder.display().to_string())]
    }
}
