//! The warehouse on a ClickHouse server.

use std::time::Duration;

use anyhow::{Result, ensure};
use clickhouse_test_kit::ClickHouse;
use contracts::warehouse::{Relation, SideCode};
use domain::{Day, HeroId, Team};
use etl_clickhouse_adapter::{ClickHouseWarehouse, WarehouseOptions};
use reqwest::Client;
use test_kit::usage::Usage;
use warehouse_kit::{WarehousePlace, WarehouseSettings};

use super::rows::{Dialect, Rows, listed, of_day};
use crate::world::Season;

const INSERT_TIMEOUT: Duration = Duration::from_mins(5);

/// A database of a server, filled.
pub(crate) struct OnServer {
    engine: ClickHouse,
    database: String,
}

struct Words;

impl Dialect for Words {
    fn day(day: Day) -> String {
        format!("'{day}'")
    }

    fn relation(relation: Relation) -> String {
        format!("'{}'", relation.as_str())
    }

    fn side(side: SideCode) -> String {
        format!("'{}'", side.as_str())
    }

    fn heroes(heroes: &[Option<HeroId>; Team::SLOTS]) -> String {
        format!("[{}]", listed(heroes))
    }

    fn counts(counts: &[(&str, u64)]) -> String {
        let each = counts
            .iter()
            .map(|(word, count)| format!("'{word}':{count}"));
        format!("{{{}}}", each.collect::<Vec<_>>().join(","))
    }

    const ITEMS: &'static str = "[]";
}

impl OnServer {
    /// Starts a server and fills it; tells what it does.
    ///
    /// # Errors
    /// There is no server to be had, or it refuses.
    pub(crate) async fn fill(season: &Season) -> Result<Self> {
        let engine = ClickHouse::start().await?;
        let database = engine.create_database("bench").await?;
        let filled = Self { engine, database };
        let client = warehouse_kit::client(&filled.settings())?;
        let warehouse = ClickHouseWarehouse::new(client, WarehouseOptions::default());
        warehouse.migrate().await?;
        let client = Client::builder()
            .no_proxy()
            .timeout(INSERT_TIMEOUT)
            .build()?;
        for day in season.days() {
            let counted = season.count(day);
            for rows in of_day::<Words>(season, &counted) {
                filled.insert(&client, &rows).await?;
            }
        }
        Ok(filled)
    }

    fn settings(&self) -> WarehouseSettings {
        WarehouseSettings {
            place: WarehousePlace::Server(self.engine.url().to_owned()),
            dir: "unused".into(),
            database: self.database.clone(),
            user: "default".to_owned(),
            password: None,
            ca_file: None,
        }
    }

    /// What the service is told of it.
    #[must_use]
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("WAREHOUSE_URL", self.engine.url().to_owned()),
            ("WAREHOUSE_DATABASE", self.database.clone()),
        ]
    }

    /// What the server has used so far.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn usage(&self) -> Result<Usage> {
        let id = self.engine.process_id().unwrap_or_default();
        Usage::of_process(&id.to_string())
    }

    /// A client of it, and its database, as the service has them.
    ///
    /// # Errors
    /// Its address is none.
    pub(crate) fn client(&self) -> Result<clickhouse::Client> {
        Ok(warehouse_kit::client(&self.settings())?.with_compression(clickhouse::Compression::Lz4))
    }

    async fn insert(&self, client: &Client, rows: &Rows) -> Result<()> {
        if rows.parts.is_empty() {
            return Ok(());
        }
        let (database, table, columns) = (&self.database, rows.table, rows.columns);
        let query = format!("INSERT INTO {database}.{table} ({columns}) FORMAT Values");
        let url = reqwest::Url::parse_with_params(self.engine.url(), [("query", &query)])?;
        let answer = client.post(url).body(rows.parts.join(",")).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{query}: {text}");
        Ok(())
    }
}
