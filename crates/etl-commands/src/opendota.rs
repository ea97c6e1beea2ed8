//! The upstream that details and pages are asked of, through one client.

use std::sync::{Arc, Mutex, PoisonError};

use etl_application::ports::CallMemory;
use health_kit::Clock;
use opendota_client::{OpenDota, OpenDotaSettings};

/// Makes the client when somebody needs it first: most processes call nobody.
/// Whoever calls in this process does so through the same one, which counts all
/// calls together.
pub(crate) struct OpenDotaAccess {
    settings: OpenDotaSettings,
    memory: Arc<dyn CallMemory>,
    clock: Arc<dyn Clock>,
    client: Mutex<Option<Arc<OpenDota>>>,
}

impl OpenDotaAccess {
    /// Nothing is made yet.
    pub(crate) fn new(
        settings: &OpenDotaSettings,
        memory: &Arc<dyn CallMemory>,
        clock: &Arc<dyn Clock>,
    ) -> Arc<Self> {
        Arc::new(Self {
            settings: settings.clone(),
            memory: Arc::clone(memory),
            clock: Arc::clone(clock),
            client: Mutex::default(),
        })
    }

    /// The client.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn client(&self) -> Result<Arc<OpenDota>, String> {
        // It is whole or not there, whoever panicked.
        let mut made = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = &*made {
            return Ok(Arc::clone(made));
        }
        let (memory, clock) = (Arc::clone(&self.memory), Arc::clone(&self.clock));
        let client = etl_opendota_adapter::client(self.settings.clone(), memory, clock)?;
        Ok(Arc::clone(made.insert(Arc::new(client))))
    }
}
