//! The scores of all accounts that somebody wants, put where readers find them.

use std::{sync::Arc, time::Duration};

use domain::Timestamp;
use thiserror::Error;
use tokio::time::Instant;

use super::AccountScoring;
use crate::{
    ports::{AccountStore, Leadership, PublishError, ReadError, ResultDocuments, TrackedAccounts},
    result::PatchHead,
};

/// No round scores more: of more that are wanted, any so many.
const ACCOUNTS_MAX: usize = 100_000;

/// Which accounts are scored before anybody asks for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountChoice {
    /// Those that others have asked for.
    Tracked,
    /// So many with the most games, at most 100,000.
    Active(usize),
    /// None.
    Nobody,
}

/// Scores the accounts that are wanted, a page at a time.
pub struct AccountRound {
    /// By what.
    pub scoring: AccountScoring,
    /// Which.
    pub choice: AccountChoice,
    /// Where scores go.
    pub store: Arc<dyn AccountStore>,
    /// How they look there.
    pub documents: Arc<dyn ResultDocuments>,
}

/// What a round has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoundEnd {
    /// How many accounts were wanted, those without a game that counts included.
    pub wanted: u64,
    /// How many have scores now.
    pub scored: u64,
    /// How many games they have.
    pub games: u64,
    /// So many of those that are tracked are no accounts.
    pub odd: u64,
    /// More accounts are wanted than a round scores.
    pub is_cut: bool,
    /// It has ended for lack of time before all were scored.
    pub is_late: bool,
}

/// Why a round ends before its end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RoundTrouble {
    /// Games cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Scores cannot be put where they go.
    #[error(transparent)]
    Store(#[from] PublishError),
}

impl AccountRound {
    /// Scores against the strengths of a patch, as of when its run began. What was put
    /// stays, also if the round fails; a page that is done after `time_max` is the last.
    ///
    /// # Errors
    /// [`RoundTrouble`]; [`PublishError::LeadershipLost`] if another may do this now.
    pub async fn carry_out(
        &self,
        patch: &PatchHead,
        leadership: Option<&Leadership>,
        time_max: Duration,
    ) -> Result<RoundEnd, RoundTrouble> {
        let began = Instant::now();
        let TrackedAccounts {
            mut accounts,
            others,
        } = self.wanted(patch.as_of).await?;
        let is_cut = accounts.len() + others > ACCOUNTS_MAX;
        accounts.truncate(ACCOUNTS_MAX);
        let mut end = RoundEnd {
            wanted: accounts.len() as u64,
            odd: others as u64,
            is_cut,
            ..RoundEnd::default()
        };
        let mut pages = self.scoring.pages(&accounts, patch, patch.as_of);
        let mut is_spread_kept = false;
        while let Some(page) = pages.next().await? {
            if let Some(spread) = pages.scored().spread.filter(|_| !is_spread_kept) {
                self.store.keep_spread(spread, leadership).await?;
                is_spread_kept = true;
            }
            let documents = page.iter().map(|it| self.documents.account(it, patch));
            let documents: Vec<_> = documents.collect();
            self.store.put(&documents, leadership).await?;
            if began.elapsed() > time_max {
                end.is_late = true;
                break;
            }
        }
        end.scored = pages.scored().accounts;
        end.games = pages.scored().games.used;
        Ok(end)
    }

    /// The accounts that are wanted; one more than are scored, if there are more.
    async fn wanted(&self, now: Timestamp) -> Result<TrackedAccounts, RoundTrouble> {
        match self.choice {
            AccountChoice::Nobody => Ok(TrackedAccounts::default()),
            AccountChoice::Active(count) => {
                let since = now.saturating_sub(self.scoring.settings.history);
                let count = count.min(ACCOUNTS_MAX);
                let accounts = self.scoring.reader.most_active(since, count).await?;
                Ok(TrackedAccounts {
                    accounts,
                    others: 0,
                })
            }
            AccountChoice::Tracked => Ok(self.store.tracked(ACCOUNTS_MAX + 1).await?),
        }
    }
}
