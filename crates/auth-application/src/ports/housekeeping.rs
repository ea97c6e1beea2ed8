//! Forgetting what is over.

use std::time::Duration;

use async_trait::async_trait;
use domain::Timestamp;
use identity::SessionLife;

use super::StoreError;

/// How long after its beginning an attempt is kept.
pub const ATTEMPT_KEPT: Duration = Duration::from_hours(1);
/// How long after its end a code is kept: until then, one that comes again ends a session.
pub const CODE_KEPT: Duration = Duration::from_hours(24);
/// How long after its end a session is kept, with all that is its own.
pub const SESSION_KEPT: Duration = Duration::from_hours(30 * 24);

/// Forgets what is over and can change no answer any more.
#[async_trait]
pub trait Housekeeping: Send + Sync {
    /// Forgets, at most `count_max` of each:
    ///
    /// - attempts that began [`ATTEMPT_KEPT`] ago or earlier;
    /// - nonces that were seen [`NONCE_KEPT`](identity::openid::NONCE_KEPT) ago or earlier;
    /// - codes that expired [`CODE_KEPT`] ago or earlier;
    /// - refresh tokens that were used or revoked and have expired;
    /// - sessions that [were over](identity::Session::over_at) [`SESSION_KEPT`] ago or earlier, with their tokens
    ///   and codes.
    ///
    /// Users, keys and the audit log stay. What of it is done when it fails stays done.
    ///
    /// # Errors
    /// It is asked again later.
    async fn prune(
        &self,
        now: Timestamp,
        life: SessionLife,
        count_max: u32,
    ) -> Result<Pruned, StoreError>;
}

/// How many were forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Attempts to sign in.
    pub attempts: u64,
    /// Nonces of Steam.
    pub nonces: u64,
    /// Authorization codes, not counting those that went with their session.
    pub codes: u64,
    /// Refresh tokens, not counting those that went with their session.
    pub refresh_tokens: u64,
    /// Sessions.
    pub sessions: u64,
}

impl Pruned {
    /// The most that there are of one kind: as many as could be means that there may be more.
    #[must_use]
    pub fn most(&self) -> u64 {
        let of_tokens = self.codes.max(self.refresh_tokens).max(self.sessions);
        of_tokens.max(self.attempts).max(self.nonces)
    }
}
