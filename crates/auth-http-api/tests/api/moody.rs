//! A store that can be told to be away.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use auth_application::{
    AuditEntry, Stores,
    ports::{
        AttemptDigest, BeganSession, Block, Completed, Ending, Login, LoginStore, Look,
        RedeemRequest, Redeemed, RefreshRequest, Refreshed, SessionStore, StoreError, TokenState,
        Unblock, User, UserStore,
    },
};
use auth_memory_adapter::MemoryStore;
use domain::{SessionId, SteamId, Timestamp, UserId};
use identity::{Digest, SessionLife, kind, openid::Nonce};

/// Everything in memory, unless it is away.
#[derive(Default)]
pub(crate) struct Moody {
    store: Arc<MemoryStore>,
    is_away: AtomicBool,
}

impl Moody {
    pub(crate) fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }

    pub(crate) fn stores(self: &Arc<Self>) -> Stores {
        Stores {
            logins: self.clone(),
            sessions: self.clone(),
            users: self.clone(),
            ..Stores::of(self.store.clone())
        }
    }

    pub(crate) fn memory(&self) -> &MemoryStore {
        &self.store
    }

    fn mood(&self) -> Result<&MemoryStore, StoreError> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable {
                detail: "zQz: no connection".to_owned(),
                cause: "connection",
            });
        }
        Ok(&self.store)
    }
}

#[async_trait]
impl LoginStore for Moody {
    async fn begin(
        &self,
        id: &AttemptDigest,
        attempt: &identity::Attempt,
    ) -> Result<(), StoreError> {
        self.mood()?.begin(id, attempt).await
    }

    async fn look(&self, id: &AttemptDigest, nonce: Option<&Nonce>) -> Result<Look, StoreError> {
        self.mood()?.look(id, nonce).await
    }

    async fn begin_check(&self, id: &AttemptDigest) -> Result<bool, StoreError> {
        self.mood()?.begin_check(id).await
    }

    async fn end(&self, id: &AttemptDigest, entry: &AuditEntry) -> Result<bool, StoreError> {
        LoginStore::end(self.mood()?, id, entry).await
    }

    async fn complete(&self, login: &Login) -> Result<Completed, StoreError> {
        self.mood()?.complete(login).await
    }
}

#[async_trait]
impl SessionStore for Moody {
    async fn redeem(&self, request: &RedeemRequest) -> Result<Redeemed, StoreError> {
        self.mood()?.redeem(request).await
    }

    async fn refresh(&self, request: &RefreshRequest) -> Result<Refreshed, StoreError> {
        self.mood()?.refresh(request).await
    }

    async fn end(&self, ending: &Ending) -> Result<Vec<SessionId>, StoreError> {
        SessionStore::end(self.mood()?, ending).await
    }

    async fn session(&self, id: SessionId) -> Result<Option<identity::Session>, StoreError> {
        self.mood()?.session(id).await
    }

    async fn token(&self, token: &Digest<kind::Refresh>) -> Result<Option<TokenState>, StoreError> {
        self.mood()?.token(token).await
    }

    async fn live_sessions(
        &self,
        user: UserId,
        life: SessionLife,
        now: Timestamp,
    ) -> Result<Vec<BeganSession>, StoreError> {
        self.mood()?.live_sessions(user, life, now).await
    }
}

#[async_trait]
impl UserStore for Moody {
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.mood()?.user(id).await
    }

    async fn user_of(&self, person: SteamId) -> Result<Option<User>, StoreError> {
        self.mood()?.user_of(person).await
    }

    async fn block(&self, block: &Block) -> Result<Option<Vec<SessionId>>, StoreError> {
        self.mood()?.block(block).await
    }

    async fn unblock(&self, unblock: &Unblock) -> Result<bool, StoreError> {
        self.mood()?.unblock(unblock).await
    }
}
