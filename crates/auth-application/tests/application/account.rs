//! What users do with their sessions, and administrators with users.

use std::time::Duration;

use auth_application::{AccountError, ports::BlockReason};
use auth_test_support::ToldVerifiers;
use domain::{SessionId, SteamId, UserId};

use crate::world::{ADMIN, ANA, BEGIN, World, caller, settings, wait};

#[tokio::test(start_paused = true)]
async fn users_see_and_end_their_own_sessions() {
    let world = World::new().await;
    let first = world.principal(&world.session(ANA).await);
    wait(Duration::from_secs(1)).await;
    let second = world.principal(&world.session(ANA).await);
    let other = world.principal(&world.session(ADMIN).await);
    let id = |of: &identity::Principal| of.session.expect("it has one");
    let shown = world.auth.sessions(&first).await.expect("they are shown");
    let ids: Vec<_> = shown.iter().map(|it| it.session.id).collect();
    assert_eq!(ids, [id(&second), id(&first)]);
    assert_eq!(shown[0].caller, caller());

    let out = world.auth.log_out(&first, id(&other), &caller()).await;
    assert_eq!(out, Err(AccountError::NotFound));
    let nobodys = SessionId::new(BEGIN, [9; 10]);
    let out = world.auth.log_out(&first, nobodys, &caller()).await;
    assert_eq!(out, Err(AccountError::NotFound));
    world
        .auth
        .log_out(&first, id(&second), &caller())
        .await
        .expect("it is logged out");
    world
        .auth
        .log_out(&first, id(&second), &caller())
        .await
        .expect("it stays so");
    let told = world.told.told();
    assert_eq!(
        told.iter().map(|(it, _)| *it).collect::<Vec<_>>(),
        [id(&second)]
    );

    // Whoever was logged out does nothing more, though the token is not over yet.
    let ended = AccountError::SessionEnded;
    assert_eq!(world.auth.sessions(&second).await, Err(ended));
    assert_eq!(
        world.auth.log_out(&second, id(&first), &caller()).await,
        Err(ended)
    );
    assert_eq!(
        world.auth.log_out_everywhere(&second, &caller()).await,
        Err(ended)
    );
    world.session(ANA).await;
    assert_eq!(
        world.auth.log_out_everywhere(&first, &caller()).await,
        Ok(2)
    );
    assert_eq!(world.auth.sessions(&first).await, Err(ended));
    assert_eq!(world.auth.sessions(&other).await.map(|it| it.len()), Ok(1));
}

#[tokio::test(start_paused = true)]
async fn administrators_look_after_users() {
    let world = World::new().await;
    let answer = world.session(ANA).await;
    let user = world.principal(&answer).user;
    let person = SteamId::try_new(ANA).expect("a person");
    let found = world.auth.user_of(person).await.expect("a user");
    assert_eq!(world.auth.user(user).await.as_ref(), Ok(&found));
    assert_eq!(found.id, user);
    let by = Some(UserId::new(BEGIN, [1; 10]));
    let reason = || BlockReason::try_new("cheats").expect("a reason");

    let nobody = UserId::new(BEGIN, [2; 10]);
    let missing = AccountError::NotFound;
    assert_eq!(world.auth.user(nobody).await, Err(missing));
    assert_eq!(world.auth.block(nobody, reason(), by).await, Err(missing));
    assert_eq!(world.auth.unblock(nobody, by).await, Err(missing));
    assert_eq!(
        world.auth.end_sessions_of(nobody, &caller()).await,
        Err(missing)
    );

    assert_eq!(world.auth.end_sessions_of(user, &caller()).await, Ok(1));
    let again = world.session(ANA).await;
    assert_eq!(world.auth.block(user, reason(), by).await, Ok(1));
    assert!(world.refresh(&again).await.is_err());
    assert_eq!(world.told.told().len(), 2);
    assert_eq!(world.auth.unblock(user, by).await, Ok(()));
    world.session(ANA).await;
    let blocked = world
        .store
        .audit()
        .into_iter()
        .find(|it| it.event.code() == "user_blocked");
    let detail = blocked.expect("it was set down").detail;
    assert!(
        detail
            .iter()
            .any(|(name, value)| *name == "by"
                && Some(value) == by.map(|it| it.to_string()).as_ref())
    );
}

#[tokio::test(start_paused = true)]
async fn sessions_end_also_if_verifiers_cannot_be_told() {
    let store = std::sync::Arc::<auth_memory_adapter::MemoryStore>::default();
    let stores = auth_application::Stores::of(store.clone());
    let world = World::with(store, stores, settings(), None, ToldVerifiers::away());
    world
        .auth
        .ring()
        .look_after()
        .await
        .expect("there is a key");
    let answer = world.session(ANA).await;
    let who = world.principal(&answer);
    assert_eq!(world.auth.log_out_everywhere(&who, &caller()).await, Ok(1));
    assert!(world.refresh(&answer).await.is_err());
    assert_eq!(world.auth.figures().snapshot().revocations_untold, 1);
}
