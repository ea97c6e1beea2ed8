//! Refresh tokens.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use auth_application::ports::Refreshed;
use identity::{EndReason, Scope, Scopes};

use super::world::{BEGIN, LIFE, World, after, client, person, same, scopes};

pub(super) async fn a_token_is_exchanged_for_the_next_one(world: &World) -> Result<()> {
    let begun = world.begin_session(person(1), BEGIN).await?;
    let mut token = begun.token;
    for number in 1..5 {
        let at = after(number * 300);
        let mut request = world.refreshing(token, at);
        let narrow = Scopes::from_iter([Scope::DraftRead]);
        request.scopes = (number == 2).then_some(narrow);
        let refreshed = world.sessions().refresh(&request).await?;
        let Refreshed::Given {
            session,
            person: who,
            given,
            is_again,
        } = refreshed
        else {
            bail!("nothing was given: {refreshed:?}");
        };
        ensure!(!is_again);
        same(&session.id, &begun.session.id)?;
        same(&session.last_used_at, &at)?;
        same(&session.scopes, &scopes())?;
        same(&who.steam_id, &person(1))?;
        same(&given.scopes, &if number == 2 { narrow } else { scopes() })?;
        same(&given.expires_at, &at.saturating_add(LIFE.idle))?;
        let (old, new) = (
            world.token(&token).await?,
            world.token(&request.next).await?,
        );
        same(&old.token.used_at, &Some(at))?;
        same(&new.token.parent, &Some(token))?;
        same(&(new.token.used_at, new.token.revoked_at), &(None, None))?;
        same(&new.token.expires_at, &given.expires_at)?;
        same(&new.session, &session)?;
        token = request.next;
    }
    // Used again and again, it still ends.
    let mut at = after(1_200);
    let step = Duration::from_hours(29 * 24);
    while at.saturating_add(step) < begun.session.expires_at {
        at = at.saturating_add(step);
        token = world.refresh(token, at).await?;
        let expires_at = world.token(&token).await?.token.expires_at;
        ensure!(expires_at <= begun.session.expires_at);
    }
    let refused = world.refused(token, begun.session.expires_at).await?;
    same(&refused, &("refresh_expired", None))
}

pub(super) async fn a_refusal_changes_nothing(world: &World) -> Result<()> {
    let begun = world.begin_session(person(1), BEGIN).await?;
    let refused = world.refused(world.digest(), after(1)).await?;
    same(&refused, &("refresh_unknown", None))?;
    let mut other = world.refreshing(begun.token, after(1));
    other.client = client("other");
    let mut wide = world.refreshing(begun.token, after(1));
    wide.scopes = Some(Scopes::from_iter([Scope::DraftRead, Scope::Admin]));
    for (request, expected) in [(other, "refresh_client"), (wide, "refresh_scope")] {
        match world.sessions().refresh(&request).await? {
            Refreshed::Refused {
                refusal,
                ended: None,
            } => same(&refusal.code(), &expected)?,
            refreshed => bail!("{expected}: {refreshed:?}"),
        }
        ensure!(world.sessions().token(&request.next).await?.is_none());
    }
    let idle = BEGIN.saturating_add(LIFE.idle);
    let refused = world.refused(begun.token, idle).await?;
    same(&refused, &("refresh_expired", None))?;
    same(&world.token(&begun.token).await?.token.used_at, &None)?;
    let just_before = idle.saturating_sub(Duration::from_millis(1));
    world.refresh(begun.token, just_before).await.map(drop)
}

pub(super) async fn a_lost_answer_logs_nobody_out(world: &World) -> Result<()> {
    let begun = world.begin_session(person(1), BEGIN).await?;
    let first = begun.token;
    let mut given = vec![first];
    given.push(world.refresh(first, after(100)).await?);
    for seconds in [100, 105, 109] {
        let request = world.refreshing(first, after(seconds));
        match world.sessions().refresh(&request).await? {
            Refreshed::Given { is_again: true, .. } => given.push(request.next),
            refreshed => bail!("an answer was lost, and {refreshed:?}"),
        }
        same(&world.tips(&given).await?, &1)?;
    }
    let last = given[given.len() - 1];
    let before = world.token(&given[given.len() - 2]).await?;
    same(&before.token.revoked_at, &Some(after(109)))?;
    let next = world.refresh(last, after(109)).await?;
    same(&world.tips(&[given, vec![next]].concat()).await?, &1)?;
    same(&world.end_of(begun.session.id).await?, &None)
}

pub(super) async fn a_replay_ends_the_session(world: &World) -> Result<()> {
    // What comes again, and when: too late; after its successor was used; the one before; one that was revoked.
    for case in 0..4 {
        let begun = world.begin_session(person(1), BEGIN).await?;
        let first = begun.token;
        let second = world.refresh(first, after(100)).await?;
        let mut given = vec![first, second];
        let (again, seconds) = match case {
            0 => (first, 110),
            1 => {
                given.push(world.refresh(second, after(101)).await?);
                (first, 102)
            }
            2 => {
                let third = world.refresh(second, after(101)).await?;
                given.extend([third, world.refresh(third, after(102)).await?]);
                (second, 103)
            }
            _ => {
                given.push(world.refresh(first, after(101)).await?);
                (second, 102)
            }
        };
        let id = begun.session.id;
        let refused = world.refused(again, after(seconds)).await?;
        same(&refused, &("refresh_reuse", Some(id)))?;
        same(&world.end_of(id).await?, &Some(EndReason::Reuse))?;
        same(&world.tips(&given).await?, &0)?;
        for token in given {
            let refused = world.refused(token, after(seconds)).await?;
            same(&refused, &("refresh_ended", None))?;
        }
        let entry = world.last_audit("session_ended").await?;
        same(&entry.session, &Some(id))?;
        same(
            &entry.detail.get("reason").map(String::as_str),
            &Some("reuse"),
        )?;
    }
    same(&world.audited("session_ended").await?, &4)
}

pub(super) async fn of_many_at_once_one_tip_results(world: &World) -> Result<()> {
    for round in 0..3 {
        let begun = world.begin_session(person(1), BEGIN).await?;
        let mut given = vec![begun.token];
        // The token that was never used, then the one before it, whose answers were lost.
        for (predecessor, seconds) in [(false, 1), (true, 2)] {
            let requests: Vec<_> = (0..50)
                .map(|_| world.refreshing(begun.token, after(seconds)))
                .collect();
            let refreshed = world.at_once(50, |stores, number| {
                let request = requests[number].clone();
                async move { stores.sessions.refresh(&request).await }
            });
            let mut first = 0;
            for refreshed in refreshed.await? {
                match refreshed? {
                    Refreshed::Given { is_again, .. } => first += usize::from(!is_again),
                    refused @ Refreshed::Refused { .. } => bail!("round {round}: {refused:?}"),
                }
            }
            same(&first, &usize::from(!predecessor))?;
            given.extend(requests.iter().map(|it| it.next));
            same(&world.tips(&given).await?, &1)?;
        }
        // Both at once: whatever comes first, there is one tip, or the session has ended.
        let mut tip = None;
        for token in &given {
            let state = world.token(token).await?.token;
            let is_tip = state.used_at.is_none() && state.revoked_at.is_none();
            tip = tip.or(is_tip.then_some(*token));
        }
        let tip = tip.ok_or_else(|| anyhow::anyhow!("there is one"))?;
        let both = [tip, begun.token];
        let requests: Vec<_> = (0..50)
            .map(|number| world.refreshing(both[number % 2], after(3)))
            .collect();
        let refreshed = world.at_once(50, |stores, number| {
            let request = requests[number].clone();
            async move { stores.sessions.refresh(&request).await }
        });
        for refreshed in refreshed.await? {
            refreshed?;
        }
        given.extend(requests.iter().map(|it| it.next));
        let is_live = world.end_of(begun.session.id).await?.is_none();
        same(&world.tips(&given).await?, &usize::from(is_live))?;
    }
    Ok(())
}
