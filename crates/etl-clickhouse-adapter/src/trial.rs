//! Tries what the service needs of the server, for whoever wants to know why it
//! does not work. Leaves no row behind.

use clickhouse::Row;
use etl_application::ports::WarehouseError;
use health_kit::Clock;
use serde::Deserialize;

use crate::ClickHouseWarehouse;

/// The tables that rows are inserted into; those of counters get theirs by
/// whole partitions, from stages.
const INSERTED: [&str; 10] = [
    "day_builds",
    "detail_wishes",
    "dirty_days",
    "hero_days",
    "match_players",
    "match_ranks",
    "match_sources",
    "matches",
    "pair_days",
    "player_matches",
];

/// A disk of the server.
#[derive(Debug, Clone, PartialEq, Eq, Row, Deserialize)]
pub struct Disk {
    /// Its name there.
    pub name: String,
    /// Bytes that are free.
    pub free: u64,
    /// Bytes in all.
    pub size: u64,
}

impl ClickHouseWarehouse {
    /// The version of the server, asked where every server answers: our
    /// database may not be there yet.
    ///
    /// # Errors
    /// It does not answer, or does not know this user.
    pub async fn server_version(&self) -> Result<String, WarehouseError> {
        let asked = self.outside().query("SELECT version()");
        self.answer(asked.fetch_one()).await
    }

    /// Inserts no row into each table that the service writes: the server looks
    /// at the rights first. How many tables that are.
    ///
    /// # Errors
    /// One of them may not be written; the server says which.
    pub async fn try_inserts(&self) -> Result<usize, WarehouseError> {
        for table in INSERTED {
            let nothing = format!("INSERT INTO {table} SELECT * FROM {table} LIMIT 0");
            let limit = self.query_timeout();
            let tried = self.limited(&nothing, limit).execute();
            self.answer(tried).await?;
        }
        Ok(INSERTED.len())
    }

    /// The disks of the server, at most a hundred.
    ///
    /// # Errors
    /// It does not tell.
    pub async fn disks(&self) -> Result<Vec<Disk>, WarehouseError> {
        let disks = "SELECT name, free_space AS free, total_space AS size FROM system.disks ORDER BY name LIMIT 100";
        self.answer(self.outside().query(disks).fetch_all()).await
    }

    /// By how many milliseconds the server's clock is ahead of `clock`, as if
    /// its answer were from the middle of the time that it took.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn clock_ahead_ms(&self, clock: &dyn Clock) -> Result<i64, WarehouseError> {
        let asked = self.outside();
        let asked = asked.query("SELECT toUnixTimestamp64Milli(now64(3))");
        let before = clock.now().as_unix_ms();
        let there: i64 = self.answer(asked.fetch_one()).await?;
        let after = clock.now().as_unix_ms();
        Ok(there - (before + (after - before) / 2))
    }
}
