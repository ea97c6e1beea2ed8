//! Browsers on their way: from a client, at Steam, and back.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use steam_simulator::Mode;

use crate::support::{
    ANA, Api, BACK, CALLBACK, Fields, WEB_BACK, cookie, header, location, page, sent, wish,
};

#[tokio::test]
async fn an_unknown_client_or_address_gets_a_page_and_no_redirect() {
    let api = Api::start().await;
    for wrong in [
        wish().without("client_id"),
        wish().with("client_id", "nobody"),
        wish().with("client_id", ""),
        wish().twice("client_id", "native-app"),
        wish().twice("client_id", "stats-site"),
        wish().without("redirect_uri"),
        wish().twice("redirect_uri", BACK),
        wish().twice("redirect_uri", "https://evil.example/"),
        wish().with("redirect_uri", "https://evil.example/back"),
        wish().with("redirect_uri", WEB_BACK),
        wish().with("redirect_uri", "http://localhost:7777/back"),
        wish().with("redirect_uri", "http://127.0.0.1:7777/other"),
        wish().with("redirect_uri", "http://127.0.0.1:7777@evil.example/back"),
        wish().with("redirect_uri", "javascript:alert(1)"),
        wish().with("client_id", "<script>alert(1)</script>"),
        Fields(Vec::new()),
    ] {
        let answer = api.authorize(&wrong, None).await;
        assert_eq!(cookie(&answer), None, "{wrong:?}");
        let text = page(answer, 400).await;
        assert!(text.contains("Nobody was signed in"), "{text}");
        assert!(
            !text.contains("evil.example") && !text.contains("alert("),
            "{text}"
        );
    }
    assert_eq!(api.steam.counts().logins, 0);
    api.stop().await;
}

#[tokio::test]
async fn every_other_fault_goes_back_to_the_client() {
    let api = Api::start().await;
    let long = "s".repeat(513);
    for (wrong, error, has_state) in [
        (wish().without("response_type"), "invalid_request", true),
        (
            wish().with("response_type", "token"),
            "unsupported_response_type",
            true,
        ),
        (wish().without("code_challenge"), "invalid_request", true),
        (
            wish().with("code_challenge", "short"),
            "invalid_request",
            true,
        ),
        (
            wish().without("code_challenge_method"),
            "invalid_request",
            true,
        ),
        (
            wish().with("code_challenge_method", "plain"),
            "invalid_request",
            true,
        ),
        (wish().without("state"), "invalid_request", false),
        (wish().with("state", &long), "invalid_request", false),
        (wish().with("scope", "a  b"), "invalid_scope", true),
        (wish().twice("scope", "draft:read"), "invalid_request", true),
        (
            wish().twice("anything", "1").twice("anything", "2"),
            "invalid_request",
            true,
        ),
    ] {
        let answer = api.authorize(&wrong, None).await;
        assert!(
            location(&answer).starts_with(&format!("{BACK}?")),
            "{wrong:?}"
        );
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
        let told = Fields::of_answer(&answer);
        assert_eq!(told.get("error"), Some(error), "{wrong:?}");
        assert_eq!(told.get("iss"), Some(api.url.as_str()), "{wrong:?}");
        assert_eq!(
            told.get("state"),
            has_state.then_some("a state & more"),
            "{wrong:?}"
        );
    }
    api.stop().await;
}

#[tokio::test]
async fn a_browser_keeps_one_secret_and_its_tabs_sign_in_side_by_side() {
    let api = Api::start().await;
    let first = api.authorize(&wish(), None).await;
    let attributes = header(&first, "set-cookie").split_once("; ").map(|it| it.1);
    assert_eq!(attributes, Some("Path=/; Secure; HttpOnly; SameSite=Lax"));
    let kept = cookie(&first).expect("the browser is given a cookie");
    assert!(kept.starts_with("__Host-attempt="));
    let second = api.authorize(&wish(), Some(&kept)).await;
    assert_eq!(cookie(&second), None, "it has one");
    let other = api.authorize(&wish(), Some("__Host-attempt=nothing")).await;
    assert!(cookie(&other).is_some(), "what it has is worth nothing");
    for answer in [second, first] {
        let back = api.back_from_steam(location(&answer), ANA).await;
        let came = api.callback(&back, Some(&kept)).await;
        let given = Fields::of_answer(&came);
        assert_eq!(given.get("state"), Some("a state & more"));
        assert_eq!(given.get("iss"), Some(api.url.as_str()));
        assert!(given.get("code").is_some() && given.get("error").is_none());
        assert_eq!(header(&came, "cache-control"), "no-store");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_callback_without_the_right_cookie_gets_a_page_and_ends_nothing() {
    let api = Api::start().await;
    let (back, cookie) = api.at_steam(&wish(), ANA).await;
    let (_, others) = api.at_steam(&wish(), ANA).await;
    let twice = format!("{cookie}; {cookie}");
    for wrong in [
        None,
        Some("a=b"),
        Some("__Host-attempt="),
        Some(&*others),
        Some(&*twice),
    ] {
        let text = page(api.callback(&back, wrong).await, 400).await;
        assert!(text.contains("begin again"), "{text}");
    }
    assert_eq!(api.steam.counts().checks, 0);
    let came = api.callback(&back, Some(&cookie)).await;
    assert!(Fields::of_answer(&came).get("code").is_some());
    // It works once.
    page(api.callback(&back, Some(&cookie)).await, 400).await;
    assert_eq!(api.steam.counts().checks, 1);
    api.stop().await;
}

#[tokio::test]
async fn what_steam_does_not_confirm_is_refused() {
    let api = Api::start().await;
    for (mode, error) in [
        (Mode::No, "access_denied"),
        (Mode::Cancel, "access_denied"),
        (Mode::HttpIds, "access_denied"),
        (Mode::StaleNonces, "access_denied"),
        (Mode::Html, "access_denied"),
        (Mode::Huge, "access_denied"),
        (Mode::Redirect, "access_denied"),
        (Mode::TwoAnswers, "access_denied"),
        (Mode::WrongNamespace, "access_denied"),
        (Mode::Refuse(403), "temporarily_unavailable"),
        (Mode::Refuse(429), "temporarily_unavailable"),
        (Mode::Refuse(503), "temporarily_unavailable"),
        (Mode::Close, "temporarily_unavailable"),
    ] {
        api.steam.set_mode(mode);
        let (back, cookie) = api.at_steam(&wish(), ANA).await;
        let told = Fields::of_answer(&api.callback(&back, Some(&cookie)).await);
        assert_eq!(told.get("error"), Some(error), "{mode}");
        assert_eq!(told.get("state"), Some("a state & more"), "{mode}");
        assert_eq!(told.get("code"), None, "{mode}");
        // What passes may be loaded once more, and what does not may not.
        api.steam.set_mode(Mode::Honest);
        let again = api.callback(&back, Some(&cookie)).await;
        if error == "temporarily_unavailable" {
            assert!(Fields::of_answer(&again).get("code").is_some(), "{mode}");
        } else {
            page(again, 400).await;
        }
    }
    let metrics = api.text("/metrics").await;
    assert!(metrics.contains("auth_steam_state 1"), "{metrics}");
    assert!(
        metrics.contains("auth_logins_total{result=\"in\",reason=\"\"} 4"),
        "{metrics}"
    );
    api.stop().await;
}

#[tokio::test]
async fn an_attempt_that_has_taken_too_long_ends_in_a_page() {
    let api = Api::start().await;
    let answer = api.authorize(&wish(), None).await;
    let cookie = cookie(&answer).expect("the browser is given a cookie");
    api.pass(Duration::from_mins(10));
    let back = api.back_from_steam(location(&answer), ANA).await;
    page(api.callback(&back, Some(&cookie)).await, 400).await;
    api.stop().await;
}

#[tokio::test]
async fn head_is_answered_wherever_get_is() {
    let api = Api::start().await;
    let path = format!("/authorize?{}", wish().written());
    for (path, status) in [
        (path.as_str(), 303),
        ("/authorize", 400),
        (CALLBACK, 400),
        ("/.well-known/oauth-authorization-server", 200),
        ("/.well-known/jwks.json", 200),
        ("/api/v1/sessions", 401),
        ("/api/v1/admin/users", 401),
        ("/", 200),
    ] {
        let answer = sent(api.request(Method::HEAD, path)).await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert!(
            answer.bytes().await.expect("it can be read").is_empty(),
            "{path}"
        );
    }
    for path in ["/token", "/revoke", "/introspect"] {
        let answer = api.get(path).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(header(&answer, "allow"), "POST", "{path}");
    }
    api.stop().await;
}
