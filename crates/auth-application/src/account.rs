//! What users do with their own sessions, and administrators with users.

use domain::{SessionId, SteamId, UserId};
use identity::{EndReason, Principal};
use thiserror::Error;

use crate::{
    auth::{Auth, warn_of},
    caller::Caller,
    ports::{BeganSession, Block, BlockReason, StoreError, Unblock, User, Which},
};

/// Why nothing is shown or done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AccountError {
    /// The session of whoever asks was ended.
    #[error("the session was ended")]
    SessionEnded,
    /// There is no such session of this user, or no such user.
    #[error("there is no such thing")]
    NotFound,
    /// It may work later.
    #[error("it may work later")]
    Unavailable,
}

impl AccountError {
    fn away(error: &StoreError) -> Self {
        warn_of(error, "sessions and users cannot be looked up or changed");
        Self::Unavailable
    }
}

impl Auth {
    /// The sessions of whoever asks, the last used first.
    ///
    /// # Errors
    /// [`AccountError::SessionEnded`] and [`AccountError::Unavailable`].
    pub async fn sessions(&self, who: &Principal) -> Result<Vec<BeganSession>, AccountError> {
        self.require_session(who).await?;
        let store = &self.stores.sessions;
        let sessions = store.live_sessions(who.user, self.settings.session_life, self.clock.now());
        sessions.await.map_err(|error| AccountError::away(&error))
    }

    /// Logs out one session of whoever asks. One that has ended already is well ended.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn log_out(
        &self,
        who: &Principal,
        session: SessionId,
        caller: &Caller,
    ) -> Result<(), AccountError> {
        self.require_session(who).await?;
        let found = self.stores.sessions.session(session).await;
        let found = found.map_err(|error| AccountError::away(&error))?;
        if found.is_none_or(|found| found.user != who.user) {
            return Err(AccountError::NotFound);
        }
        let which = Which::One {
            session,
            user: who.user,
            client: None,
        };
        let ended = self.end_sessions(which, EndReason::LoggedOut, caller).await;
        ended.map(drop).map_err(|error| AccountError::away(&error))
    }

    /// Logs out all sessions of whoever asks, with the one that asks; how many there were.
    ///
    /// # Errors
    /// [`AccountError::SessionEnded`] and [`AccountError::Unavailable`].
    pub async fn log_out_everywhere(
        &self,
        who: &Principal,
        caller: &Caller,
    ) -> Result<usize, AccountError> {
        self.require_session(who).await?;
        let which = Which::AllOf(who.user);
        let ended = self.end_sessions(which, EndReason::LoggedOut, caller).await;
        let ended = ended.map_err(|error| AccountError::away(&error))?;
        Ok(ended.len())
    }

    /// A user, for an administrator.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] and [`AccountError::Unavailable`].
    pub async fn user_of(&self, person: SteamId) -> Result<User, AccountError> {
        let user = self.stores.users.user_of(person).await;
        let user = user.map_err(|error| AccountError::away(&error))?;
        user.ok_or(AccountError::NotFound)
    }

    /// A user by id, for an administrator.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] and [`AccountError::Unavailable`].
    pub async fn user(&self, id: UserId) -> Result<User, AccountError> {
        let user = self.stores.users.user(id).await;
        let user = user.map_err(|error| AccountError::away(&error))?;
        user.ok_or(AccountError::NotFound)
    }

    /// Keeps a user out from now on, and ends all sessions; how many there were. `by` is the administrator.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] and [`AccountError::Unavailable`].
    pub async fn block(
        &self,
        user: UserId,
        reason: BlockReason,
        by: Option<UserId>,
    ) -> Result<usize, AccountError> {
        let at = self.clock.now();
        let block = Block {
            user,
            reason,
            by,
            at,
        };
        let ended = self.stores.users.block(&block).await;
        let ended = ended.map_err(|error| AccountError::away(&error))?;
        let ended = ended.ok_or(AccountError::NotFound)?;
        self.have_ended(&ended, EndReason::Blocked, at).await;
        Ok(ended.len())
    }

    /// Lets a user come in again.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] and [`AccountError::Unavailable`].
    pub async fn unblock(&self, user: UserId, by: Option<UserId>) -> Result<(), AccountError> {
        let at = self.clock.now();
        let unblocked = self.stores.users.unblock(&Unblock { user, by, at }).await;
        let is_there = unblocked.map_err(|error| AccountError::away(&error))?;
        is_there.then_some(()).ok_or(AccountError::NotFound)
    }

    /// Ends all sessions of a user, who may sign in again; how many there were.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] and [`AccountError::Unavailable`].
    pub async fn end_sessions_of(
        &self,
        user: UserId,
        caller: &Caller,
    ) -> Result<usize, AccountError> {
        self.user(user).await?;
        let which = Which::AllOf(user);
        let ended = self.end_sessions(which, EndReason::Admin, caller).await;
        let ended = ended.map_err(|error| AccountError::away(&error))?;
        Ok(ended.len())
    }

    /// Whoever was logged out does not act, though the access token may live on.
    ///
    /// # Errors
    /// [`AccountError::SessionEnded`] and [`AccountError::Unavailable`].
    pub async fn require_session(&self, who: &Principal) -> Result<(), AccountError> {
        let session = self.live_session(who.session).await;
        let session = session.map_err(|error| AccountError::away(&error))?;
        session.map(drop).ok_or(AccountError::SessionEnded)
    }
}
