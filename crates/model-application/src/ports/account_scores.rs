//! Scores of accounts that no run has computed.

use async_trait::async_trait;
use bytes::Bytes;
use domain::AccountId;
use thiserror::Error;

use crate::Skill;

/// Computes the Personal Advantage Score of an account when somebody asks for it.
#[async_trait]
pub trait AccountScores: Send + Sync {
    /// The scores of `account` against the published strengths of that patch and
    /// skill, as JSON; `None` if the warehouse has no games of it.
    ///
    /// MUST be able to be dropped: whoever asks waits for a short while only.
    ///
    /// # Errors
    /// They cannot be computed now.
    async fn scores(
        &self,
        account: AccountId,
        patch: &str,
        skill: Skill,
    ) -> Result<Option<Bytes>, ScoresUnavailable>;
}

/// The scores cannot be computed now; it says what helps.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ScoresUnavailable(pub String);
