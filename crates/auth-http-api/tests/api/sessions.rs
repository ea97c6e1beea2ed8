//! One's own sessions.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ADMIN, ANA, Api, Formed as _, Tokens, header, read, refreshing, sent};

const PATH: &str = "/api/v1/sessions";

async fn list(api: &Api, token: &str) -> Vec<Value> {
    let (status, document) = read(sent(api.bearer(Method::GET, PATH, token)).await).await;
    assert_eq!(status, 200, "{document}");
    document["sessions"]
        .as_array()
        .expect("it is a list")
        .clone()
}

#[tokio::test]
async fn users_see_their_sessions_and_log_out_one_or_all() {
    let api = Api::start().await;
    let others = api.sign_in(ADMIN).await;
    let (first, second) = (api.sign_in(ANA).await, api.sign_in(ANA).await);
    api.pass(Duration::from_secs(1));
    let refreshed = sent(
        api.request(Method::POST, "/token")
            .header("user-agent", "Overlay/1")
            .fields(&refreshing(&first.refresh)),
    );
    let first = Tokens::of(&read(refreshed.await).await.1);
    let sessions = list(&api, &first.access).await;
    assert_eq!(sessions.len(), 2);
    let mut shown = sessions[0].clone();
    let id = shown["id"].take();
    assert_eq!(
        shown,
        json!({
            "id": null, "client_id": "native-app", "created_at": "2026-11-29T12:00:00.000Z",
            "last_used_at": "2026-11-29T12:00:01.000Z", "current": true, "user_agent": null,
            "address_prefix": "127.0.0.0/24",
        })
    );
    assert_eq!(sessions[1]["current"], false);

    let delete = |path: String, token: String| {
        let request = api.bearer(Method::DELETE, &path, &token);
        async move { read(sent(request).await).await }
    };
    let id = id.as_str().expect("it is text").to_owned();
    // Another's, one that never was, and what is none, are alike.
    for path in [id.as_str(), "018f0000-0000-7000-8000-000000000000", "x"] {
        let (status, _) = delete(format!("{PATH}/{path}"), others.access.clone()).await;
        assert_eq!(status, 404, "{path}");
    }
    let own = format!("{PATH}/{id}");
    assert_eq!(
        delete(own.clone(), second.access.clone()).await,
        (204, Value::Null)
    );
    assert_eq!(
        delete(own, second.access.clone()).await,
        (204, Value::Null),
        "it is well ended"
    );
    assert_eq!(list(&api, &second.access).await.len(), 1);
    // The token lives on, and its session does not.
    let answer = sent(api.bearer(Method::GET, PATH, &first.access)).await;
    assert_eq!(answer.status().as_u16(), 401);
    assert_eq!(
        header(&answer, "www-authenticate"),
        "Bearer error=\"invalid_token\""
    );

    let third = api.sign_in(ANA).await;
    assert_eq!(
        delete(PATH.to_owned(), third.access.clone()).await,
        (204, Value::Null)
    );
    for token in [&second, &third] {
        let answer = sent(api.bearer(Method::GET, PATH, &token.access)).await;
        assert_eq!(answer.status().as_u16(), 401);
        let (_, refused) = api.form("/token", &refreshing(&token.refresh)).await;
        assert_eq!(refused["error"], "invalid_grant");
    }
    assert_eq!(list(&api, &others.access).await.len(), 1);
    api.stop().await;
}

#[tokio::test]
async fn nobody_sees_sessions_without_a_token_that_is_taken() {
    let api = Api::start().await;
    let tokens = api.sign_in(ANA).await;
    let plain = sent(api.request(Method::GET, PATH)).await;
    assert_eq!(plain.status().as_u16(), 401);
    assert_eq!(header(&plain, "www-authenticate"), "Bearer");
    for token in ["x", &tokens.refresh, &tokens.access[1..]] {
        let answer = sent(api.bearer(Method::GET, PATH, token)).await;
        assert_eq!(answer.status().as_u16(), 401);
        assert_eq!(
            header(&answer, "www-authenticate"),
            "Bearer error=\"invalid_token\""
        );
    }
    api.pass(Duration::from_mins(5));
    let expired = sent(api.bearer(Method::GET, PATH, &tokens.access)).await;
    assert_eq!(expired.status().as_u16(), 401);
    api.stop().await;
}
