//! One callback, loaded many times at once.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use auth_application::{
    AuditEntry, CameBack, PageReason, Stores,
    ports::{AttemptDigest, Completed, Login, LoginStore, Look, StoreError},
};
use auth_memory_adapter::MemoryStore;
use auth_test_support::ToldVerifiers;
use identity::{
    Attempt, CHECKS_MAX,
    openid::{Nonce, Refusal},
};

use crate::world::{ANA, World, settings};

/// Attempts that others change between a look and what is done next, as on a server.
struct ElsewhereLogins(Arc<MemoryStore>);

#[async_trait]
impl LoginStore for ElsewhereLogins {
    async fn begin(&self, id: &AttemptDigest, attempt: &Attempt) -> Result<(), StoreError> {
        self.0.begin(id, attempt).await
    }

    async fn look(&self, id: &AttemptDigest, nonce: Option<&Nonce>) -> Result<Look, StoreError> {
        let look = self.0.look(id, nonce).await;
        tokio::task::yield_now().await;
        look
    }

    async fn begin_check(&self, id: &AttemptDigest) -> Result<bool, StoreError> {
        self.0.begin_check(id).await
    }

    async fn end(&self, id: &AttemptDigest, entry: &AuditEntry) -> Result<bool, StoreError> {
        self.0.end(id, entry).await
    }

    async fn complete(&self, login: &Login) -> Result<Completed, StoreError> {
        self.0.complete(login).await
    }
}

#[tokio::test(start_paused = true)]
async fn steam_is_asked_twice_at_most_and_one_comes_in() {
    let store = Arc::<MemoryStore>::default();
    let stores = Stores {
        logins: Arc::new(ElsewhereLogins(store.clone())),
        ..Stores::of(store.clone())
    };
    let world = World::with(store, stores, settings(), None, ToldVerifiers::default());
    let tab = world.tab(ANA).await;
    let silence = world.steam.keep_silent();
    let loads = (0..10).map(|_| world.come_back(&tab));
    let loads = futures_util::future::join_all(loads);
    let answers = async {
        // All others have their answer by then.
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(silence);
    };
    let (came, ()) = tokio::join!(loads, answers);
    assert_eq!(world.steam.asked().len(), usize::from(CHECKS_MAX));
    let came_in = came.iter().filter(|it| matches!(it, CameBack::In { .. }));
    assert_eq!(came_in.count(), 1);
    let page = CameBack::Page(PageReason::Refused(Refusal::AttemptEnded));
    assert_eq!(came.iter().filter(|it| **it == page).count(), 9);
    let set_down = world.set_down();
    assert_eq!(set_down.iter().filter(|it| *it == "login").count(), 1);
}
