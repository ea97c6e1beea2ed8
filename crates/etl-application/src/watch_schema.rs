//! Keeps looking whether the warehouse's tables are those of this program.
//!
//! Tables of an older program may take everything that is stored and lack what
//! is asked for later, so that they fit is not known from storing alone.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::LoadStatus;
use crate::ports::{SchemaFault, WarehouseSchema};

/// Between two looks while the tables do not fit, or nobody knows: whoever has
/// migrated wants to see it soon.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Between two looks while they fit.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Tells health whether the tables fit.
pub struct SchemaWatch {
    schema: Arc<dyn WarehouseSchema>,
    status: Arc<LoadStatus>,
}

impl SchemaWatch {
    /// Puts it together; nothing happens before [`run`](Self::run).
    #[must_use]
    pub fn new(schema: Arc<dyn WarehouseSchema>, status: Arc<LoadStatus>) -> Self {
        Self { schema, status }
    }

    /// Looks until `drain` is cancelled.
    pub async fn run(self, drain: CancellationToken) {
        let _ = drain.run_until_cancelled(self.look()).await;
    }

    async fn look(&self) {
        loop {
            let pause = match self.schema.check().await {
                Ok(()) => {
                    self.status.schema_fits();
                    LOOK_EVERY
                }
                Err(SchemaFault::Unfit { detail }) => {
                    self.status.schema_is_unfit(&detail);
                    LOOK_AGAIN_AFTER
                }
                // That the warehouse is away is told by whoever stores.
                Err(SchemaFault::Unknown(error)) => {
                    tracing::debug!(%error, "nobody knows whether the tables fit");
                    LOOK_AGAIN_AFTER
                }
            };
            sleep(pause).await;
        }
    }
}
