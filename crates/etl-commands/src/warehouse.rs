//! The warehouse that the settings name, behind the ports.

use std::sync::Arc;

use anyhow::Context as _;
use domain::Patches;
use etl_application::ports::{
    BackfillStore, CallMemory, CounterStore, FactStore, PatchStore, WarehouseReader, WishQueue,
    WishStore,
};
use etl_application::{LoadStatus, PatchKeeper, SchemaWatch};
use etl_clickhouse_adapter::{ClickHouseWarehouse, SchemaError};
use etl_sqlite_adapter::SqliteWarehouse;
use health_kit::Clock;

use crate::settings::Settings;

/// One warehouse, as each of its ports.
pub(crate) struct Warehouse {
    pub(crate) facts: Arc<dyn FactStore>,
    pub(crate) backfills: Arc<dyn BackfillStore>,
    pub(crate) wishes: Arc<dyn WishStore>,
    pub(crate) queue: Arc<dyn WishQueue>,
    pub(crate) calls: Arc<dyn CallMemory>,
    pub(crate) counters: Arc<dyn CounterStore>,
    patches: Arc<dyn PatchStore>,
    pub(crate) reader: Arc<dyn WarehouseReader>,
    place: Place,
}

enum Place {
    File(Arc<SqliteWarehouse>),
    Server(Arc<ClickHouseWarehouse>),
}

impl Warehouse {
    /// Opens it. An embedded one makes its file and tables; to a server nothing
    /// is connected yet.
    ///
    /// # Errors
    /// It cannot work with these settings, and why.
    pub(crate) async fn open(settings: &Settings, clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        let Some(file) = settings.warehouse.embedded_file() else {
            return Ok(Self::behind_ports(&server(settings)?, Place::Server));
        };
        let embedded = SqliteWarehouse::open(&file, Arc::clone(clock))
            .await
            .context("the embedded warehouse cannot be opened; WAREHOUSE_DIR says where it is")?;
        Ok(Self::behind_ports(&Arc::new(embedded), Place::File))
    }

    fn behind_ports<T>(warehouse: &Arc<T>, place: impl FnOnce(Arc<T>) -> Place) -> Self
    where
        T: FactStore
            + BackfillStore
            + WishStore
            + WishQueue
            + CallMemory
            + CounterStore
            + PatchStore
            + WarehouseReader
            + 'static,
    {
        Self {
            facts: warehouse.clone(),
            backfills: warehouse.clone(),
            wishes: warehouse.clone(),
            queue: warehouse.clone(),
            calls: warehouse.clone(),
            counters: warehouse.clone(),
            patches: warehouse.clone(),
            reader: warehouse.clone(),
            place: place(Arc::clone(warehouse)),
        }
    }

    /// Looks whether this program may write there at all. What a server lacks
    /// may come later, and a server that is away too: health says so then.
    ///
    /// # Errors
    /// Its tables are of a newer program.
    pub(crate) async fn refuse_newer(&self) -> anyhow::Result<()> {
        let Place::Server(server) = &self.place else {
            return Ok(());
        };
        match server.check_schema().await {
            Err(newer @ SchemaError::Newer { .. }) => Err(newer.into()),
            _ => Ok(()),
        }
    }

    /// Keeps looking whether a server's tables are those of this program. Those
    /// of an embedded warehouse are, since it was opened.
    pub(crate) fn schema_watch(&self, status: &Arc<LoadStatus>) -> Option<SchemaWatch> {
        match &self.place {
            Place::File(_) => None,
            Place::Server(server) => Some(SchemaWatch::new(server.clone(), Arc::clone(status))),
        }
    }

    /// Has a server's inserts timed. An embedded warehouse stores a batch as a
    /// whole, and has no time for a table.
    pub(crate) fn tell(&self, status: &Arc<LoadStatus>) {
        if let Place::Server(server) = &self.place {
            server.tell(Arc::clone(status));
        }
    }

    /// Compares patches with those that were kept there.
    pub(crate) fn patch_keeper(&self, patches: &Patches, clock: &Arc<dyn Clock>) -> PatchKeeper {
        PatchKeeper::new(
            patches,
            Arc::clone(&self.patches),
            Arc::clone(&self.counters),
            Arc::clone(&self.facts),
            Arc::clone(clock),
        )
    }

    /// Waits for what is under way, and closes it.
    pub(crate) async fn close(&self) {
        if let Place::File(file) = &self.place {
            file.close().await;
        }
    }
}

/// The server that the settings name.
///
/// # Errors
/// They name none, or nobody vouches for it.
pub(crate) fn server(settings: &Settings) -> anyhow::Result<Arc<ClickHouseWarehouse>> {
    let client = warehouse_kit::client(&settings.warehouse)
        .context("the WAREHOUSE_ settings cannot work")?;
    let options = settings.server.clone();
    Ok(Arc::new(ClickHouseWarehouse::new(client, options)))
}
