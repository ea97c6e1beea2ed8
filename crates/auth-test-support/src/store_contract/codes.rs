//! What codes are redeemed for.

use anyhow::{Result, bail, ensure};
use auth_application::ports::{RedeemRequest, Redeemed};
use domain::SessionId;
use identity::{CodeVerifier, EndReason, Session};

use super::world::{BEGIN, LIFE, World, after, client, person, same, scopes};

async fn refused(
    world: &World,
    request: RedeemRequest,
) -> Result<(&'static str, Option<SessionId>)> {
    match world.sessions().redeem(&request).await? {
        Redeemed::Refused { refusal, ended } => Ok((refusal.code(), ended)),
        begun @ Redeemed::Begun { .. } => bail!("a session has begun: {begun:?}"),
    }
}

pub(super) async fn a_code_is_redeemed_by_whoever_asked_for_it(world: &World) -> Result<()> {
    let (user, code) = world.sign_in(person(1), BEGIN).await?;
    let with = |change: &dyn Fn(&mut RedeemRequest)| {
        let mut request = world.redeeming(code, after(20));
        change(&mut request);
        request
    };
    let other_verifier = "x".repeat(43);
    for (expected, request) in [
        ("code_unknown", with(&|it| it.code = world.digest())),
        ("code_client", with(&|it| it.client = client("other"))),
        ("code_redirect_uri", with(&|it| it.redirect_uri.push('/'))),
        (
            "code_verifier",
            with(&|it| it.verifier = CodeVerifier::try_new(&other_verifier).expect("a verifier")),
        ),
        ("code_expired", with(&|it| it.at = after(60))),
    ] {
        same(&refused(world, request).await?, &(expected, None))?;
    }
    let request = with(&|_| ());
    let begun = world.sessions().redeem(&request).await?;
    let Redeemed::Begun {
        session,
        person: who,
    } = begun
    else {
        bail!("a refusal has changed the code: {begun:?}");
    };
    let expected = Session {
        id: request.session,
        user,
        client: client("stats-site"),
        scopes: scopes(),
        authenticated_at: BEGIN,
        last_used_at: after(20),
        expires_at: after(20).saturating_add(LIFE.absolute),
        ended: None,
    };
    same(&session, &expected)?;
    same(&who.steam_id, &person(1))?;
    same(
        &world.sessions().session(request.session).await?,
        &Some(expected),
    )?;
    ensure!(
        world
            .sessions()
            .session(SessionId::new(BEGIN, [1; 10]))
            .await?
            .is_none()
    );
    let token = world.token(&request.first).await?;
    same(&token.session, &session)?;
    same(
        &token.token.expires_at,
        &after(20).saturating_add(LIFE.idle),
    )?;
    ensure!(token.token.parent.is_none() && token.token.used_at.is_none());
    Ok(())
}

pub(super) async fn a_code_that_comes_again_ends_its_session(world: &World) -> Result<()> {
    for at in [after(1), after(10_000)] {
        let begun = world.begin_session(person(1), BEGIN).await?;
        let next = world.refresh(begun.token, after(1)).await?;
        let other = world.begin_session(person(1), BEGIN).await?;
        let mut again = world.redeeming(begun.code, at);
        // Whoever shows it.
        again.client = client("other");
        let id = begun.session.id;
        same(&refused(world, again).await?, &("code_reuse", Some(id)))?;
        same(&world.end_of(id).await?, &Some(EndReason::CodeReuse))?;
        for token in [begun.token, next] {
            same(&world.refused(token, at).await?, &("refresh_ended", None))?;
        }
        let again = world.redeeming(begun.code, at);
        same(&refused(world, again).await?, &("code_reuse", None))?;
        same(&world.end_of(other.session.id).await?, &None)?;
    }
    same(&world.audited("session_ended").await?, &2)
}

pub(super) async fn of_many_at_once_one_redeems_a_code(world: &World) -> Result<()> {
    let (_, code) = world.sign_in(person(1), BEGIN).await?;
    let requests: Vec<_> = (0..20).map(|_| world.redeeming(code, after(1))).collect();
    let sessions: Vec<_> = requests.iter().map(|it| it.session).collect();
    let requests: Vec<_> = requests.into_iter().map(std::sync::Arc::new).collect();
    let redeemed = world.at_once(20, |stores, number| {
        let request = requests[number].clone();
        async move { stores.sessions.redeem(&request).await }
    });
    let (mut begun, mut ended) = (Vec::new(), Vec::new());
    for redeemed in redeemed.await? {
        match redeemed? {
            Redeemed::Begun { session, .. } => begun.push(session.id),
            Redeemed::Refused { refusal, ended: it } => {
                same(&refusal.code(), &"code_reuse")?;
                ended.extend(it);
            }
        }
    }
    same(&begun.len(), &1)?;
    same(&ended, &begun)?;
    for session in sessions {
        let found = world.sessions().session(session).await?;
        same(&found.is_some(), &begun.contains(&session))?;
        ensure!(
            found.is_none_or(|it| it.ended.is_some()),
            "the second use has ended it"
        );
    }
    Ok(())
}
