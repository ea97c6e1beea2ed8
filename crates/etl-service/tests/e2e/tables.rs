//! The tables of a warehouse, read in the plainest way there is.

use std::path::Path;

use anyhow::{Context as _, Result};
use clickhouse_test_kit::ClickHouse;
use contracts::warehouse::TableRow;
use serde::de::DeserializeOwned;
use sqlx::{
    AssertSqlSafe,
    sqlite::{SqliteConnectOptions, SqlitePool},
};

/// Where they are.
pub(crate) enum Tables<'a> {
    /// On a server.
    Server {
        engine: &'a ClickHouse,
        database: &'a str,
    },
    /// In a file.
    File(SqlitePool),
}

impl Tables<'_> {
    /// Those of an embedded warehouse, over a connection that owes nothing to the service.
    pub(crate) async fn of_file(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        Ok(Self::File(SqlitePool::connect_with(options).await?))
    }

    /// The rows for which a condition holds, as the service reads them. Which build of a day
    /// counters are of is no matter: it reads as 0.
    pub(crate) async fn rows<R: TableRow + DeserializeOwned>(
        &self,
        condition: &str,
    ) -> Result<Vec<R>> {
        let lines: Vec<String> = match self {
            Self::Server { engine, database } => {
                let columns: Vec<_> = R::COLUMNS.iter().map(|name| server_column(name)).collect();
                // Counters have no rows that count and rows that do not.
                let is_replacing = !R::TABLE.ends_with("_days");
                let statement = format!(
                    "SELECT {} FROM {database}.{}{} WHERE {condition}",
                    columns.join(", "),
                    R::TABLE,
                    if is_replacing { " FINAL" } else { "" },
                );
                let text = json_lines(engine, &statement).await?;
                text.lines().map(str::to_owned).collect()
            }
            Self::File(pool) => {
                let columns: Vec<_> = R::COLUMNS.iter().map(|name| file_column(name)).collect();
                let statement = format!(
                    "SELECT json_object({}) FROM {} WHERE {condition}",
                    columns.join(", "),
                    R::TABLE
                );
                sqlx::query_scalar(AssertSqlSafe(statement))
                    .fetch_all(pool)
                    .await?
            }
        };
        let rows = lines.iter().map(|line| serde_json::from_str(line));
        rows.collect::<Result<_, _>>()
            .with_context(|| format!("reading {}", R::TABLE))
    }

    /// How many rows there are for which a condition holds.
    pub(crate) async fn count(&self, table: &str, condition: &str) -> Result<u64> {
        match self {
            Self::Server { engine, database } => {
                let statement =
                    format!("SELECT count() FROM {database}.{table} FINAL WHERE {condition}");
                Ok(engine.execute(&statement).await?.trim().parse()?)
            }
            Self::File(pool) => {
                let statement = format!("SELECT count(*) FROM {table} WHERE {condition}");
                let count = sqlx::query_scalar(AssertSqlSafe(statement));
                Ok(count.fetch_one(pool).await?)
            }
        }
    }
}

/// What a server answers, a row a line.
pub(crate) async fn json_lines(engine: &ClickHouse, statement: &str) -> Result<String> {
    let json = "FORMAT JSONEachRow SETTINGS output_format_json_quote_64bit_integers = 0";
    engine.execute(&format!("{statement} {json}")).await
}

/// A column as the number that its row has.
fn server_column(name: &str) -> String {
    let of = match name {
        "start_time" => "toUnixTimestamp(start_time)",
        "day" => "toUInt16(day)",
        "won" => "toInt8(won)",
        "side" => "toInt8(side)",
        "relation" => "toInt8(relation)",
        "build" => "0",
        _ => return name.to_owned(),
    };
    format!("{of} AS {name}")
}

/// The name of a column and its value.
fn file_column(name: &str) -> String {
    let value = match name {
        "radiant_win" => "json(iif(radiant_win, 'true', 'false'))".to_owned(),
        "radiant" | "dire" | "items" => format!("json({name})"),
        "build" => "0".to_owned(),
        _ => name.to_owned(),
    };
    format!("'{name}', {value}")
}
