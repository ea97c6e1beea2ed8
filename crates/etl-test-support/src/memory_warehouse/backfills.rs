//! Backfills in memory.

use async_trait::async_trait;
use etl_application::backfill::{Backfill, BackfillId, BackfillState};
use etl_application::ports::{BackfillStore, StoreError, WarehouseError};

use super::MemoryWarehouse;

#[async_trait]
impl BackfillStore for MemoryWarehouse {
    async fn set_down(&self, backfill: &Backfill) -> Result<(), StoreError> {
        let mut state = self.write()?;
        let before = state.backfills.get(&backfill.id);
        if before.is_none_or(|before| before.version < backfill.version) {
            state.backfills.insert(backfill.id, backfill.clone());
        }
        Ok(())
    }

    async fn backfill(&self, id: BackfillId) -> Result<Option<Backfill>, WarehouseError> {
        Ok(self.read()?.backfills.get(&id).cloned())
    }

    async fn backfills(&self, count_max: usize) -> Result<Vec<Backfill>, WarehouseError> {
        let state = self.read()?;
        let newest = state.backfills.values().rev();
        Ok(newest.take(count_max).cloned().collect())
    }

    async fn running_backfills(&self, count_max: usize) -> Result<Vec<Backfill>, WarehouseError> {
        let state = self.read()?;
        let newest = state.backfills.values().rev();
        let running = newest.filter(|one| one.state == BackfillState::Running);
        Ok(running.take(count_max).cloned().collect())
    }
}
