//! What is set down by itself.

use async_trait::async_trait;

use super::StoreError;
use crate::audit::AuditEntry;

/// What has happened without anything else being changed. Other stores set down what they change as they do.
///
/// Entries MUST never be changed or removed afterwards, not even by whoever has all rights of this service.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Sets something down.
    ///
    /// # Errors
    /// Whether it is set down is not known.
    async fn append(&self, entry: &AuditEntry) -> Result<(), StoreError>;
}
