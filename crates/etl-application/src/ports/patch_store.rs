//! Where it is written down which patches days are counted by.

use async_trait::async_trait;
use domain::Patch;

use super::{StoreError, WarehouseError};

/// The patches by which days were counted last.
///
/// They are kept to the second, as matches begin.
#[async_trait]
pub trait PatchStore: Send + Sync {
    /// Those that were kept last, the earliest first; none if nothing was kept yet.
    ///
    /// # Errors
    /// [`WarehouseError`] when it could not be looked up.
    async fn kept_patches(&self) -> Result<Vec<Patch>, WarehouseError>;

    /// Keeps `patches`, which begin at whole seconds, instead of all that were
    /// kept before. Returns when they would survive the loss of this process.
    ///
    /// # Errors
    /// [`StoreError`]; never [`StoreError::Refused`].
    async fn keep_patches(&self, patches: &[Patch]) -> Result<(), StoreError>;
}
