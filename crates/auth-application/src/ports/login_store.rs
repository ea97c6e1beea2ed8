//! Where attempts to sign in are.

use async_trait::async_trait;
use domain::{SteamId, Timestamp, UserId};
use identity::{
    Attempt, ClientId, Digest, RedirectUri, Scopes, kind, openid::Nonce, openid::Refusal,
};

use super::{Profile, StoreError};
use crate::{
    audit::{AuditEntry, AuditEvent},
    caller::AddressPrefix,
};

/// What is kept of the secret that names an attempt.
pub type AttemptDigest = Digest<kind::Attempt>;

/// Attempts to sign in, the nonces that were seen, and what a sign-in leads to.
#[async_trait]
pub trait LoginStore: Send + Sync {
    /// Keeps an attempt that begins. Any number may be under way side by side, also of one browser.
    ///
    /// # Errors
    /// Whether it is kept is not known; nobody misses it.
    async fn begin(&self, id: &AttemptDigest, attempt: &Attempt) -> Result<(), StoreError>;

    /// Looks at an attempt, and whether a nonce was seen.
    ///
    /// # Errors
    /// They could not be looked up.
    async fn look(&self, id: &AttemptDigest, nonce: Option<&Nonce>) -> Result<Look, StoreError>;

    /// Counts that Steam is asked about an attempt, before it is: `true` if it may be.
    ///
    /// MUST count and judge whether the attempt [is open](Attempt::is_open) in one step, so that however many
    /// callbacks come at the same time, Steam is asked no more than
    /// [`CHECKS_MAX`](identity::CHECKS_MAX) times. It counts as a check that has failed until the attempt ends.
    ///
    /// # Errors
    /// Whether it was counted is not known; Steam is not asked then.
    async fn begin_check(&self, id: &AttemptDigest) -> Result<bool, StoreError>;

    /// Ends an attempt that has not ended, and sets `entry` down; `false` if it has ended already or never
    /// began, and then nothing changes.
    ///
    /// # Errors
    /// Whether it has ended is not known.
    async fn end(&self, id: &AttemptDigest, entry: &AuditEntry) -> Result<bool, StoreError>;

    /// Lets somebody in whom Steam has confirmed.
    ///
    /// In one step: the attempt ends, the nonce is seen, the user is there and was here now, the code is kept,
    /// and [what happened](Login::entry) is set down. MUST judge in that step that the attempt has not ended and
    /// that the nonce was not seen; otherwise nothing changes. A user who is blocked gets no code, and all else
    /// happens.
    ///
    /// # Errors
    /// Whether it happened is not known. The code is worth nothing to anybody who was not told it.
    async fn complete(&self, login: &Login) -> Result<Completed, StoreError>;
}

/// What is known before Steam is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The attempt; `None` if nobody has begun it, or it is forgotten.
    pub attempt: Option<Attempt>,
    /// Whether the nonce was seen.
    pub is_nonce_seen: bool,
}

/// Somebody whom Steam has confirmed.
#[derive(Debug, Clone)]
pub struct Login {
    /// The attempt.
    pub attempt: AttemptDigest,
    /// Who began it.
    pub client: ClientId,
    /// Where the code is sent.
    pub redirect_uri: RedirectUri,
    /// What Steam's assertion cannot be used again for.
    pub nonce: Nonce,
    /// Who it is.
    pub person: SteamId,
    /// How the person is shown; what is not known now stays as it was.
    pub profile: Profile,
    /// The user's id, if this is the first time.
    pub new_user: UserId,
    /// What is kept of the code.
    pub code: Digest<kind::Code>,
    /// What is granted.
    pub scopes: Scopes,
    /// When the code is worth nothing any more.
    pub code_expires_at: Timestamp,
    /// Whence it came.
    pub address: Option<AddressPrefix>,
    /// Now.
    pub at: Timestamp,
}

/// What became of letting somebody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completed {
    /// The code is worth a session.
    In(UserId),
    /// The user is blocked. The attempt has ended.
    Blocked(UserId),
    /// Nothing has changed: somebody was faster.
    Refused(Refusal),
}

impl Login {
    /// What is set down of it, by what became of it.
    #[must_use]
    pub fn entry(&self, user: UserId, is_blocked: bool) -> AuditEntry {
        let event = if is_blocked {
            AuditEvent::LoginRefused
        } else {
            AuditEvent::Login
        };
        let entry = AuditEntry {
            user: Some(user),
            client: Some(self.client.clone()),
            address: self.address.clone(),
            ..AuditEntry::new(self.at, event)
        };
        if is_blocked {
            entry.because("blocked")
        } else {
            entry.with("scope", self.scopes.to_string())
        }
    }
}
