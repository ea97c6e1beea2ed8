//! The scores of many accounts, some at a time.

use domain::{AccountId, Timestamp};
use tokio::task::spawn_blocking;

use super::{
    AccountResult, AccountScoring, PAGE_ACCOUNTS, ScoredAccounts, gathering::Gathered, mixed,
};
use crate::{personal::SkillSpread, ports::ReadError, result::PatchHead, slices::MatchSums};

/// Scores of accounts, page by page, for whoever has to do something with one page
/// before the next: so nothing waits anywhere.
pub struct AccountPages<'a> {
    scoring: &'a AccountScoring,
    patch: &'a PatchHead,
    now: Timestamp,
    order: Vec<AccountId>,
    /// Of these, so many are gathered.
    gathered: usize,
    /// Those by which the spread was learned, the last one first.
    held: Vec<Gathered>,
    scored: ScoredAccounts,
}

impl<'a> AccountPages<'a> {
    pub(super) fn new(
        scoring: &'a AccountScoring,
        accounts: &[AccountId],
        patch: &'a PatchHead,
        now: Timestamp,
    ) -> Self {
        Self {
            scoring,
            patch,
            now,
            order: mixed(accounts),
            gathered: 0,
            held: Vec::new(),
            scored: ScoredAccounts {
                spread: None,
                accounts: 0,
                games: MatchSums::default(),
            },
        }
    }

    /// The scores of further accounts, at least of one; none when there are no more.
    ///
    /// # Errors
    /// [`ReadError`]; what came before stays true, but is not all.
    ///
    /// # Panics
    /// Never.
    pub async fn next(&mut self) -> Result<Option<Vec<AccountResult>>, ReadError> {
        loop {
            let spread = match self.scored.spread {
                Some(spread) => spread,
                None => match self.learn().await? {
                    Some(spread) => spread,
                    None => return Ok(None),
                },
            };
            let page = if self.held.is_empty() {
                match self.gather().await? {
                    Some(page) => page,
                    None => return Ok(None),
                }
            } else {
                let rest = self.held.len().saturating_sub(PAGE_ACCOUNTS);
                let mut page = self.held.split_off(rest);
                page.reverse();
                page
            };
            let results: Vec<_> = page
                .iter()
                .filter_map(|account| self.result(account, spread))
                .collect();
            if !results.is_empty() {
                self.scored.accounts += results.len() as u64;
                return Ok(Some(results));
            }
        }
    }

    /// What has come of it so far.
    #[must_use]
    pub const fn scored(&self) -> &ScoredAccounts {
        &self.scored
    }

    fn result(&self, account: &Gathered, spread: SkillSpread) -> Option<AccountResult> {
        let skill = account.skill(self.patch);
        let level = self.scoring.settings.level;
        AccountResult::of(account, self.patch, skill, spread, level)
    }

    /// Learns how far skills spread from as many accounts as are held, or takes it for
    /// granted where these are few; none if no account has a game.
    async fn learn(&mut self) -> Result<Option<SkillSpread>, ReadError> {
        let mut heroes = 0;
        while heroes < self.scoring.held_heroes_max {
            let Some(page) = self.gather().await? else {
                break;
            };
            heroes += page.iter().map(|it| it.heroes.len()).sum::<usize>();
            self.held.extend(page);
        }
        if self.held.is_empty() {
            return Ok(None);
        }
        let is_told = self.held.len() >= SkillSpread::ACCOUNTS_MIN;
        let mut held = std::mem::take(&mut self.held);
        // Some tenths of a second of arithmetic.
        let learned = spawn_blocking(move || {
            let learn = || {
                SkillSpread::learn(|add| {
                    for account in &held {
                        add(&account.heroes);
                    }
                })
            };
            let spread = if is_told {
                learn()
            } else {
                SkillSpread::default()
            };
            held.reverse();
            (spread, held)
        });
        let (spread, held) = learned.await.expect("arithmetic does not panic");
        self.held = held;
        self.scored.spread = Some(spread);
        Ok(Some(spread))
    }

    /// What counts of the games of the next accounts; none when there are no more.
    async fn gather(&mut self) -> Result<Option<Vec<Gathered>>, ReadError> {
        let rest = &self.order[self.gathered..];
        if rest.is_empty() {
            return Ok(None);
        }
        let page = &rest[..rest.len().min(PAGE_ACCOUNTS)];
        let games = &mut self.scored.games;
        let gathering = self.scoring.gather(page, self.patch, self.now, games);
        let found = gathering.await?;
        self.gathered += page.len();
        Ok(Some(found))
    }
}
