//! Where scores of accounts go, and which accounts somebody wants.

use async_trait::async_trait;
use domain::AccountId;

use super::{Document, Leadership, PublishError};
use crate::personal::SkillSpread;

/// Holds scores of accounts where readers find them.
///
/// Unlike what a patch has they do not change in one step: each account stands for
/// itself. Each call may be repeated. Dropping one is as if its answer had been lost.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// The accounts that others have asked to be scored, in no order; of more than
    /// `count_max`, any so many.
    ///
    /// # Errors
    /// There is no answer.
    async fn tracked(&self, count_max: usize) -> Result<TrackedAccounts, PublishError>;

    /// Lets readers see these documents, each in place of what was there.
    ///
    /// MUST change nothing if another has taken the lock since `leadership` began;
    /// without one nobody is asked.
    ///
    /// # Errors
    /// Some may be seen and others not.
    async fn put(
        &self,
        documents: &[Document],
        leadership: Option<&Leadership>,
    ) -> Result<(), PublishError>;

    /// Keeps how far skills spread, for whoever scores an account later.
    ///
    /// MUST change nothing in the cases in which [`put`](Self::put) must not.
    ///
    /// # Errors
    /// It may be kept.
    async fn keep_spread(
        &self,
        spread: SkillSpread,
        leadership: Option<&Leadership>,
    ) -> Result<(), PublishError>;

    /// How far skills spread, to the last digit as it was kept; none if nobody has
    /// learned it, or if what is there cannot be read.
    ///
    /// # Errors
    /// There is no answer.
    async fn spread(&self) -> Result<Option<SkillSpread>, PublishError>;
}

/// The accounts that others have asked to be scored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrackedAccounts {
    /// Which, in no order.
    pub accounts: Vec<AccountId>,
    /// How many of what was asked for are no accounts.
    pub others: usize,
}
