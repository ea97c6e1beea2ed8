//! The warehouse that the settings name, behind the ports.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use etl_application::ports::{CounterStore, FactStore, WarehouseReader, WishStore};
use etl_sqlite_adapter::SqliteWarehouse;
use health_kit::Clock;
use warehouse_kit::WarehouseSettings;

/// One warehouse, as each of its ports.
pub(crate) struct Warehouse {
    pub(crate) facts: Arc<dyn FactStore>,
    pub(crate) wishes: Arc<dyn WishStore>,
    pub(crate) counters: Arc<dyn CounterStore>,
    pub(crate) reader: Arc<dyn WarehouseReader>,
    embedded: Arc<SqliteWarehouse>,
}

impl Warehouse {
    /// Opens it; an embedded one makes its file and tables.
    ///
    /// # Errors
    /// It cannot work with these settings, and why.
    pub(crate) async fn open(
        settings: &WarehouseSettings,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let Some(file) = settings.embedded_file() else {
            bail!(
                "WAREHOUSE_URL names a server, and this version loads the embedded warehouse \
                 alone: set WAREHOUSE_URL=embedded"
            );
        };
        let embedded = SqliteWarehouse::open(&file, Arc::clone(clock))
            .await
            .context("the embedded warehouse cannot be opened; WAREHOUSE_DIR says where it is")?;
        let embedded = Arc::new(embedded);
        Ok(Self {
            facts: embedded.clone(),
            wishes: embedded.clone(),
            counters: embedded.clone(),
            reader: embedded.clone(),
            embedded,
        })
    }

    /// Waits for what is under way, and closes it.
    pub(crate) async fn close(&self) {
        self.embedded.close().await;
    }
}
