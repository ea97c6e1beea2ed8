//! The engine as the official client meets it, and the liar before it.
//!
//! One binary, so that all tests but those that kill share one engine.

use anyhow::Result;
use clickhouse::{Client, Row};
use clickhouse_test_kit::{ClickHouse, shared_clickhouse};
use serde::{Deserialize, Serialize};

mod front;
mod inserts;
mod liar;
mod restarts;
mod selects;
mod tables;

/// A row of the tables that most tests use.
#[derive(Debug, Clone, PartialEq, Eq, Row, Serialize, Deserialize)]
struct MatchRow {
    match_id: u64,
    radiant: Vec<u16>,
    source: String,
    rank: Option<u8>,
    version: u64,
}

impl MatchRow {
    fn new(match_id: u64, version: u64) -> Self {
        Self {
            match_id,
            radiant: vec![1, 2, 3, 4, 155],
            source: format!("source of {match_id}, 'quoted' and \u{fc}"),
            rank: match_id.is_multiple_of(2).then_some(81),
            version,
        }
    }
}

/// A client of the shared engine, in a database of its own with an empty `matches`.
async fn client() -> Result<Client> {
    client_of(shared_clickhouse().await?).await
}

async fn client_of(engine: &ClickHouse) -> Result<Client> {
    let database = engine.create_database("test").await?;
    let client = Client::default()
        .with_url(engine.url())
        .with_database(database)
        // As loaders do: 26.7 would answer before the rows are stored.
        .with_setting("async_insert", "0");
    let table = "CREATE TABLE matches (
        match_id UInt64 CODEC(Delta, ZSTD(1)), radiant Array(UInt16) CODEC(T64, ZSTD(1)),
        source LowCardinality(String), rank Nullable(UInt8), version UInt64
    ) ENGINE = ReplacingMergeTree(version) ORDER BY match_id
    SETTINGS non_replicated_deduplication_window = 1000";
    client.query(table).execute().await?;
    Ok(client)
}

async fn insert(client: &Client, rows: &[MatchRow]) -> clickhouse::error::Result<()> {
    let mut insert = client.insert::<MatchRow>("matches").await?;
    for row in rows {
        insert.write(row).await?;
    }
    insert.end().await
}

async fn count(client: &Client) -> Result<u64> {
    let query = client.query("SELECT count() FROM matches FINAL");
    Ok(query.fetch_one().await?)
}
