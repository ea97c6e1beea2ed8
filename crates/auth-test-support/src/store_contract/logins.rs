//! Attempts, nonces and sign-ins.

use anyhow::{Result, ensure};
use auth_application::{
    AuditEntry, AuditEvent,
    ports::{Completed, Profile},
};
use domain::{DisplayName, PictureUrl};
use identity::{CHECKS_MAX, Scopes, openid::Refusal};

use super::world::{BEGIN, World, after, caller, client, person, same};

pub(super) async fn attempts_go_side_by_side(world: &World) -> Result<()> {
    let logins = world.logins();
    let mut first = world.attempt(BEGIN);
    let mut second = first.clone();
    second.scopes = None;
    let mut third = first.clone();
    third.scopes = Some(Scopes::NONE);
    let ids = [world.digest(), world.digest(), world.digest()];
    for (id, attempt) in ids.iter().zip([&first, &second, &third]) {
        logins.begin(id, attempt).await?;
    }
    let nonce = world.nonce();
    let unknown = logins.look(&world.digest(), Some(&nonce)).await?;
    ensure!(unknown.attempt.is_none() && !unknown.is_nonce_seen);
    for (id, attempt) in ids.iter().zip([&first, &second, &third]) {
        let look = logins.look(id, None).await?;
        same(&look.attempt, &Some(attempt.clone()))?;
    }
    let refused = AuditEntry {
        client: Some(client("stats-site")),
        address: caller().address,
        ..AuditEntry::new(after(5), AuditEvent::LoginRefused)
    };
    let refused = refused.because("cancelled");
    ensure!(logins.end(&ids[0], &refused).await?, "it was open");
    ensure!(!logins.end(&ids[0], &refused).await?, "it has ended");
    ensure!(
        !logins.end(&world.digest(), &refused).await?,
        "it never began"
    );
    same(&world.audited("login_refused").await?, &1)?;
    first.ended_at = Some(after(5));
    same(&logins.look(&ids[0], None).await?.attempt, &Some(first))?;
    same(&logins.look(&ids[1], None).await?.attempt, &Some(second))?;
    ensure!(!logins.begin_check(&ids[0]).await?, "it has ended");
    ensure!(logins.begin_check(&ids[1]).await?, "it is open");
    ensure!(
        !logins.begin_check(&world.digest()).await?,
        "it never began"
    );
    Ok(())
}

pub(super) async fn steam_is_asked_about_an_attempt_twice_at_most(world: &World) -> Result<()> {
    let id = world.begin(BEGIN).await?;
    let checks = world.at_once(20, |stores, _| async move {
        stores.logins.begin_check(&id).await
    });
    let mut begun = 0;
    for check in checks.await? {
        begun += u8::from(check?);
    }
    same(&begun, &CHECKS_MAX)?;
    let attempt = world.logins().look(&id, None).await?.attempt;
    ensure!(attempt.is_some_and(|it| !it.is_open() && it.ended_at.is_none()));
    // The last one to be asked about may still be confirmed.
    let login = world.login(id, person(1), after(6));
    let completed = world.logins().complete(&login).await?;
    ensure!(matches!(completed, Completed::In(_)), "{completed:?}");
    Ok(())
}

pub(super) async fn a_login_happens_whole_and_once(world: &World) -> Result<()> {
    let logins = world.logins();
    let mut login = world.login(world.begin(BEGIN).await?, person(1), after(5));
    login.profile = Profile {
        name: DisplayName::try_new("Ana \u{1F600} ');--").ok(),
        picture: PictureUrl::try_new("https://pictures.example/1.jpg").ok(),
    };
    let never = world.login(world.digest(), person(2), after(5));
    let completed = logins.complete(&never).await?;
    same(&completed, &Completed::Refused(Refusal::AttemptUnknown))?;

    same(
        &logins.complete(&login).await?,
        &Completed::In(login.new_user),
    )?;
    let look = logins.look(&login.attempt, Some(&login.nonce)).await?;
    ensure!(look.is_nonce_seen, "it was seen with the login");
    same(&look.attempt.and_then(|it| it.ended_at), &Some(after(5)))?;
    let mut again = world.login(login.attempt, person(3), after(6));
    let completed = logins.complete(&again).await?;
    same(&completed, &Completed::Refused(Refusal::AttemptEnded))?;
    again.attempt = world.begin(after(6)).await?;
    again.nonce = login.nonce.clone();
    let completed = logins.complete(&again).await?;
    same(&completed, &Completed::Refused(Refusal::NonceSeen))?;
    let look = logins.look(&again.attempt, None).await?;
    ensure!(
        look.attempt.is_some_and(|it| it.is_open()),
        "nothing has changed"
    );
    for person in [person(2), person(3)] {
        let user = world.stores.users.user_of(person).await?;
        ensure!(user.is_none(), "nobody came in");
    }

    let (user, _) = world.sign_in(person(1), after(60)).await?;
    same(&user, &login.new_user)?;
    let user = world.stores.users.user(user).await?;
    let user = user.ok_or_else(|| anyhow::anyhow!("the user is not there"))?;
    same(
        &world.stores.users.user_of(person(1)).await?,
        &Some(user.clone()),
    )?;
    same(&user.person.name, &login.profile.name)?;
    same(&user.person.picture, &login.profile.picture)?;
    same(
        &(user.created_at, user.last_login_at),
        &(after(5), after(60)),
    )?;
    ensure!(user.blocked.is_none());
    Ok(())
}

pub(super) async fn a_nonce_lets_one_in(world: &World) -> Result<()> {
    let nonce = world.nonce();
    let mut logins = Vec::new();
    for number in 1..=20 {
        let attempt = world.begin(BEGIN).await?;
        let mut login = world.login(attempt, person(number), after(1));
        login.nonce = nonce.clone();
        logins.push(login);
    }
    let completed = world.at_once(20, |stores, number| {
        let login = logins[number].clone();
        async move { stores.logins.complete(&login).await }
    });
    let mut came_in = 0;
    for completed in completed.await? {
        match completed? {
            Completed::In(_) => came_in += 1,
            other => same(&other, &Completed::Refused(Refusal::NonceSeen))?,
        }
    }
    same(&came_in, &1)
}

pub(super) async fn a_person_is_one_user_however_many_come_at_once(world: &World) -> Result<()> {
    let mut logins = Vec::new();
    for _ in 0..20 {
        let attempt = world.begin(BEGIN).await?;
        logins.push(world.login(attempt, person(7), after(1)));
    }
    // And one of them is loaded several times.
    let again = logins[0].attempt;
    logins.extend((0..10).map(|_| world.login(again, person(7), after(1))));
    let completed = world.at_once(logins.len(), |stores, number| {
        let login = logins[number].clone();
        async move { stores.logins.complete(&login).await }
    });
    let mut users = Vec::new();
    for completed in completed.await? {
        match completed? {
            Completed::In(user) => users.push(user),
            other => same(&other, &Completed::Refused(Refusal::AttemptEnded))?,
        }
    }
    same(&users.len(), &20)?;
    users.dedup();
    same(&users.len(), &1)?;
    same(&world.audited("login").await?, &20)
}
