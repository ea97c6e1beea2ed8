//! Whether the tables are those of this program.

use std::collections::BTreeSet;

use async_trait::async_trait;
use clickhouse::error::Error;
use etl_application::ports::{SchemaFault, WarehouseError, WarehouseSchema};
use thiserror::Error as ThisError;
use warehouse_kit::code;

use crate::ClickHouseWarehouse;
use crate::error::MIGRATE;
use crate::statements::statements;

/// The version of the tables that this program makes and needs.
pub const SCHEMA_VERSION: u32 = 2;

/// Every table and view that has to be there.
const TABLES: [&str; 17] = [
    "backfills",
    "call_budgets",
    "day_builds",
    "detail_wishes",
    "dirty_days",
    "hero_days",
    "match_players",
    "match_positions",
    "match_ranks",
    "match_sources",
    "matches",
    "pair_days",
    "pairs",
    "patches",
    "player_matches",
    "position_days",
    "schema_versions",
];

/// Why the tables cannot be used, or were not made.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum SchemaError {
    /// Some are missing, or all.
    #[error("database {database} has no {tables}; {MIGRATE}")]
    Missing {
        /// Where.
        database: String,
        /// Which ones.
        tables: String,
    },
    /// They are of a program that is older than this one.
    #[error(
        "the tables of database {database} are of version {found}, this program needs {SCHEMA_VERSION}; {MIGRATE}"
    )]
    Older {
        /// Where.
        database: String,
        /// Their version.
        found: u32,
    },
    /// They are of a program that is newer than this one.
    #[error(
        "the tables of database {database} are of version {found}, this program knows {SCHEMA_VERSION}; run the newer program"
    )]
    Newer {
        /// Where.
        database: String,
        /// Their version.
        found: u32,
    },
    /// Nobody knows.
    #[error(transparent)]
    Unavailable(#[from] WarehouseError),
}

#[async_trait]
impl WarehouseSchema for ClickHouseWarehouse {
    async fn check(&self) -> Result<(), SchemaFault> {
        self.check_schema().await.map_err(|error| match error {
            SchemaError::Unavailable(error) => error.into(),
            unfit => SchemaFault::Unfit {
                detail: unfit.to_string(),
            },
        })
    }
}

impl ClickHouseWarehouse {
    /// Looks whether the tables are those that this program needs. Changes nothing.
    ///
    /// # Errors
    /// [`SchemaError`], which says what helps.
    pub async fn check_schema(&self) -> Result<(), SchemaError> {
        let there = "SELECT name FROM system.tables WHERE database = ? LIMIT 10000";
        let there = self.ask(there).bind(self.database());
        let there: Vec<String> = self.answer(there.fetch_all()).await?;
        let there: BTreeSet<_> = there.iter().map(String::as_str).collect();
        let missing: Vec<_> = TABLES
            .into_iter()
            .filter(|one| !there.contains(one))
            .collect();
        let database = self.database().to_owned();
        let found: u32 = if there.contains("schema_versions") {
            let version = self.ask("SELECT max(version) FROM schema_versions");
            self.answer(version.fetch_one()).await?
        } else {
            0
        };
        // What a newer program has done without is no reason to migrate back.
        if found > SCHEMA_VERSION {
            Err(SchemaError::Newer { database, found })
        } else if !missing.is_empty() {
            let tables = missing.join(", ");
            Err(SchemaError::Missing { database, tables })
        } else if found < SCHEMA_VERSION {
            Err(SchemaError::Older { database, found })
        } else {
            Ok(())
        }
    }

    /// Makes what is missing of the tables, and the database if it may. Changes
    /// nothing of what a newer program has made.
    ///
    /// # Errors
    /// [`SchemaError`]: the tables are newer, or the server refuses.
    pub async fn migrate(&self) -> Result<(), SchemaError> {
        let all = statements(self.database(), self.tables());
        let (database, tables) = all.split_first().expect("the first one makes the database");
        let made = self.outside().query(database).execute();
        match self.within(self.query_timeout(), made).await {
            // Somebody else has made it, or the next statement says that it is not there.
            Err(Error::BadResponse(text)) if code(&text) == Some(ACCESS_DENIED) => {}
            made => made.map_err(|error| self.not_read(&error))?,
        }
        match self.check_schema().await {
            Err(SchemaError::Missing { .. } | SchemaError::Older { .. }) => {}
            other => return other,
        }
        for statement in tables {
            let made = self.outside().query(statement).execute();
            self.within(self.query_timeout(), made)
                .await
                .map_err(|error| self.not_read(&error))?;
        }
        self.check_schema().await
    }
}

/// A right that the user lacks.
const ACCESS_DENIED: u32 = 497;
