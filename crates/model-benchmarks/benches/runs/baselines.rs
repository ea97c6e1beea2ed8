//! The least that parts of a run could cost, of the same data by the same clients.

use anyhow::{Context as _, Result};
use redis_test_kit::Redis;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use test_kit::usage::cpu_seconds;
use tokio::time::Instant;

use crate::warehouses::{Embedded, OnServer};

/// What something took in this process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    /// From its beginning to its end.
    pub(crate) wall_seconds: f64,
    /// Processor time of this process.
    pub(crate) cpu_seconds: f64,
    /// Rows or keys.
    pub(crate) count: u64,
    /// What was carried to or from there.
    pub(crate) bytes: u64,
}

async fn took(work: impl Future<Output = Result<(u64, u64)>>) -> Result<Took> {
    let (cpu, begun) = (cpu_seconds("self")?, Instant::now());
    let (count, bytes) = work.await?;
    Ok(Took {
        wall_seconds: begun.elapsed().as_secs_f64(),
        cpu_seconds: cpu_seconds("self")? - cpu,
        count,
        bytes,
    })
}

/// The server sums the same rows without weights and by what they are kept apart by;
/// the client takes the answer and does not look at it.
///
/// # Errors
/// The server refuses.
pub(crate) async fn sums_on_server(warehouse: &OnServer) -> Result<Took> {
    const SUMS: &str = "\
        SELECT patch, bracket, game_mode, relation, hero, other, sum(games), sum(wins) \
        FROM pair_days GROUP BY patch, bracket, game_mode, relation, hero, other";
    took(read_all(warehouse, SUMS)).await
}

/// The drafts of the days that may be held out, taken and not looked at.
///
/// # Errors
/// The server refuses.
pub(crate) async fn drafts_on_server(warehouse: &OnServer) -> Result<Took> {
    const MATCHES: &str = "\
        SELECT match_id, start_time, duration, radiant_win, lobby_type, game_mode, radiant, dire \
        FROM matches FINAL";
    took(read_all(warehouse, MATCHES)).await
}

async fn read_all(warehouse: &OnServer, statement: &str) -> Result<(u64, u64)> {
    let client = warehouse.client()?;
    let mut answer = client.query(statement).fetch_bytes("RowBinary")?;
    let mut bytes = 0;
    while let Some(chunk) = answer.next().await? {
        bytes += chunk.len() as u64;
    }
    Ok((0, bytes))
}

/// The database goes through all pairs and adds them up in two numbers.
///
/// # Errors
/// The file cannot be read.
pub(crate) async fn sums_embedded(warehouse: &Embedded) -> Result<Took> {
    took(add_up(
        warehouse,
        "SELECT count(*), sum(games) + sum(wins) FROM pair_days",
    ))
    .await
}

/// The database goes through the drafts of the days that may be held out.
///
/// # Errors
/// The file cannot be read.
pub(crate) async fn drafts_embedded(warehouse: &Embedded) -> Result<Took> {
    took(add_up(
        warehouse,
        "SELECT count(*), sum(length(radiant) + length(dire)) FROM matches",
    ))
    .await
}

async fn add_up(warehouse: &Embedded, statement: &'static str) -> Result<(u64, u64)> {
    let options = SqliteConnectOptions::new()
        .filename(warehouse.file())
        .read_only(true);
    let mut reader = SqliteConnection::connect_with(&options).await?;
    let (rows, _): (i64, i64) = sqlx::query_as(statement).fetch_one(&mut reader).await?;
    reader.close().await?;
    Ok((rows.unsigned_abs(), 0))
}

/// Sets what a run has published once more, in pipelines of one connection.
///
/// # Errors
/// Redis refuses.
pub(crate) async fn set_the_same(redis: &Redis, prefix: &str) -> Result<Took> {
    let client = redis::Client::open(redis.url())?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let keys = redis.keys(prefix).await?;
    let mut values: Vec<(String, Vec<u8>)> = Vec::with_capacity(keys.len());
    for key in keys {
        let kind: String = redis.ask(&["TYPE", &key]).await?;
        if kind == "string" {
            let mut get = redis::cmd("GET");
            get.arg(&key);
            let value = get.query_async(&mut connection).await?;
            values.push((key, value));
        }
    }
    let took = took(async {
        let mut bytes = 0;
        for some in values.chunks(KEYS_A_PIPELINE) {
            let mut pipeline = redis::pipe();
            for (key, value) in some {
                bytes += value.len();
                pipeline.set(key, &value[..]).ignore();
            }
            pipeline.exec_async(&mut connection).await?;
        }
        Ok((values.len() as u64, bytes as u64))
    });
    took.await.context("the same values are set again")
}

const KEYS_A_PIPELINE: usize = 128;
