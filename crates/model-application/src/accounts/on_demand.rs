//! The scores of an account that somebody asks for.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::AccountId;

use super::AccountScoring;
use crate::{
    ports::{AccountScores, AccountStore, PublishedResults, ResultDocuments, ScoresUnavailable},
    result::PatchHead,
    runs::RunsStatus,
    slices::Skill,
};

/// Scores one account by what readers see, and by how far skills spread among the
/// accounts that were scored last: whoever answers, the digits are those of a run.
pub struct AccountsOnDemand {
    /// By what.
    pub scoring: AccountScoring,
    /// Knows what readers see, most of the time.
    pub status: Arc<RunsStatus>,
    /// Is asked where it does not.
    pub published: Arc<dyn PublishedResults>,
    /// Knows how far skills spread.
    pub store: Arc<dyn AccountStore>,
    /// How scores look.
    pub documents: Arc<dyn ResultDocuments>,
}

impl AccountsOnDemand {
    async fn score(
        &self,
        account: AccountId,
        patch: &PatchHead,
        skill: Skill,
    ) -> Result<Option<Bytes>, ScoresUnavailable> {
        let spread = self.store.spread().await.map_err(unavailable)?;
        let spread = spread.unwrap_or_default();
        let now = patch.as_of;
        let scored = self.scoring.score_one(account, patch, skill, spread, now);
        let scored = scored.await.map_err(unavailable)?;
        Ok(scored.map(|scores| self.documents.account(&scores, patch).json))
    }
}

#[async_trait]
impl AccountScores for AccountsOnDemand {
    async fn scores(
        &self,
        account: AccountId,
        patch: &str,
        skill: Skill,
    ) -> Result<Option<Bytes>, ScoresUnavailable> {
        if let Some(seen) = self.status.published(patch) {
            return self.score(account, &seen.result, skill).await;
        }
        let seen = self.published.published(patch).await.map_err(unavailable)?;
        let gone = || ScoresUnavailable(format!("patch {patch} is not published any more"));
        self.score(account, &seen.ok_or_else(gone)?.head(), skill)
            .await
    }
}

fn unavailable(error: impl std::fmt::Display) -> ScoresUnavailable {
    ScoresUnavailable(error.to_string())
}
