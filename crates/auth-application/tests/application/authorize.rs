//! A client wants somebody signed in.

use auth_application::{AuthorizeError, Authorized, NoClient};
use identity::BrowserSecret;

use crate::{
    query::Query,
    world::{BACK, CHALLENGE, World},
};

#[tokio::test(start_paused = true)]
async fn a_browser_goes_to_steam_with_a_question_of_ours() {
    let world = World::new().await;
    let authorized = world.auth.authorize(&World::wish().0, None).await;
    let Authorized::ToSteam {
        location,
        browser: Some(_),
    } = authorized
    else {
        panic!("{authorized:?}");
    };
    assert!(location.starts_with("https://steamcommunity.com/openid/login?openid.ns="));
    let question = Query::read(&location);
    assert_eq!(question.get("openid.realm"), Some("https://login.example"));
    assert!(!location.contains(CHALLENGE), "{location}");
}

#[tokio::test(start_paused = true)]
async fn a_browser_keeps_its_secret_over_several_tabs() {
    let world = World::new().await;
    let browser = BrowserSecret::new([3; 32]);
    let mut locations = Vec::new();
    for _ in 0..2 {
        match world.auth.authorize(&World::wish().0, Some(&browser)).await {
            Authorized::ToSteam {
                location,
                browser: None,
            } => locations.push(location),
            other => panic!("{other:?}"),
        }
    }
    assert_ne!(locations[0], locations[1], "each is an attempt of its own");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_client_or_address_leads_nowhere() {
    let world = World::new().await;
    let check = async |wish: Query, expected| match world.auth.authorize(&wish.0, None).await {
        Authorized::Nowhere(found) => assert_eq!(found, expected, "{}", wish.text()),
        other => panic!("{}: {other:?}", wish.text()),
    };
    let wish = World::wish();
    for client in ["", "nobody", "STATS-SITE", "stats-site ", "a\nb"] {
        check(wish.with("client_id", client), NoClient::Client).await;
    }
    check(wish.without("client_id"), NoClient::Client).await;
    check(wish.and("client_id", "stats-site"), NoClient::Client).await;
    check(wish.and("client_id", "other-site"), NoClient::Client).await;
    for uri in [
        "",
        "https://evil.example/",
        "https://stats.example/back/",
        "https://stats.example/back?x=y",
        "https://stats.example/back#x",
        "https://stats.example.evil.example/back",
        "http://stats.example/back",
        "javascript:alert(1)",
    ] {
        check(wish.with("redirect_uri", uri), NoClient::RedirectUri).await;
    }
    check(wish.without("redirect_uri"), NoClient::RedirectUri).await;
    check(
        wish.and("redirect_uri", "https://evil.example/"),
        NoClient::RedirectUri,
    )
    .await;
}

/// A client's fault, in what it is told.
async fn check_fault(wish: Query, expected: AuthorizeError, state: Option<&str>) {
    let world = World::new().await;
    match world.auth.authorize(&wish.0, None).await {
        Authorized::Back { location, error } => {
            assert_eq!(error, expected, "{}", wish.text());
            assert!(
                location.starts_with(&format!("{BACK}?error=")),
                "{location}"
            );
            let answer = Query::read(&location);
            assert_eq!(answer.get("error"), Some(expected.code()));
            assert_eq!(answer.get("iss"), Some("https://login.example"));
            assert_eq!(answer.get("state"), state, "{location}");
            assert_eq!(answer.get("code"), None);
        }
        other => panic!("{}: {other:?}", wish.text()),
    }
}

#[tokio::test(start_paused = true)]
async fn every_other_fault_goes_back_to_the_client() {
    use AuthorizeError::{InvalidRequest, InvalidScope, UnsupportedResponseType};
    let wish = World::wish();
    let state = Some("a state & more");
    for key in ["response_type", "code_challenge", "code_challenge_method"] {
        check_fault(wish.without(key), InvalidRequest, state).await;
        check_fault(wish.with(key, ""), InvalidRequest, state).await;
    }
    for key in [
        "response_type",
        "code_challenge",
        "code_challenge_method",
        "scope",
        "x",
    ] {
        let twice = wish.with(key, "code").and(key, "code");
        check_fault(twice, InvalidRequest, state).await;
    }
    let shorter = &CHALLENGE[1..];
    let longer = format!("{CHALLENGE}=");
    for (key, value, expected) in [
        ("response_type", "token", UnsupportedResponseType),
        ("response_type", "code token", UnsupportedResponseType),
        ("code_challenge_method", "plain", InvalidRequest),
        ("code_challenge_method", "s256", InvalidRequest),
        ("code_challenge", shorter, InvalidRequest),
        ("code_challenge", &longer, InvalidRequest),
        ("scope", "a  b", InvalidScope),
    ] {
        check_fault(wish.with(key, value), expected, state).await;
    }
    for value in ["", "a\nb", &"a".repeat(513)] {
        check_fault(wish.with("state", value), InvalidRequest, None).await;
    }
    check_fault(wish.without("state"), InvalidRequest, None).await;
    check_fault(wish.and("state", "another"), InvalidRequest, None).await;
}
