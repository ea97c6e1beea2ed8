//! What only administrators may do.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ADMIN, ANA, Api, Fields, Formed as _, read, refreshing, sent, wish};

const USERS: &str = "/api/v1/admin/users";
const NOBODY: &str = "018f0000-0000-7000-8000-000000000000";

async fn look_up(api: &Api, by: &str, person: u64) -> Value {
    let path = format!("{USERS}?steam_id={person}");
    let (status, document) = read(sent(api.bearer(Method::GET, &path, by)).await).await;
    assert_eq!(status, 200, "{document}");
    document
}

async fn order(api: &Api, by: &str, user: &str, what: &str, body: &Value) -> (u16, Value) {
    let request = api.bearer(Method::POST, &format!("{USERS}/{user}/{what}"), by);
    read(sent(request.json(body)).await).await
}

#[tokio::test]
async fn a_user_is_looked_up_blocked_and_let_in_again() {
    let api = Api::start().await;
    let admin = api.admin().await;
    assert_eq!(look_up(&api, &admin, ANA).await, json!({ "users": [] }));
    let (first, second) = (api.sign_in(ANA).await, api.sign_in(ANA).await);
    let users = look_up(&api, &admin, ANA).await;
    let id = users["users"][0]["id"]
        .as_str()
        .expect("there is one")
        .to_owned();
    let expected = json!({
        "id": id, "steam_id": "76561198046967340", "name": null, "picture": null,
        "created_at": "2026-11-29T12:00:00.000Z", "last_login_at": "2026-11-29T12:00:00.000Z",
        "blocked_at": null, "blocked_reason": null,
    });
    assert_eq!(users, json!({ "users": [expected] }));

    let ended = order(&api, &admin, &id, "end-sessions", &json!({})).await;
    assert_eq!(ended, (200, json!({ "sessions_ended": 2 })));
    for tokens in [&first, &second] {
        let refused = api.form("/token", &refreshing(&tokens.refresh)).await;
        assert_eq!(refused.1["error"], "invalid_grant");
    }
    let third = api.sign_in(ANA).await;
    let blocked = order(&api, &admin, &id, "block", &json!({ "reason": "a bot" })).await;
    assert_eq!(blocked, (200, json!({ "sessions_ended": 1 })));
    assert_eq!(api.form("/token", &refreshing(&third.refresh)).await.0, 400);
    let user = look_up(&api, &admin, ANA).await["users"][0].clone();
    assert_eq!(user["blocked_reason"], "a bot");
    assert_eq!(user["blocked_at"], "2026-11-29T12:00:00.000Z");
    let (back, cookie) = api.at_steam(&wish(), ANA).await;
    let told = Fields::of_answer(&api.callback(&back, Some(&cookie)).await);
    assert_eq!(told.get("error"), Some("access_denied"));

    let unblocked = order(&api, &admin, &id, "unblock", &json!({})).await;
    assert_eq!(unblocked, (204, Value::Null));
    api.sign_in(ANA).await;
    api.stop().await;
}

#[tokio::test]
async fn an_order_that_cannot_be_meant_is_refused() {
    let api = Api::start().await;
    let admin = api.admin().await;
    for query in [
        "",
        "?steam_id=",
        "?steam_id=1",
        "?steam_id=x",
        "?id=1",
        "?steam_id=76561198046967340&steam_id=76561198046967340",
    ] {
        let answer = sent(api.bearer(Method::GET, &format!("{USERS}{query}"), &admin)).await;
        assert_eq!(answer.status().as_u16(), 400, "{query}");
    }
    for user in [NOBODY, "x", "76561198046967340"] {
        for what in ["block", "unblock", "end-sessions"] {
            let (status, _) = order(&api, &admin, user, what, &json!({ "reason": "a" })).await;
            assert_eq!(status, 404, "{user} {what}");
        }
    }
    let long = "x".repeat(257);
    for body in [
        json!({}),
        json!({ "reason": "" }),
        json!({ "reason": 1 }),
        json!([]),
        json!(null),
        json!({ "reason": "a\nb" }),
        json!({ "reason": long }),
        json!({ "reason": "a", "for": "7d" }),
    ] {
        let (status, problem) = order(&api, &admin, NOBODY, "block", &body).await;
        assert_eq!(
            (status, &problem["type"]),
            (422, &json!("invalid-document")),
            "{body}"
        );
    }
    let path = format!("{USERS}/{NOBODY}/block");
    let form = sent(
        api.bearer(Method::POST, &path, &admin)
            .fields(&Fields::of(&[("reason", "a")])),
    )
    .await;
    assert_eq!(form.status().as_u16(), 415);
    api.stop().await;
}

#[tokio::test]
async fn forged_and_expired_tokens_and_those_of_users_open_nothing() {
    let api = Api::start().await;
    let (admin, user) = (api.admin().await, api.sign_in(ANA).await.access);
    let [header, claims, signature] = admin.split('.').collect::<Vec<_>>()[..] else {
        panic!("it has three parts");
    };
    let [_, users_claims, users_signature] = user.split('.').collect::<Vec<_>>()[..] else {
        panic!("it has three parts");
    };
    // `{"typ":"at+jwt","alg":"none"}`
    let none = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJub25lIn0";
    let forged = [
        format!("{header}.{claims}.{users_signature}"),
        format!("{header}.{users_claims}.{signature}"),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{header}.{claims}"),
        "x".repeat(5_000),
    ];
    let paths = [
        (Method::GET, format!("{USERS}?steam_id={ANA}")),
        (Method::POST, format!("{USERS}/{NOBODY}/block")),
        (Method::POST, format!("{USERS}/{NOBODY}/unblock")),
        (Method::POST, format!("{USERS}/{NOBODY}/end-sessions")),
        (Method::POST, "/introspect".to_owned()),
    ];
    let ask = async |token: &str, (method, path): &(Method, String)| {
        let request = api.bearer(method.clone(), path, token);
        sent(request).await.status().as_u16()
    };
    for path in &paths {
        for token in &forged {
            assert_eq!(ask(token, path).await, 401, "{path:?} {token}");
        }
        assert_eq!(ask(&user, path).await, 403, "{path:?}");
        assert!(![401, 403].contains(&ask(&admin, path).await), "{path:?}");
        let plain = sent(api.request(path.0.clone(), &path.1)).await;
        assert_eq!(plain.status().as_u16(), 401, "{path:?}");
    }
    api.pass(Duration::from_mins(5));
    for path in &paths {
        assert_eq!(ask(&admin, path).await, 401, "{path:?}");
    }
    api.stop().await;
}

#[tokio::test]
async fn an_administrator_who_was_logged_out_or_blocked_does_nothing_more() {
    let api = Api::start().await;
    let (first, second) = (api.sign_in(ADMIN).await, api.sign_in(ADMIN).await);
    let gone = sent(api.bearer(Method::DELETE, "/api/v1/sessions", &first.access)).await;
    assert_eq!(gone.status().as_u16(), 204);
    for tokens in [&first, &second] {
        let path = format!("{USERS}?steam_id={ANA}");
        let answer = sent(api.bearer(Method::GET, &path, &tokens.access)).await;
        assert_eq!(answer.status().as_u16(), 401);
    }
    api.stop().await;
}
