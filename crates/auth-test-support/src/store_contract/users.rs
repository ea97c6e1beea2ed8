//! Users who are blocked.

use anyhow::{Result, bail, ensure};
use auth_application::ports::{
    Block, BlockReason, Blocked, Completed, Redeemed, Refreshed, Unblock,
};
use domain::UserId;
use identity::EndReason;

use super::world::{BEGIN, LIFE, World, after, person, same};

fn block(user: UserId, seconds: u64) -> Block {
    Block {
        user,
        reason: BlockReason::try_new("sells accounts \u{1F600} '--").expect("a reason"),
        by: Some(UserId::new(BEGIN, [5; 10])),
        at: after(seconds),
    }
}

pub(super) async fn a_blocked_user_is_out_and_stays_out(world: &World) -> Result<()> {
    let users = &world.stores.users;
    let nobody = UserId::new(BEGIN, [6; 10]);
    same(&users.block(&block(nobody, 1)).await?, &None)?;
    let unblock = |user| Unblock {
        user,
        by: None,
        at: after(50),
    };
    ensure!(!users.unblock(&unblock(nobody)).await?);

    let begun = world.begin_session(person(1), BEGIN).await?;
    let user = begun.session.user;
    let (_, code) = world.sign_in(person(1), after(2)).await?;
    let ended = users.block(&block(user, 3)).await?;
    same(&ended, &Some(vec![begun.session.id]))?;
    same(
        &world.end_of(begun.session.id).await?,
        &Some(EndReason::Blocked),
    )?;
    // The first reason stays, and the time.
    let mut again = block(user, 4);
    again.reason = BlockReason::try_new("another one").expect("a reason");
    same(&users.block(&again).await?, &Some(Vec::new()))?;
    let found = users.user(user).await?.and_then(|it| it.blocked);
    let expected = Blocked {
        at: after(3),
        reason: block(user, 3).reason,
    };
    same(&found, &Some(expected))?;
    same(&world.audited("user_blocked").await?, &1)?;

    let request = world.redeeming(code, after(5));
    match world.sessions().redeem(&request).await? {
        Redeemed::Refused {
            refusal,
            ended: None,
        } => same(&refusal.code(), &"blocked")?,
        redeemed => bail!("somebody came in: {redeemed:?}"),
    }
    let login = world.login(world.begin(after(6)).await?, person(1), after(7));
    same(
        &world.logins().complete(&login).await?,
        &Completed::Blocked(user),
    )?;
    let look = world
        .logins()
        .look(&login.attempt, Some(&login.nonce))
        .await?;
    ensure!(look.is_nonce_seen && look.attempt.is_some_and(|it| it.ended_at.is_some()));
    let request = world.redeeming(login.code, after(8));
    let redeemed = world.sessions().redeem(&request).await?;
    ensure!(
        matches!(redeemed, Redeemed::Refused { refusal, .. } if refusal.code() == "code_unknown"),
        "{redeemed:?}"
    );
    let entry = world.last_audit("login_refused").await?;
    same(&entry.user, &Some(user))?;

    ensure!(users.unblock(&unblock(user)).await?);
    ensure!(users.unblock(&unblock(user)).await?, "it changes nothing");
    same(&world.audited("user_unblocked").await?, &1)?;
    same(&users.user(user).await?.and_then(|it| it.blocked), &None)?;
    let refused = world.refused(begun.token, after(51)).await?;
    same(&refused, &("refresh_ended", None))?;
    world.begin_session(person(1), after(52)).await.map(drop)
}

pub(super) async fn nobody_slips_past_a_block(world: &World) -> Result<()> {
    for round in 1..=10 {
        let who = person(round);
        let begun = world.begin_session(who, BEGIN).await?;
        let user = begun.session.user;
        let mut redeemed = Vec::new();
        for _ in 0..4 {
            let (_, code) = world.sign_in(who, BEGIN).await?;
            redeemed.push(std::sync::Arc::new(world.redeeming(code, after(1))));
        }
        let refreshed = world.refreshing(begun.token, after(1));
        let done = world.at_once(6, |stores, number| {
            let (refreshed, redeemed) = (refreshed.clone(), redeemed.get(number).cloned());
            async move {
                match (number, redeemed) {
                    (_, Some(request)) => {
                        let redeemed = stores.sessions.redeem(&request).await?;
                        Ok(matches!(redeemed, Redeemed::Begun { .. }))
                    }
                    (4, _) => {
                        let refreshed = stores.sessions.refresh(&refreshed).await?;
                        Ok(matches!(refreshed, Refreshed::Given { .. }))
                    }
                    _ => {
                        let blocked = stores.users.block(&block(user, 1)).await?;
                        Ok::<_, anyhow::Error>(blocked.is_some())
                    }
                }
            }
        });
        for done in done.await? {
            done?;
        }
        let live = world.sessions().live_sessions(user, LIFE, after(2)).await?;
        ensure!(live.is_empty(), "round {round}: {live:?}");
    }
    Ok(())
}
