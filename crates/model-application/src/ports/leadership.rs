//! One writer at a time.

use std::time::Duration;

use async_trait::async_trait;

use super::PublishError;

/// Who of several instances may publish.
///
/// Having the lock is no promise: whoever is paused may lose it and not know.
/// What makes sure of one writer is that each switch carries the
/// [`Leadership`] and is refused once another has taken the lock.
#[async_trait]
pub trait LeaderLock: Send + Sync {
    /// Takes the lock for so long, if it is free or `owner` has it already;
    /// `None` while another has it.
    ///
    /// `owner` MUST be nobody else's, also not that of an earlier process.
    /// MUST give each taking a higher epoch than all before, also after every
    /// key was lost.
    ///
    /// # Errors
    /// Nobody can say who has it. It may have been taken.
    async fn take(&self, owner: &str, life: Duration) -> Result<Option<Leadership>, PublishError>;

    /// Keeps the lock for so long from now on; `false` if it is lost.
    ///
    /// # Errors
    /// Nobody can say who has it.
    async fn renew(&self, leadership: &Leadership, life: Duration) -> Result<bool, PublishError>;

    /// Lets go of the lock, so that another need not wait; `false` if it was lost.
    ///
    /// # Errors
    /// Nobody can say who has it; it ends by itself.
    async fn release(&self, leadership: &Leadership) -> Result<bool, PublishError>;

    /// Who has the lock.
    ///
    /// # Errors
    /// Nobody can say, or the lock does not end by itself: whoever has it may be gone,
    /// and nobody would ever take over.
    async fn leader(&self) -> Result<Option<String>, PublishError>;
}

/// A taking of the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leadership {
    /// Who took it.
    pub owner: String,
    /// Higher than that of each earlier taking.
    pub epoch: u64,
}
