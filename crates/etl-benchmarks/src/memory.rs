//! The client alone: answers from memory to the warehouse.

use std::sync::Arc;

use anyhow::{Result, ensure};
use clickhouse_test_kit::ClickHouse;
use etl_application::ports::FactStore as _;
use etl_clickhouse_adapter::{ClickHouseWarehouse, WarehouseOptions};
use test_kit::usage::Usage;
use tokio::{task::JoinSet, time::Instant};
use warehouse_kit::{WarehousePlace, WarehouseSettings};

use crate::answers::Batch;

/// `WAREHOUSE_INSERTS_PARALLEL` by default.
const INSERTS_PARALLEL: usize = 2;

/// A database with the tables, on an engine of our own.
pub struct Database {
    /// Its name there.
    pub name: String,
    /// The client, as the service has it by its default settings.
    pub warehouse: Arc<ClickHouseWarehouse>,
}

/// What it took to store answers.
#[derive(Debug, Clone, Copy)]
pub struct Stored {
    /// How many matches in a second.
    pub per_second: f64,
    /// Processor time of the client, in seconds.
    pub client_cpu_seconds: f64,
    /// Processor time of the engine, in seconds.
    pub engine_cpu_seconds: f64,
}

impl Database {
    /// Makes an empty one.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn create(engine: &ClickHouse) -> Result<Self> {
        let name = engine.create_database("bench").await?;
        let client = warehouse_kit::client(&WarehouseSettings {
            place: WarehousePlace::Server(engine.url().to_owned()),
            dir: "unused".into(),
            database: name.clone(),
            user: "default".to_owned(),
            password: None,
            ca_file: None,
        })?;
        let warehouse = ClickHouseWarehouse::new(client, WarehouseOptions::default());
        warehouse.migrate().await?;
        Ok(Self {
            name,
            warehouse: Arc::new(warehouse),
        })
    }

    /// Checks that it holds so many matches.
    ///
    /// # Errors
    /// It holds others.
    pub async fn expect_matches(&self, engine: &ClickHouse, count: u64) -> Result<()> {
        let statement = format!("SELECT count() FROM {}.matches FINAL", self.name);
        let found = engine.execute(&statement).await?;
        ensure!(found == count.to_string(), "{found} matches, not {count}");
        Ok(())
    }
}

/// Stores all batches, as many at a time as the service does.
///
/// # Errors
/// The warehouse refuses one.
pub async fn store(database: &Database, batches: &[Batch], engine: &ClickHouse) -> Result<Stored> {
    let count: usize = batches.iter().map(|batch| batch.len()).sum();
    let (client, server) = (Usage::of_process("self")?, engine_usage(engine)?);
    let begun = Instant::now();
    let mut batches = batches.iter().filter(|batch| !batch.is_empty());
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() < INSERTS_PARALLEL
            && let Some(batch) = batches.next()
        {
            let warehouse = Arc::clone(&database.warehouse);
            let batch = Arc::clone(batch);
            under_way.spawn(async move {
                let days = warehouse.store(&batch).await?;
                warehouse.mark_dirty(&days).await
            });
        }
        match under_way.join_next().await {
            Some(stored) => stored??,
            None => break,
        }
    }
    let took = begun.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let per_second = count as f64 / took;
    Ok(Stored {
        per_second,
        client_cpu_seconds: Usage::of_process("self")?.cpu_seconds - client.cpu_seconds,
        engine_cpu_seconds: engine_usage(engine)?.cpu_seconds - server.cpu_seconds,
    })
}

pub(crate) fn engine_usage(engine: &ClickHouse) -> Result<Usage> {
    let id = engine.process_id().unwrap_or_default();
    Usage::of_process(&id.to_string())
}
