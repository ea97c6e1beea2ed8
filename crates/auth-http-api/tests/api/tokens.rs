//! Tokens: given, refused, given back, looked at.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    ANA, Api, CHALLENGE, Fields, Formed as _, ORIGIN, Tokens, header, read, redemption, refreshing,
    sent, wish,
};

#[tokio::test]
async fn tokens_are_given_once_for_a_code_and_nobody_on_the_way_keeps_them() {
    let api = Api::start().await;
    let code = api.code(&wish(), ANA).await;
    let request = api
        .request(Method::POST, "/token")
        .fields(&redemption(&code));
    let answer = sent(request).await;
    assert_eq!(header(&answer, "cache-control"), "no-store");
    assert_eq!(header(&answer, "pragma"), "no-cache");
    assert_eq!(header(&answer, "content-type"), "application/json");
    let (status, document) = read(answer).await;
    assert_eq!(status, 200);
    let members: Vec<_> = document
        .as_object()
        .expect("it is an object")
        .keys()
        .collect();
    assert_eq!(
        members,
        [
            "access_token",
            "expires_in",
            "refresh_token",
            "scope",
            "token_type"
        ]
    );
    assert_eq!(document["token_type"], "Bearer");
    assert_eq!(document["expires_in"], 300);
    // Who is no administrator gets no such scope.
    assert_eq!(document["scope"], "profile:read draft:read");
    let tokens = Tokens::of(&document);

    let again = api.form("/token", &redemption(&code)).await;
    assert_eq!(again.0, 400);
    assert_eq!(again.1["error"], "invalid_grant");
    // Whoever came second, what the first one got has ended.
    let (status, refused) = api.form("/token", &refreshing(&tokens.refresh)).await;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_grant")));
    api.stop().await;
}

#[tokio::test]
async fn each_fault_of_a_request_for_tokens_has_its_word_and_a_worthless_grant_no_more() {
    let api = Api::start().await;
    let code = api.code(&wish(), ANA).await;
    let good = redemption(&code);
    let mut worthless = Vec::new();
    for (wrong, error) in [
        (good.without("grant_type"), "invalid_request"),
        (
            good.with("grant_type", "password"),
            "unsupported_grant_type",
        ),
        (good.without("client_id"), "invalid_request"),
        (good.with("client_id", "nobody"), "invalid_client"),
        (good.without("code"), "invalid_request"),
        (good.without("redirect_uri"), "invalid_request"),
        (good.without("code_verifier"), "invalid_request"),
        (good.with("code_verifier", "short"), "invalid_request"),
        (good.twice("code", &code), "invalid_request"),
        (good.with("code", "nothing"), "invalid_grant"),
        (good.with("code", &"A".repeat(43)), "invalid_grant"),
        (good.with("client_id", "stats-site"), "invalid_grant"),
        (
            good.with("redirect_uri", "http://127.0.0.1:7778/back"),
            "invalid_grant",
        ),
        (good.with("code_verifier", CHALLENGE), "invalid_grant"),
        (refreshing("nothing"), "invalid_grant"),
        (refreshing(&"A".repeat(43)), "invalid_grant"),
        (refreshing("x").without("refresh_token"), "invalid_request"),
    ] {
        let answer = sent(api.request(Method::POST, "/token").fields(&wrong)).await;
        assert_eq!(header(&answer, "cache-control"), "no-store");
        let (status, refused) = read(answer).await;
        assert_eq!(
            (status, &refused["error"]),
            (400, &json!(error)),
            "{wrong:?}"
        );
        if error == "invalid_grant" {
            worthless.push(refused);
        }
    }
    assert!(
        worthless.windows(2).all(|pair| pair[0] == pair[1]),
        "{worthless:?}"
    );
    // None of them has used it up.
    assert_eq!(api.form("/token", &good).await.0, 200);

    let late = api.code(&wish(), ANA).await;
    api.pass(Duration::from_mins(1));
    assert_eq!(
        api.form("/token", &redemption(&late)).await.1["error"],
        "invalid_grant"
    );
    api.stop().await;
}

#[tokio::test]
async fn a_request_for_tokens_is_a_small_form_without_authorization() {
    let api = Api::start().await;
    let post = || api.request(Method::POST, "/token");
    let json = post().json(&json!({ "grant_type": "refresh_token" }));
    let (status, refused) = read(sent(json).await).await;
    assert_eq!(
        (status, &refused["error"]),
        (400, &json!("invalid_request"))
    );
    let tokens = api.sign_in(ANA).await;
    let written = refreshing(&tokens.refresh).written();
    // What any page may send without asking is none either.
    for kind in ["", "text/plain", "multipart/form-data", "application/json"] {
        let other = post().header("content-type", kind).body(written.clone());
        let (status, refused) = read(sent(other).await).await;
        let expected = (400, &json!("invalid_request"));
        assert_eq!((status, &refused["error"]), expected, "{kind}");
    }
    let kind = "Application/X-WWW-Form-Urlencoded; charset=UTF-8";
    let right = post().header("content-type", kind).body(written);
    assert_eq!(read(sent(right).await).await.0, 200);
    let large = refreshing(&"x".repeat(20_000));
    assert_eq!(api.form("/token", &large).await.0, 413);
    let broken = post().header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(read(sent(broken.body(vec![0xff, 0xfe])).await).await.0, 400);
    // In the address nothing is read.
    let query = format!("/token?{}", refreshing("x").written());
    let in_query = api
        .request(Method::POST, &query)
        .fields(&Fields(Vec::new()));
    assert_eq!(
        read(sent(in_query).await).await.1["error"],
        "invalid_request"
    );

    let secret = post().basic_auth("native-app", Some("secret"));
    let answer = sent(secret.fields(&refreshing("x"))).await;
    assert!(header(&answer, "www-authenticate").starts_with("Basic"));
    let (status, refused) = read(answer).await;
    assert_eq!((status, &refused["error"]), (401, &json!("invalid_client")));
    api.stop().await;
}

#[tokio::test]
async fn a_refresh_token_works_once_and_a_lost_answer_logs_nobody_out() {
    let api = Api::start().await;
    let first = api.sign_in(ANA).await;
    let refresh = async |token: &str| api.form("/token", &refreshing(token)).await;
    let second = Tokens::of(&refresh(&first.refresh).await.1);
    // The answer was lost.
    let third = Tokens::of(&refresh(&first.refresh).await.1);
    assert_ne!(second.refresh, third.refresh);
    assert_eq!(refresh(&second.refresh).await.1["error"], "invalid_grant");
    api.stop().await;

    let api = Api::start().await;
    let first = api.sign_in(ANA).await;
    let refresh = async |token: &str| api.form("/token", &refreshing(token)).await;
    let narrow = refreshing(&first.refresh).with("scope", "draft:read");
    let (_, narrow) = api.form("/token", &narrow).await;
    assert_eq!(narrow["scope"], "draft:read");
    let second = Tokens::of(&narrow);
    let wider = refreshing(&second.refresh).with("scope", "profile:write");
    assert_eq!(api.form("/token", &wider).await.1["error"], "invalid_scope");
    let (_, whole) = refresh(&second.refresh).await;
    assert_eq!(whole["scope"], "profile:read draft:read");
    api.pass(Duration::from_secs(11));
    assert_eq!(refresh(&first.refresh).await.1["error"], "invalid_grant");
    let newest = Tokens::of(&whole);
    assert_eq!(refresh(&newest.refresh).await.1["error"], "invalid_grant");
    let metrics = api.text("/metrics").await;
    assert!(metrics.contains("auth_refresh_reuse_total 1"), "{metrics}");
    assert!(
        metrics.contains("auth_revocations_total{reason=\"reuse\"} 1"),
        "{metrics}"
    );
    let issued = "auth_tokens_issued_total{grant=\"refresh_token\",client=\"native-app\"} 2";
    assert!(metrics.contains(issued), "{metrics}");
    api.stop().await;
}

#[tokio::test]
async fn giving_a_token_back_is_always_answered_alike_and_ends_its_session() {
    let api = Api::start().await;
    let (first, second) = (api.sign_in(ANA).await, api.sign_in(ANA).await);
    for token in ["nothing", &"A".repeat(43), "a.b.c", &"x".repeat(5_000)] {
        let answer = api.form("/revoke", &Fields::of(&[("token", token)])).await;
        assert_eq!(answer, (200, Value::Null), "{token}");
    }
    // Another client's stays.
    let others = Fields::of(&[("token", &first.refresh), ("client_id", "stats-site")]);
    assert_eq!(api.form("/revoke", &others).await, (200, Value::Null));
    let hint = Fields::of(&[
        ("token", &first.refresh),
        ("token_type_hint", "access_token"),
    ]);
    let access = Fields::of(&[("token", &second.access), ("client_id", "native-app")]);
    for (form, tokens) in [(hint, first), (access, second)] {
        let live = api.form("/token", &refreshing(&tokens.refresh)).await;
        assert_eq!(live.0, 200);
        assert_eq!(api.form("/revoke", &form).await, (200, Value::Null));
        let newest = Tokens::of(&live.1);
        let refused = api.form("/token", &refreshing(&newest.refresh)).await;
        assert_eq!(refused.1["error"], "invalid_grant");
    }
    let (status, refused) = api
        .form("/revoke", &Fields::of(&[("client_id", "x")]))
        .await;
    assert_eq!(
        (status, &refused["error"]),
        (400, &json!("invalid_request"))
    );
    api.stop().await;
}

#[tokio::test]
async fn administrators_learn_what_a_token_is_worth_and_nobody_else() {
    let api = Api::start().await;
    let (admin, tokens) = (api.admin().await, api.sign_in(ANA).await);
    let look = async |token: &str, by: &str| {
        let form = [("token", token), ("token_type_hint", "refresh_token")];
        read(
            sent(
                api.bearer(Method::POST, "/introspect", by)
                    .fields(&Fields::of(&form)),
            )
            .await,
        )
        .await
    };
    assert_eq!(look(&tokens.access, &tokens.access).await.0, 403);
    let unsigned = sent(api.request(Method::POST, "/introspect")).await;
    assert_eq!(unsigned.status().as_u16(), 401);

    let (status, access) = look(&tokens.access, &admin).await;
    assert_eq!(status, 200);
    assert_eq!(access["active"], true);
    assert_eq!(access["iss"], json!(api.url));
    assert_eq!(access["aud"], "match-platform");
    assert_eq!(access["client_id"], "native-app");
    assert_eq!(access["scope"], "profile:read draft:read");
    assert_eq!(access["token_type"], "Bearer");
    assert_eq!(access["steam_id"], "76561198046967340");
    assert_eq!(
        access["exp"]
            .as_i64()
            .zip(access["auth_time"].as_i64())
            .map(|(a, b)| a - b),
        Some(300)
    );
    let (_, refresh) = look(&tokens.refresh, &admin).await;
    assert_eq!(refresh["active"], true);
    assert_eq!(refresh["token_type"], "refresh_token");
    assert_eq!(refresh["sid"], access["sid"]);

    let nothing = json!({ "active": false });
    for token in [
        "nothing",
        &"A".repeat(43),
        "a.b.c",
        &tokens.access.replace('.', ""),
    ] {
        assert_eq!(look(token, &admin).await, (200, nothing.clone()), "{token}");
    }
    assert_eq!(
        api.form("/revoke", &Fields::of(&[("token", &tokens.refresh)]))
            .await
            .0,
        200
    );
    for token in [&tokens.access, &tokens.refresh] {
        assert_eq!(look(token, &admin).await, (200, nothing.clone()));
    }
    let twice = [("token", "a"), ("token", "b")];
    let twice = sent(
        api.bearer(Method::POST, "/introspect", &admin)
            .fields(&Fields::of(&twice)),
    )
    .await;
    assert_eq!(read(twice).await.1["error"], "invalid_request");
    api.stop().await;
}

#[tokio::test]
async fn pages_of_a_clients_origin_may_call_and_no_other_page() {
    let api = Api::start().await;
    let preflight = |path: &str, origin: &str, method: &str| {
        let request = api.request(Method::OPTIONS, path).header("origin", origin);
        let request = request.header("access-control-request-method", method);
        sent(request.header(
            "access-control-request-headers",
            "content-type,authorization",
        ))
    };
    for (path, method) in [
        ("/token", "POST"),
        ("/revoke", "POST"),
        ("/api/v1/sessions", "GET"),
        ("/api/v1/sessions/x", "DELETE"),
        ("/.well-known/oauth-authorization-server", "GET"),
    ] {
        let answer = preflight(path, ORIGIN, method).await;
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        assert_eq!(
            header(&answer, "access-control-allow-origin"),
            ORIGIN,
            "{path}"
        );
        assert!(
            header(&answer, "access-control-allow-methods").contains(method),
            "{path}"
        );
        assert_eq!(
            header(&answer, "access-control-allow-credentials"),
            "",
            "{path}"
        );
        for other in [
            "https://evil.example",
            "https://stats.example.evil.example",
            "null",
        ] {
            let answer = preflight(path, other, method).await;
            assert_eq!(
                header(&answer, "access-control-allow-origin"),
                "",
                "{path} {other}"
            );
        }
    }
    let post = |origin: &str| {
        let request = api.request(Method::POST, "/token").header("origin", origin);
        sent(request.fields(&refreshing("x")))
    };
    assert_eq!(
        header(&post(ORIGIN).await, "access-control-allow-origin"),
        ORIGIN
    );
    let other = post("https://evil.example").await;
    assert_eq!(header(&other, "access-control-allow-origin"), "");
    api.stop().await;
}
