//! Whom verifiers shall not believe any more.

use async_trait::async_trait;
use domain::{SessionId, Timestamp};
use thiserror::Error;

/// Sessions that have ended while access tokens of theirs still live, for verifiers that want to know.
///
/// It only hastens what happens anyway when those tokens are over.
#[async_trait]
pub trait RevocationList: Send + Sync {
    /// Tells of sessions, until their last access token is over. To tell of one again changes nothing.
    ///
    /// MUST end within a second.
    ///
    /// # Errors
    /// Perhaps nobody was told.
    async fn revoke(
        &self,
        sessions: &[SessionId],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), RevocationFault>;
}

/// Why perhaps nobody was told.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct RevocationFault(pub String);
