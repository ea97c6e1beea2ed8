//! What was asked of an upstream, over restarts.

use async_trait::async_trait;
use domain::Day;

use super::{StoreError, WarehouseError};

/// Remembers how many calls a day has seen, so that a process that starts does
/// not take for free what its predecessor used.
///
/// Calls are set down before they are made, many at a time: what a process has
/// not used of them when it ends is lost to that day.
#[async_trait]
pub trait CallMemory: Send + Sync {
    /// How many calls of an upstream are set down for a day.
    ///
    /// # Errors
    /// [`WarehouseError`] when it could not be looked up.
    async fn calls(&self, upstream: &str, day: Day) -> Result<u64, WarehouseError>;

    /// Sets down that up to so many calls of a day are made. A lower number than
    /// before changes nothing. Returns when it would survive the loss of this process.
    ///
    /// # Errors
    /// [`StoreError`]; never [`StoreError::Refused`].
    async fn set_down(&self, upstream: &str, day: Day, calls: u64) -> Result<(), StoreError>;
}
