//! Where it is written down how far backfills are.

use async_trait::async_trait;

use super::{StoreError, WarehouseError};
use crate::backfill::{Backfill, BackfillId};

/// The backfills that there were, each with where it goes on.
///
/// A position is set down after everything before it has been stored and its
/// days are marked: what is done again after a loss changes nothing.
#[async_trait]
pub trait BackfillStore: Send + Sync {
    /// Sets down how a backfill is; of two rows of one the higher version
    /// counts. Returns when it would survive the loss of this process.
    ///
    /// # Errors
    /// [`StoreError`]; never [`StoreError::Refused`].
    async fn set_down(&self, backfill: &Backfill) -> Result<(), StoreError>;

    /// How one is; none if there is none of that id.
    ///
    /// # Errors
    /// [`WarehouseError`] when it could not be looked up.
    async fn backfill(&self, id: BackfillId) -> Result<Option<Backfill>, WarehouseError>;

    /// How they are, the newest first; at most `count_max`.
    ///
    /// # Errors
    /// [`WarehouseError`] when it could not be looked up.
    async fn backfills(&self, count_max: usize) -> Result<Vec<Backfill>, WarehouseError>;

    /// Those that are running, the newest first; at most `count_max`.
    ///
    /// # Errors
    /// [`WarehouseError`] when it could not be looked up.
    async fn running_backfills(&self, count_max: usize) -> Result<Vec<Backfill>, WarehouseError>;
}
