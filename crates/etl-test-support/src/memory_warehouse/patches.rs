//! Patches in memory.

use async_trait::async_trait;
use domain::Patch;
use etl_application::ports::{PatchStore, StoreError, WarehouseError};

use super::MemoryWarehouse;

#[async_trait]
impl PatchStore for MemoryWarehouse {
    async fn kept_patches(&self) -> Result<Vec<Patch>, WarehouseError> {
        Ok(self.read()?.patches.clone())
    }

    async fn keep_patches(&self, patches: &[Patch]) -> Result<(), StoreError> {
        self.write()?.patches = patches.to_vec();
        Ok(())
    }
}
