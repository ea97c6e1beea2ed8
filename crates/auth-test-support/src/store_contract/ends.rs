//! How sessions end, and how they are shown.

use anyhow::{Result, ensure};
use auth_application::ports::{SESSIONS_SHOWN_MAX, Which};
use domain::SessionId;
use identity::EndReason;

use super::world::{BEGIN, LIFE, World, after, caller, client, person, same};

pub(super) async fn sessions_end_for_whoever_may_end_them(world: &World) -> Result<()> {
    let mut begun = Vec::new();
    for _ in 0..5 {
        begun.push(world.begin_session(person(1), BEGIN).await?);
    }
    let other = world.begin_session(person(2), BEGIN).await?;
    let ids: Vec<_> = begun.iter().map(|it| it.session.id).collect();
    let user = begun[0].session.user;
    let end = async |which, reason| world.end(which, reason, after(9)).await;

    // By any token that was ever given in it, for its client.
    world.refresh(begun[0].token, after(1)).await?;
    let of_token = |client| Which::OfToken {
        token: begun[0].token,
        client,
    };
    let others = end(of_token(Some(client("other"))), EndReason::Revoked).await?;
    ensure!(others.is_empty(), "it is another client's");
    let own = Some(client("stats-site"));
    same(
        &end(of_token(own), EndReason::Revoked).await?,
        &vec![ids[0]],
    )?;
    let again = end(of_token(None), EndReason::LoggedOut).await?;
    ensure!(again.is_empty(), "it has ended already");
    same(&world.end_of(ids[0]).await?, &Some(EndReason::Revoked))?;
    let unknown = Which::OfToken {
        token: world.digest(),
        client: None,
    };
    ensure!(end(unknown, EndReason::Revoked).await?.is_empty());

    // By id, for its user.
    let one = |session, user, client| Which::One {
        session,
        user,
        client,
    };
    for which in [
        one(ids[1], other.session.user, None),
        one(ids[1], user, Some(client("other"))),
        one(SessionId::new(BEGIN, [3; 10]), user, None),
    ] {
        ensure!(end(which, EndReason::LoggedOut).await?.is_empty());
    }
    same(&world.end_of(ids[1]).await?, &None)?;
    let ended = end(one(ids[1], user, None), EndReason::LoggedOut).await?;
    same(&ended, &vec![ids[1]])?;

    // All that are left.
    let mut ended = end(Which::AllOf(user), EndReason::Admin).await?;
    ended.sort_unstable();
    let mut left = ids[2..].to_vec();
    left.sort_unstable();
    same(&ended, &left)?;
    ensure!(end(Which::AllOf(user), EndReason::Admin).await?.is_empty());
    same(&world.end_of(other.session.id).await?, &None)?;
    for session in &begun {
        let refused = world.refused(session.token, after(10)).await?;
        same(&refused, &("refresh_ended", None))?;
    }
    same(&world.audited("session_ended").await?, &5)
}

pub(super) async fn sessions_are_shown_to_their_user(world: &World) -> Result<()> {
    let first = world.begin_session(person(1), BEGIN).await?;
    let second = world.begin_session(person(1), after(10)).await?;
    let third = world.begin_session(person(1), after(20)).await?;
    world.begin_session(person(2), after(30)).await?;
    let user = first.session.user;
    world.refresh(first.token, after(100)).await?;
    let shown = async |at| {
        let sessions = world.sessions().live_sessions(user, LIFE, at).await?;
        Ok::<_, anyhow::Error>(sessions)
    };
    let ids = |of: &[auth_application::ports::BeganSession]| -> Vec<_> {
        of.iter().map(|it| it.session.id).collect()
    };
    let found = shown(after(101)).await?;
    let expected = vec![first.session.id, third.session.id, second.session.id];
    same(&ids(&found), &expected)?;
    same(&found[0].began_at, &BEGIN)?;
    same(&found[0].session.last_used_at, &after(100))?;
    same(&found[0].caller, &caller())?;
    let which = Which::One {
        session: third.session.id,
        user,
        client: None,
    };
    world.end(which, EndReason::LoggedOut, after(102)).await?;
    same(
        &ids(&shown(after(103)).await?),
        &vec![expected[0], expected[2]],
    )?;
    // The others are idle for too long first.
    let idle = after(50).saturating_add(LIFE.idle);
    same(&ids(&shown(idle).await?), &vec![expected[0]])?;

    for _ in 0..SESSIONS_SHOWN_MAX {
        world.begin_session(person(1), after(200)).await?;
    }
    let found = shown(after(201)).await?;
    same(&found.len(), &SESSIONS_SHOWN_MAX)?;
    ensure!(
        !ids(&found).contains(&first.session.id),
        "it was used the longest ago"
    );
    Ok(())
}
