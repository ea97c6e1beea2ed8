//! What has to outlive the process, kept where the application keeps it.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Day;
use etl_application::ports::CallMemory;
use opendota_client::CallMemoryError;

use crate::UPSTREAM;

/// The calls of this upstream, among those of others.
pub(crate) struct Memory(pub(crate) Arc<dyn CallMemory>);

#[async_trait]
impl opendota_client::CallMemory for Memory {
    async fn calls(&self, day: Day) -> Result<u64, CallMemoryError> {
        let calls = self.0.calls(UPSTREAM, day).await;
        calls.map_err(|error| CallMemoryError(error.to_string()))
    }

    async fn set_down(&self, day: Day, calls: u64) -> Result<(), CallMemoryError> {
        let set_down = self.0.set_down(UPSTREAM, day, calls).await;
        set_down.map_err(|error| CallMemoryError(error.to_string()))
    }
}
