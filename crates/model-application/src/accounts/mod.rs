//! Scores of accounts: what is to be expected of each on the heroes it has played.
//!
//! Of each game the published model of its slice says what was to be expected, so a
//! lucky draft is no skill. How far skills spread is learned from all accounts
//! together, or of very many from as many as are enough for that; each account is
//! read once. Nothing grows with the number of accounts or of their games.
//!
//! Deliberately absent: how scores look to readers.

mod gathering;
mod on_demand;
mod pages;
mod scored;
mod storing;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::{AccountId, CountingRules, Timestamp};

use self::gathering::{Gathered, Gathering};
pub use self::{
    on_demand::AccountsOnDemand,
    pages::AccountPages,
    scored::{AccountResult, HeroResult},
    storing::{AccountChoice, AccountRound, RoundEnd, RoundTrouble},
};
use crate::{
    personal::SkillSpread,
    ports::{AccountReader, ReadError},
    result::PatchHead,
    slices::{MatchSums, Skill},
};

/// Accounts that are read together.
const PAGE_ACCOUNTS: usize = 100;
/// Heroes of accounts that are held to learn how far skills spread: some 20 MB. The
/// two variances are known within a few per cent long before.
const HELD_HEROES_MAX: usize = 200_000;

/// How accounts are scored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSettings {
    /// Older games do not count.
    pub history: Duration,
    /// In how many days the weight of a game halves; 0 for never.
    pub half_life_days: u32,
    /// How sure intervals are, in ten-thousandths.
    pub level: u16,
    /// Which games count.
    pub rules: CountingRules,
}

/// Scores accounts by their games.
pub struct AccountScoring {
    reader: Arc<dyn AccountReader>,
    settings: AccountSettings,
    held_heroes_max: usize,
}

/// What came of scoring accounts.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredAccounts {
    /// How far skills spread among them, or what is [taken for
    /// granted](SkillSpread::default) where fewer than 200 have a game; none if none has.
    pub spread: Option<SkillSpread>,
    /// How many have scores.
    pub accounts: u64,
    /// What became of their games, by the reader's reasons and [`NO_MODEL`].
    pub games: MatchSums,
}

/// The reason for which a game is left out of which no published model says what was
/// to be expected.
pub const NO_MODEL: &str = "no_model";

impl AccountScoring {
    /// Reads by `reader`.
    #[must_use]
    pub fn new(reader: Arc<dyn AccountReader>, settings: AccountSettings) -> Self {
        Self {
            reader,
            settings,
            held_heroes_max: HELD_HEROES_MAX,
        }
    }

    /// Holds no more heroes of accounts than that when it learns how far skills spread.
    #[must_use]
    pub fn holding(self, heroes_max: usize) -> Self {
        Self {
            held_heroes_max: heroes_max,
            ..self
        }
    }

    /// The same as [`score`](Self::score), some accounts at a time.
    #[must_use]
    pub fn pages<'a>(
        &'a self,
        accounts: &[AccountId],
        patch: &'a PatchHead,
        now: Timestamp,
    ) -> AccountPages<'a> {
        AccountPages::new(self, accounts, patch, now)
    }

    /// Scores these accounts against the strengths of a patch, each of the skill at
    /// which it plays most, and hands over one after another. Accounts without a game
    /// that counts are passed over. Whoever named them in which order, the results are
    /// the same.
    ///
    /// # Errors
    /// [`ReadError`]; what was handed over stays true, but is not all.
    pub async fn score(
        &self,
        accounts: &[AccountId],
        patch: &PatchHead,
        now: Timestamp,
        each: &mut (dyn FnMut(AccountResult) + Send),
    ) -> Result<ScoredAccounts, ReadError> {
        let mut pages = self.pages(accounts, patch, now);
        while let Some(page) = pages.next().await? {
            page.into_iter().for_each(&mut *each);
        }
        Ok(pages.scored().clone())
    }

    /// Scores one account against the strengths of that skill, given how far skills
    /// spread among others; none if it has no game that counts, or the patch has no
    /// such skill.
    ///
    /// May be dropped at any time.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn score_one(
        &self,
        account: AccountId,
        patch: &PatchHead,
        skill: Skill,
        spread: SkillSpread,
        now: Timestamp,
    ) -> Result<Option<AccountResult>, ReadError> {
        let mut games = MatchSums::default();
        let gathered = self.gather(&[account], patch, now, &mut games).await?;
        let only = gathered.first();
        Ok(only.and_then(|account| {
            AccountResult::of(account, patch, skill, spread, self.settings.level)
        }))
    }

    /// What counts of the games of some accounts.
    async fn gather(
        &self,
        accounts: &[AccountId],
        patch: &PatchHead,
        now: Timestamp,
        games: &mut MatchSums,
    ) -> Result<Vec<Gathered>, ReadError> {
        let since = now.saturating_sub(self.settings.history);
        let mut gathering = Gathering::new(patch, now, self.settings.half_life_days);
        let read = {
            let rules = &self.settings.rules;
            let mut each = |game| gathering.add(&game);
            let read = self.reader.account_games(accounts, since, rules, &mut each);
            read.await?
        };
        let (gathered, without_model) = gathering.finish();
        games.merge(&read);
        if without_model > 0 {
            games.used -= without_model;
            *games.excluded.entry(NO_MODEL.to_owned()).or_default() += without_model;
        }
        Ok(gathered)
    }
}

/// Each account once, in an order that has nothing to do with ids: these tell how old
/// an account is, and the first ones decide how far skills spread.
fn mixed(accounts: &[AccountId]) -> Vec<AccountId> {
    let accounts: BTreeSet<_> = accounts.iter().copied().collect();
    let mut accounts: Vec<_> = accounts.into_iter().collect();
    // Multiplying by an odd number is one-to-one, and its upper bits mix all lower ones.
    accounts.sort_by_key(|account| account.get().wrapping_mul(0x9e37_79b1).reverse_bits());
    accounts
}
