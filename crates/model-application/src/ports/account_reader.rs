//! Where the games of accounts come from.

use async_trait::async_trait;
use domain::{AccountId, CountingRules, HeroId, Side, SkillBracket, Timestamp};

use super::{DraftSeen, ReadError};
use crate::{
    draft::Draft,
    slices::{MatchSums, Mode},
};

/// The games of accounts that show themselves. Nothing is ever changed.
///
/// Each call has an end: an answer, or an error after a time that is the
/// reader's own. Dropping a call stops what was asked.
#[async_trait]
pub trait AccountReader: Send + Sync {
    /// Hands over the games of each account from `since` on that count by the
    /// rules: one account after another by id, its games by match id, none twice.
    /// What became of all of them; a game of a mode that no slice has is left out
    /// as [`OTHER_MODE`](super::OTHER_MODE), and one whose hero is not in the draft
    /// as [`NOT_IN_DRAFT`].
    ///
    /// Accounts may be named in any order. MUST hold the games of a few accounts at
    /// a time, however many there are: whoever asks for many accounts asks for some
    /// at a time.
    ///
    /// # Errors
    /// [`ReadError`]; what was handed over is to be forgotten. Never
    /// [`ReadError::DayChanged`].
    async fn account_games(
        &self,
        accounts: &[AccountId],
        since: Timestamp,
        rules: &CountingRules,
        each: &mut (dyn FnMut(AccountGame) + Send),
    ) -> Result<MatchSums, ReadError>;

    /// The accounts with the most games from `since` on, whether these count or not:
    /// the most active first, of equally active ones that with the lower id; at most
    /// `count_max`.
    ///
    /// # Errors
    /// [`ReadError`]; never [`ReadError::DayChanged`].
    async fn most_active(
        &self,
        since: Timestamp,
        count_max: usize,
    ) -> Result<Vec<AccountId>, ReadError>;
}

/// The reason for which a game is left out when one source has the account play a
/// hero, and another has not drafted it on that side.
pub const NOT_IN_DRAFT: &str = "not_in_draft";

/// A game of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountGame {
    /// Whose game it is.
    pub account: AccountId,
    /// When it started.
    pub start_time: Timestamp,
    /// What it played; its side has drafted it.
    pub hero: HeroId,
    /// On which side.
    pub side: Side,
    /// All heroes of the match.
    pub draft: Draft,
    /// By which rules it was played.
    pub mode: Mode,
    /// How good its players were.
    pub bracket: SkillBracket,
    /// Who won.
    pub radiant_win: bool,
}

impl AccountGame {
    /// What an account has played in a match that counts.
    ///
    /// # Errors
    /// [`NOT_IN_DRAFT`].
    pub fn of(
        account: AccountId,
        start_time: Timestamp,
        (side, hero): (Side, HeroId),
        seen: &DraftSeen,
    ) -> Result<Self, &'static str> {
        let drafted = match side {
            Side::Radiant => seen.draft.radiant(),
            Side::Dire => seen.draft.dire(),
        };
        if !drafted.contains(&hero) {
            return Err(NOT_IN_DRAFT);
        }
        Ok(Self {
            account,
            start_time,
            hero,
            side,
            draft: seen.draft,
            mode: seen.mode,
            bracket: seen.bracket,
            radiant_win: seen.radiant_win,
        })
    }

    /// Whether the account won.
    #[must_use]
    pub const fn has_won(&self) -> bool {
        self.side.has_won(self.radiant_win)
    }
}
