//! Where users are.

use async_trait::async_trait;
use domain::{SessionId, SteamId, Timestamp, UserId};
use identity::{EndReason, Person};
use thiserror::Error;

use super::{Ending, StoreError, Which};
use crate::{
    audit::{AuditEntry, AuditEvent},
    caller::Caller,
};

const REASON_CHARACTERS_MAX: usize = 256;

/// The users, for whoever looks after them.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Who somebody is.
    ///
    /// # Errors
    /// It could not be looked up.
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// Who a person on Steam is here; `None` for whoever never came in.
    ///
    /// # Errors
    /// It could not be looked up.
    async fn user_of(&self, person: SteamId) -> Result<Option<User>, StoreError>;

    /// Blocks a user, ends all sessions, and sets that down; which sessions have ended by it, or `None` if there
    /// is no such user. Whoever is blocked already stays blocked for the first reason.
    ///
    /// MUST be one step: no session begins or goes on after it.
    ///
    /// # Errors
    /// Whether it was done is not known; it helps to do it again.
    async fn block(&self, block: &Block) -> Result<Option<Vec<SessionId>>, StoreError>;

    /// Lets a user in again, and sets that down if it changed anything; `false` if there is no such user.
    /// Sessions that have ended stay so.
    ///
    /// # Errors
    /// Whether it was done is not known; it helps to do it again.
    async fn unblock(&self, unblock: &Unblock) -> Result<bool, StoreError>;
}

/// A user as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Who that is on Steam.
    pub person: Person,
    /// When the user came in first.
    pub created_at: Timestamp,
    /// When the user came in last.
    pub last_login_at: Timestamp,
    /// Since when and why the user does not come in any more.
    pub blocked: Option<Blocked>,
}

/// That a user does not come in any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: BlockReason,
}

/// That a user shall not come in any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Who.
    pub user: UserId,
    /// Why.
    pub reason: BlockReason,
    /// Who wants it; `None` for a program.
    pub by: Option<UserId>,
    /// Now.
    pub at: Timestamp,
}

/// That a user may come in again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unblock {
    /// Who.
    pub user: UserId,
    /// Who wants it; `None` for a program.
    pub by: Option<UserId>,
    /// Now.
    pub at: Timestamp,
}

/// Why a user is blocked, in words for those who look after users: 1 to 256 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockReason(String);

/// What was given is no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a reason is 1 to {REASON_CHARACTERS_MAX} characters without control characters")]
pub struct BlockReasonFault;

impl Block {
    /// What is set down of it.
    #[must_use]
    pub fn entry(&self) -> AuditEntry {
        let entry = AuditEntry {
            user: Some(self.user),
            ..AuditEntry::new(self.at, AuditEvent::UserBlocked)
        };
        by(entry.because(self.reason.as_str()), self.by)
    }

    /// The end of all sessions that goes with it.
    #[must_use]
    pub fn ending(&self) -> Ending {
        Ending {
            which: Which::AllOf(self.user),
            reason: EndReason::Blocked,
            caller: Caller::default(),
            at: self.at,
        }
    }
}

impl Unblock {
    /// What is set down of it.
    #[must_use]
    pub fn entry(&self) -> AuditEntry {
        let entry = AuditEntry {
            user: Some(self.user),
            ..AuditEntry::new(self.at, AuditEvent::UserUnblocked)
        };
        by(entry, self.by)
    }
}

fn by(entry: AuditEntry, by: Option<UserId>) -> AuditEntry {
    match by {
        Some(by) => entry.with("by", by.to_string()),
        None => entry,
    }
}

impl BlockReason {
    /// Takes a reason.
    ///
    /// # Errors
    /// [`BlockReasonFault`].
    pub fn try_new(text: &str) -> Result<Self, BlockReasonFault> {
        let is_length = (1..=REASON_CHARACTERS_MAX).contains(&text.chars().count());
        let is_reason = is_length && !text.contains(char::is_control);
        is_reason
            .then(|| Self(text.to_owned()))
            .ok_or(BlockReasonFault)
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One that was kept.
    #[must_use]
    pub fn kept(text: String) -> Self {
        Self(text)
    }
}
