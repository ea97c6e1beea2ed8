//! What happens by itself, and what happens while stores are away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use auth_application::{
    AuditEntry, AuthorizeError, Authorized, CameBack, KeyId, KeySchedule, MadeKey, PageReason,
    SigningKey, Stores,
    ports::{
        AttemptDigest, Completed, Housekeeping as _, KeyStore, Login, LoginStore, Look, StoreError,
    },
};
use auth_memory_adapter::MemoryStore;
use auth_test_support::ToldVerifiers;
use domain::Timestamp;
use health_kit::Clock as _;
use identity::{Attempt, openid::Nonce};
use tokio_util::sync::CancellationToken;

use crate::world::{ANA, World, settings, wait};

/// Keys that can be away.
struct AwayKeys {
    store: Arc<MemoryStore>,
    is_away: AtomicBool,
}

/// Attempts that are always away.
struct AwayLogins;

fn away() -> StoreError {
    StoreError::Unavailable {
        detail: "nobody answers".to_owned(),
        cause: "away",
    }
}

#[async_trait]
impl KeyStore for AwayKeys {
    async fn keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(away());
        }
        self.store.keys().await
    }

    async fn add(
        &self,
        made: &MadeKey,
        schedule: &KeySchedule,
        now: Timestamp,
    ) -> Result<Option<SigningKey>, StoreError> {
        self.store.add(made, schedule, now).await
    }

    async fn remove_retired(&self, now: Timestamp) -> Result<Vec<KeyId>, StoreError> {
        self.store.remove_retired(now).await
    }
}

#[async_trait]
impl LoginStore for AwayLogins {
    async fn begin(&self, _: &AttemptDigest, _: &Attempt) -> Result<(), StoreError> {
        Err(away())
    }

    async fn look(&self, _: &AttemptDigest, _: Option<&Nonce>) -> Result<Look, StoreError> {
        Err(away())
    }

    async fn begin_check(&self, _: &AttemptDigest) -> Result<bool, StoreError> {
        Err(away())
    }

    async fn end(&self, _: &AttemptDigest, _: &AuditEntry) -> Result<bool, StoreError> {
        Err(away())
    }

    async fn complete(&self, _: &Login) -> Result<Completed, StoreError> {
        Err(away())
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_there_within_five_seconds_of_the_store() {
    let store = Arc::<MemoryStore>::default();
    let keys = Arc::new(AwayKeys {
        store: store.clone(),
        is_away: AtomicBool::new(true),
    });
    let stores = Stores {
        keys: keys.clone(),
        ..Stores::of(store.clone())
    };
    let world = World::with(store, stores, settings(), None, ToldVerifiers::default());
    let stop = CancellationToken::new();
    let auth = Arc::new(world.auth);
    let running = tokio::spawn({
        let (auth, stop) = (auth.clone(), stop.clone());
        async move { auth.look_after_itself(&stop).await }
    });
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(auth.ring().active_key(), None);
    keys.is_away.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let key = auth.ring().active_key();
    assert!(key.is_some());
    // Once known, a key goes on without the store.
    keys.is_away.store(true, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(auth.ring().active_key(), key);
    stop.cancel();
    running.await.expect("it stops when it is told to");
}

#[tokio::test(start_paused = true)]
async fn what_is_over_is_forgotten_by_itself() {
    let world = World::new().await;
    for _ in 0..2_500 {
        world.auth.authorize(&World::wish().0, None).await;
    }
    wait(Duration::from_hours(1)).await;
    world.auth.forget().await;
    let (now, life) = (world.clock.now(), settings().session_life);
    let left = world
        .store
        .prune(now, life, 1)
        .await
        .expect("it is forgotten");
    assert_eq!(left.attempts, 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_cannot_be_looked_up_may_come_again() {
    let world = World::new().await;
    let tab = world.tab(ANA).await;
    let stores = Stores {
        logins: Arc::new(AwayLogins),
        ..Stores::of(world.store.clone())
    };
    let store = world.store.clone();
    let without = World::with(store, stores, settings(), None, ToldVerifiers::default());
    let came = without.come_back(&tab).await;
    assert_eq!(came, CameBack::Page(PageReason::Unavailable));
    assert!(without.steam.asked().is_empty());
    match without.auth.authorize(&World::wish().0, None).await {
        Authorized::Back { error, .. } => {
            assert_eq!(error, AuthorizeError::TemporarilyUnavailable);
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(world.come_back(&tab).await, CameBack::In { .. }));
}
