//! What has to outlive the process, kept where the application keeps it.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Day;
use etl_application::ports::CallMemory;
use opendota_client::{CallMemoryError, Counted};

use crate::UPSTREAM;

/// Those calls of the upstream that only had a share, as if of another one.
const SHARED: &str = "opendota_share";

/// The calls of this upstream, among those of others.
pub(crate) struct Memory(pub(crate) Arc<dyn CallMemory>);

const fn name(counted: Counted) -> &'static str {
    match counted {
        Counted::All => UPSTREAM,
        Counted::Shared => SHARED,
    }
}

#[async_trait]
impl opendota_client::CallMemory for Memory {
    async fn calls(&self, counted: Counted, day: Day) -> Result<u64, CallMemoryError> {
        let calls = self.0.calls(name(counted), day).await;
        calls.map_err(|error| CallMemoryError(error.to_string()))
    }

    async fn set_down(
        &self,
        counted: Counted,
        day: Day,
        calls: u64,
    ) -> Result<(), CallMemoryError> {
        let set_down = self.0.set_down(name(counted), day, calls).await;
        set_down.map_err(|error| CallMemoryError(error.to_string()))
    }
}
