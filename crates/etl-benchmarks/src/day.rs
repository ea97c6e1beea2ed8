//! A large day, counted again and swapped in.

use std::time::Duration;

use anyhow::Result;
use clickhouse_test_kit::ClickHouse;
use domain::{CountingRules, Day, Patches};
use etl_application::ports::CounterStore as _;
use test_kit::usage::Usage;
use tokio::time::Instant;

use crate::memory::{Database, engine_usage};

/// What it took to rebuild a day.
#[derive(Debug, Clone, Copy)]
pub struct RebuiltDay {
    /// Matches of the day.
    pub matches: u64,
    /// Those that were counted.
    pub counted: u64,
    /// Processor time of engine and client, in seconds.
    pub cpu_seconds: f64,
    /// From asking to the end.
    pub took: Duration,
    /// Swapping in all tables of the day.
    pub swap: Duration,
}

/// Builds a day that was built before, and measures swapping by itself, with the
/// statement that a build ends with.
///
/// # Errors
/// The engine refuses, or the day does not add up.
pub async fn rebuild(database: &Database, day: Day, engine: &ClickHouse) -> Result<RebuiltDay> {
    let (rules, patches) = (CountingRules::default(), Patches::built_in());
    let warehouse = &database.warehouse;
    warehouse.build_day(day, &rules, &patches).await?;
    let used = || -> Result<f64> {
        Ok(Usage::of_process("self")?.cpu_seconds + engine_usage(engine)?.cpu_seconds)
    };
    let (before, begun) = (used()?, Instant::now());
    let built = warehouse.build_day(day, &rules, &patches).await?;
    let (took, cpu_seconds) = (begun.elapsed(), used()? - before);
    Ok(RebuiltDay {
        matches: built.matches,
        counted: built.counted,
        cpu_seconds,
        took,
        swap: swap(&database.name, day, engine).await?,
    })
}

async fn swap(database: &str, day: Day, engine: &ClickHouse) -> Result<Duration> {
    const TABLES: [&str; 2] = ["hero_days", "pair_days"];
    let replace = |to: &str, from: &str| {
        format!("ALTER TABLE {database}.{to} REPLACE PARTITION '{day}' FROM {database}.{from}")
    };
    for table in TABLES {
        let create = format!("CREATE TABLE {database}.copy_{table} AS {database}.{table}");
        engine.execute(&create).await?;
        let copy = format!(
            "INSERT INTO {database}.copy_{table} SELECT * FROM {database}.{table} WHERE day = '{day}'"
        );
        engine.execute(&copy).await?;
    }
    let begun = Instant::now();
    for table in TABLES {
        engine
            .execute(&replace(table, &format!("copy_{table}")))
            .await?;
    }
    Ok(begun.elapsed())
}
