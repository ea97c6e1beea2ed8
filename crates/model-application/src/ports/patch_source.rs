//! Which patches there are.

use async_trait::async_trait;
use domain::Patches;
use thiserror::Error;

/// The list of patches, as whoever looks after it has it now.
#[async_trait]
pub trait PatchSource: Send + Sync {
    /// All patches that are known.
    ///
    /// # Errors
    /// The list cannot be read; it says where it is and what is wrong with it.
    async fn patches(&self) -> Result<Patches, PatchesUnreadable>;
}

/// A list of patches that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct PatchesUnreadable(pub String);

/// A list that stays as it is.
#[async_trait]
impl PatchSource for Patches {
    async fn patches(&self) -> Result<Patches, PatchesUnreadable> {
        Ok(self.clone())
    }
}
