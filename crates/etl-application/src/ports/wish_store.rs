//! What is still to be asked of an upstream.

use async_trait::async_trait;
use domain::MatchId;

use super::StoreError;

/// Wishes for details, kept in the warehouse: nothing that is consumed waits for an upstream.
#[async_trait]
pub trait WishStore: Send + Sync {
    /// Notes that more should be known of these matches. A match that is known
    /// whole, or wished for already, changes nothing.
    ///
    /// Returns when the wishes would survive the loss of this process.
    ///
    /// # Errors
    /// [`StoreError`]; never [`StoreError::Refused`].
    async fn wish(&self, ids: &[MatchId]) -> Result<(), StoreError>;
}
