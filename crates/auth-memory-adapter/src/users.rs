//! Users, for whoever looks after them.

use async_trait::async_trait;
use auth_application::ports::{Block, Blocked, StoreError, Unblock, User, UserStore};
use domain::{SessionId, SteamId, UserId};

use crate::state::MemoryStore;

#[async_trait]
impl UserStore for MemoryStore {
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.state().users.get(&id).cloned())
    }

    async fn user_of(&self, person: SteamId) -> Result<Option<User>, StoreError> {
        Ok(self.state().user_of(person).cloned())
    }

    async fn block(&self, block: &Block) -> Result<Option<Vec<SessionId>>, StoreError> {
        let mut state = self.state();
        let Some(user) = state.users.get_mut(&block.user) else {
            return Ok(None);
        };
        if user.blocked.is_none() {
            user.blocked = Some(Blocked {
                at: block.at,
                reason: block.reason.clone(),
            });
            state.set_down([block.entry()]);
        }
        Ok(Some(state.end(&block.ending())))
    }

    async fn unblock(&self, unblock: &Unblock) -> Result<bool, StoreError> {
        let mut state = self.state();
        let Some(user) = state.users.get_mut(&unblock.user) else {
            return Ok(false);
        };
        if user.blocked.take().is_some() {
            state.set_down([unblock.entry()]);
        }
        Ok(true)
    }
}
