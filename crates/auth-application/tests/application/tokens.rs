//! Tokens: given for codes and for older ones, given back, looked at.

use std::{collections::BTreeSet, time::Duration};

use auth_application::{Grant, TokenError};
use identity::EndReason;
use secrecy::ExposeSecret as _;

use crate::{
    query::Query,
    world::{ADMIN, ANA, World, caller, scopes, settings, wait},
};

#[tokio::test(start_paused = true)]
async fn a_code_is_exchanged_for_tokens() {
    let world = World::new().await;
    let form = World::form(&world.code(ANA).await);
    wait(Duration::from_secs(59)).await;
    let answer = world.token(&form).await.expect("tokens");
    assert_eq!(answer.expires_in, Duration::from_mins(5));
    // Not an administrator, so without `admin`, though the client may have it.
    assert_eq!(answer.scopes, scopes("profile:read draft:read"));
    let claims = world
        .signer
        .claims(answer.access.as_str())
        .expect("it was signed");
    assert_eq!(claims.scopes, answer.scopes);
    assert_eq!(claims.steam_id.get(), ANA);
    assert_eq!(claims.client.as_str(), "stats-site");
    assert_eq!(
        claims.expires_at.saturating_since(claims.issued_at),
        answer.expires_in
    );
    assert_eq!(
        claims
            .authenticated_at
            .saturating_add(Duration::from_secs(59)),
        claims.issued_at
    );
    let figures = world.auth.figures().snapshot();
    assert_eq!(figures.tokens_issued[&(Grant::Code, claims.client)], 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_worth_nothing_is_never_told_why() {
    let world = World::new().await;
    let code = world.code(ANA).await;
    let form = World::form(&code);
    let check = async |form: Query, expected| {
        let refused = world.token(&form).await.map(drop);
        assert_eq!(refused, Err(expected), "{}", form.text());
    };
    let grant = TokenError::InvalidGrant;
    check(form.with("code", &"A".repeat(43)), grant).await;
    check(form.with("code", "x"), grant).await;
    check(form.with("client_id", "other-site"), grant).await;
    check(
        form.with("redirect_uri", "https://stats.example/other"),
        grant,
    )
    .await;
    check(form.with("code_verifier", &"a".repeat(43)), grant).await;
    check(form.with("client_id", "nobody"), TokenError::InvalidClient).await;
    check(
        form.with("grant_type", "password"),
        TokenError::UnsupportedGrantType,
    )
    .await;
    for key in [
        "grant_type",
        "client_id",
        "code",
        "redirect_uri",
        "code_verifier",
    ] {
        for form in [form.without(key), form.with(key, ""), form.and(key, "x")] {
            match world.token(&form).await {
                Err(TokenError::InvalidRequest(_)) => {}
                other => panic!("{}: {other:?}", form.text()),
            }
        }
    }
    // Nothing of this has used it up.
    wait(Duration::from_secs(59)).await;
    world.token(&form).await.expect("tokens");
    check(form.clone(), grant).await;
    check(World::form(&code), grant).await;
    let late = World::form(&world.code(ANA).await);
    wait(Duration::from_mins(1)).await;
    check(late, grant).await;
}

#[tokio::test(start_paused = true)]
async fn a_code_that_comes_again_takes_back_what_it_gave() {
    let world = World::new().await;
    let form = World::form(&world.code(ANA).await);
    let answer = world.token(&form).await.expect("tokens");
    let session = world.principal(&answer).session.expect("it has one");
    assert_eq!(
        world.token(&form).await.map(drop),
        Err(TokenError::InvalidGrant)
    );
    assert_eq!(
        world.refresh(&answer).await.map(drop),
        Err(TokenError::InvalidGrant)
    );
    let told = world.told.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, session);
    let life = told[0].1.saturating_since(crate::world::BEGIN);
    assert_eq!(life, Duration::from_mins(5));
    let revocations = world.auth.figures().snapshot().revocations;
    assert_eq!(revocations[EndReason::CodeReuse.code()], 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_goes_on_and_an_answer_may_get_lost() {
    let world = World::new().await;
    let first = world.session(ANA).await;
    wait(Duration::from_mins(5)).await;
    let lost = world.refresh(&first).await.expect("tokens");
    wait(Duration::from_secs(3)).await;
    let second = world.refresh(&first).await.expect("the answer was lost");
    assert_eq!(second.scopes, first.scopes);
    // What was lost is worth nothing, and whoever has it is not the client.
    let narrow = World::refresh_form(&second).with("scope", "draft:read");
    let third = world.token(&narrow).await.expect("tokens");
    assert_eq!(third.scopes, scopes("draft:read"));
    let fourth = world.refresh(&third).await.expect("tokens");
    assert_eq!(
        fourth.scopes, first.scopes,
        "the session permits what it did"
    );
    for (scope, expected) in [
        ("draft:read draft:write", TokenError::InvalidScope),
        ("a  b", TokenError::InvalidScope),
    ] {
        let wide = World::refresh_form(&fourth).with("scope", scope);
        assert_eq!(world.token(&wide).await.map(drop), Err(expected));
    }
    assert_eq!(
        world.refresh(&lost).await.map(drop),
        Err(TokenError::InvalidGrant)
    );
    assert_eq!(
        world.refresh(&fourth).await.map(drop),
        Err(TokenError::InvalidGrant)
    );
    assert_eq!(world.auth.figures().snapshot().refresh_reuse, 1);
    assert_eq!(world.told.told().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_administrator_is_one_as_long_as_the_settings_say_so() {
    let world = World::new().await;
    let answer = world.session(ADMIN).await;
    assert_eq!(answer.scopes, scopes("profile:read draft:read admin"));
    let wish = World::wish().without("scope");
    let tab = world.tab_of(&wish, ADMIN).await;
    let auth_application::CameBack::In { location } = world.come_back(&tab).await else {
        panic!("nobody came in");
    };
    let code = Query::read(&location);
    let form = World::form(code.get("code").expect("a code"));
    let unasked = world.token(&form).await.expect("tokens");
    assert_eq!(unasked.scopes, scopes("profile:read draft:read"));

    let mut settings = settings();
    settings.admins = BTreeSet::new();
    let later = World::over(world.store.clone(), settings, None);
    later
        .auth
        .ring()
        .look_after()
        .await
        .expect("there is a key");
    let refreshed = later.refresh(&answer).await.expect("tokens");
    assert_eq!(refreshed.scopes, scopes("profile:read draft:read"));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_used_up_by_whoever_cannot_sign() {
    let world = World::new().await;
    let form = World::form(&world.code(ANA).await);
    let fresh = World::over(world.store.clone(), settings(), None);
    assert_eq!(
        fresh.token(&form).await.map(drop),
        Err(TokenError::Unavailable)
    );
    world.token(&form).await.expect("tokens");
}

#[tokio::test(start_paused = true)]
async fn either_token_gives_its_session_back() {
    let world = World::new().await;
    let introspected = async |token: &str| {
        let found = world.auth.introspect(token).await;
        found.expect("it can be looked up")
    };
    for is_access in [true, false] {
        let answer = world.session(ANA).await;
        let refresh = answer.refresh.written();
        let refresh = refresh.expose_secret();
        let access = answer.access.as_str();
        let given_back = if is_access { access } else { refresh };
        let found = introspected(access).await.expect("it is worth something");
        assert!(!found.is_refresh_token);
        assert_eq!(found.scopes, answer.scopes);
        assert_eq!(found.steam_id.map(domain::SteamId::get), Some(ANA));
        let found = introspected(refresh).await.expect("it is worth something");
        assert!(found.is_refresh_token);

        let form = Query::of(&[("token", given_back), ("client_id", "other-site")]);
        world
            .auth
            .revoke(&form.0, &caller())
            .await
            .expect("it is always well");
        assert!(
            introspected(access).await.is_some(),
            "it is another client's"
        );
        let form = form.with("client_id", "stats-site");
        world
            .auth
            .revoke(&form.0, &caller())
            .await
            .expect("it is always well");
        assert_eq!(introspected(access).await, None);
        assert_eq!(introspected(refresh).await, None);
        assert_eq!(
            world.refresh(&answer).await.map(drop),
            Err(TokenError::InvalidGrant)
        );
        assert_eq!(
            world
                .set_down()
                .iter()
                .filter(|it| *it == "session_ended revoked")
                .count(),
            1 + usize::from(!is_access)
        );
    }
    for token in ["x", "a.b.c", &"A".repeat(43), &"A".repeat(10_000)] {
        assert_eq!(introspected(token).await, None);
        let form = Query::of(&[("token", token)]);
        world
            .auth
            .revoke(&form.0, &caller())
            .await
            .expect("it is always well");
    }
    let none = world.auth.revoke(&[], &caller()).await;
    assert!(matches!(none, Err(TokenError::InvalidRequest(_))));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_used_is_worth_nothing_to_whoever_looks() {
    let world = World::new().await;
    let answer = world.session(ANA).await;
    let next = world.refresh(&answer).await.expect("tokens");
    let looked = async |answer: &auth_application::TokenAnswer| {
        let token = answer.refresh.written();
        let found = world.auth.introspect(token.expose_secret()).await;
        found.expect("it can be looked up").is_some()
    };
    assert!(!looked(&answer).await);
    assert!(looked(&next).await);
    wait(Duration::from_mins(5)).await;
    let access = world.auth.introspect(next.access.as_str()).await;
    assert_eq!(access, Ok(None), "it is over");
}
