//! Whether the warehouse's tables are those of this program.

use async_trait::async_trait;
use thiserror::Error;

use super::WarehouseError;

/// The tables of a warehouse that others may change: a server's.
#[async_trait]
pub trait WarehouseSchema: Send + Sync {
    /// Looks whether the tables are those that this program needs. Changes nothing.
    ///
    /// # Errors
    /// [`SchemaFault`].
    async fn check(&self) -> Result<(), SchemaFault>;
}

/// Why the tables cannot be relied on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SchemaFault {
    /// They are missing, or of another version, also if they take what is stored.
    #[error("{detail}")]
    Unfit {
        /// What is wrong, and the exact command that helps.
        detail: String,
    },
    /// It cannot be looked up.
    #[error(transparent)]
    Unknown(#[from] WarehouseError),
}
