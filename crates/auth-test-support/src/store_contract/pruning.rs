//! What is forgotten, and what is not.

use std::time::Duration;

use anyhow::{Result, ensure};
use auth_application::ports::{ATTEMPT_KEPT, CODE_KEPT, Pruned, SESSION_KEPT, Which};
use domain::Timestamp;
use identity::{EndReason, openid::NONCE_KEPT};

use super::world::{BEGIN, LIFE, World, after, person, same};

async fn prune(world: &World, at: Timestamp) -> Result<Pruned> {
    Ok(world.stores.housekeeping.prune(at, LIFE, 1_000).await?)
}

/// Forgets at a time and just before it; only then something is to be forgotten.
async fn at_last(world: &World, at: Timestamp, expected: Pruned) -> Result<()> {
    let just_before = at.saturating_sub(Duration::from_millis(1));
    same(&prune(world, just_before).await?, &Pruned::default())?;
    same(&prune(world, at).await?, &expected)?;
    same(&prune(world, at).await?, &Pruned::default())
}

pub(super) async fn what_is_over_is_forgotten(world: &World) -> Result<()> {
    let none = Pruned::default();
    let begun = world.begin_session(person(1), BEGIN).await?;
    let at = BEGIN.saturating_add(NONCE_KEPT);
    at_last(world, at, Pruned { nonces: 1, ..none }).await?;
    let at = BEGIN.saturating_add(ATTEMPT_KEPT);
    at_last(
        world,
        at,
        Pruned {
            attempts: 1,
            ..none
        },
    )
    .await?;
    let at = after(60).saturating_add(CODE_KEPT);
    at_last(world, at, Pruned { codes: 1, ..none }).await?;

    // A token that was used goes when it would have expired; the session goes on.
    let next = world.refresh(begun.token, after(100)).await?;
    let last = world.refresh(next, after(100_000)).await?;
    let at = BEGIN.saturating_add(LIFE.idle);
    let one = Pruned {
        refresh_tokens: 1,
        ..none
    };
    at_last(world, at, one).await?;
    ensure!(world.sessions().token(&begun.token).await?.is_none());
    let refused = world.refused(begun.token, at).await?;
    same(&refused, &("refresh_unknown", None))?;
    let at = after(100).saturating_add(LIFE.idle);
    at_last(world, at, one).await?;
    same(&world.end_of(begun.session.id).await?, &None)?;
    let tip = world.refresh(last, at).await?;

    // A session that nobody uses is over by itself, and one that was ended then.
    let ended = world.begin_session(person(1), at).await?;
    let id = ended.session.id;
    let which = Which::OfToken {
        token: ended.token,
        client: None,
    };
    world.end(which, EndReason::Revoked, at).await?;
    world.refresh(tip, at).await?;
    let gone = at.saturating_add(SESSION_KEPT);
    let just_before = gone.saturating_sub(Duration::from_millis(1));
    prune(world, just_before).await?;
    ensure!(world.sessions().session(id).await?.is_some());
    same(&prune(world, gone).await?.sessions, &1)?;
    ensure!(world.sessions().session(id).await?.is_none());
    ensure!(world.sessions().token(&ended.token).await?.is_none());
    let session = begun.session.id;
    let gone = at.saturating_add(LIFE.idle).saturating_add(SESSION_KEPT);
    let just_before = gone.saturating_sub(Duration::from_millis(1));
    prune(world, just_before).await?;
    ensure!(world.sessions().session(session).await?.is_some());
    same(&prune(world, gone).await?.sessions, &1)?;
    ensure!(world.sessions().session(session).await?.is_none());
    let user = world.stores.users.user_of(person(1)).await?;
    ensure!(user.is_some(), "users stay");
    same(&world.audited("login").await?, &2)
}

pub(super) async fn not_more_is_forgotten_than_was_asked_for(world: &World) -> Result<()> {
    for _ in 0..5 {
        let begun = world.begin_session(person(1), BEGIN).await?;
        let next = world.refresh(begun.token, after(1)).await?;
        world.refresh(next, after(2)).await?;
    }
    let late = after(10)
        .saturating_add(LIFE.absolute)
        .saturating_add(SESSION_KEPT);
    let housekeeping = &world.stores.housekeeping;
    let mut all = Pruned::default();
    for _ in 0..10 {
        let pruned = housekeeping.prune(late, LIFE, 2).await?;
        ensure!(pruned.most() <= 2, "{pruned:?}");
        all.attempts += pruned.attempts;
        all.nonces += pruned.nonces;
        all.sessions += pruned.sessions;
    }
    same(&(all.attempts, all.nonces, all.sessions), &(5, 5, 5))?;
    same(
        &housekeeping.prune(late, LIFE, 2).await?,
        &Pruned::default(),
    )
}
