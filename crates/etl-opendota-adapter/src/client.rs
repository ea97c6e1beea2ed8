//! The client of the API, with its memory in the warehouse.

use std::sync::Arc;

use etl_application::ports::CallMemory;
use health_kit::Clock;
use opendota_client::{OpenDota, OpenDotaSettings, Transport};

use crate::memory::Memory;

/// The name of the upstream in metrics and in the memory of calls.
pub const UPSTREAM: &str = "opendota";

/// Says who is calling.
const USER_AGENT: &str = concat!("etl-service/", env!("CARGO_PKG_VERSION"));

/// A client for everybody in this process, so that their calls are counted
/// together. It connects to nothing; calls are remembered in `memory`.
///
/// # Errors
/// The client cannot be made.
pub fn client(
    settings: OpenDotaSettings,
    memory: Arc<dyn CallMemory>,
    clock: Arc<dyn Clock>,
) -> Result<OpenDota, String> {
    OpenDota::try_new(USER_AGENT, settings, Arc::new(Memory(memory)), clock)
}

/// The same over another transport, for tests without a socket.
#[must_use]
pub fn client_over(
    transport: Arc<dyn Transport>,
    settings: OpenDotaSettings,
    memory: Arc<dyn CallMemory>,
    clock: Arc<dyn Clock>,
) -> OpenDota {
    OpenDota::over(transport, settings, Arc::new(Memory(memory)), clock)
}
