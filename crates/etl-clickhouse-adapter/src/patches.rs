//! The patches by which days were counted last.
//!
//! A list is kept as a whole: all of its rows have one version, and those of a
//! lower one are of former lists.

use async_trait::async_trait;
use contracts::warehouse::PatchRow;
use domain::{Patch, Timestamp};
use etl_application::ports::{PatchStore, StoreError, WarehouseError};

use crate::ClickHouseWarehouse;
use crate::row::Of;

const KEPT: &str = "\
SELECT ?fields FROM patches FINAL WHERE version = (SELECT max(version) FROM patches) \
ORDER BY since, name LIMIT 10000";
/// Higher than every list before, also when the clock of the server was set back.
const NEXT_VERSION: &str = "\
SELECT greatest(toUInt64(toUnixTimestamp64Milli(now64(3))), max(version) + 1) FROM patches";

#[async_trait]
impl PatchStore for ClickHouseWarehouse {
    async fn kept_patches(&self) -> Result<Vec<Patch>, WarehouseError> {
        let rows: Vec<Of<PatchRow>> = self.answer(self.ask(KEPT).fetch_all()).await?;
        let patches = rows.into_iter().map(|Of(row)| Patch {
            name: row.name,
            since: Timestamp::from_unix_seconds(row.since.into()),
        });
        Ok(patches.collect())
    }

    async fn keep_patches(&self, patches: &[Patch]) -> Result<(), StoreError> {
        let limit = self.query_timeout();
        let version = self.ask(NEXT_VERSION).fetch_one();
        let version: u64 = self
            .within(limit, version)
            .await
            .map_err(|error| self.not_marked(&error))?;
        let rows = patches.iter().map(|patch| PatchRow {
            name: patch.name.clone(),
            since: column(patch.since),
            version,
        });
        let inserted = self.insert(rows.collect()).await;
        inserted.map_err(|error| self.not_marked(&error))
    }
}

/// The nearest time that a column can hold.
fn column(at: Timestamp) -> u32 {
    let seconds = at.unix_seconds().clamp(0, u32::MAX.into());
    u32::try_from(seconds).expect("it is within the range")
}
