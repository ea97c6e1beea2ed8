//! What only administrators may do.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{Api, ME, USER, header, json, path_of, read, sent, user};

async fn subscribe(api: &Api, number: u8, order: &Value, key: Option<&str>) -> Response {
    let token = api.token(9, "admin");
    let path = format!("{}/subscription", path_of(number));
    let mut request = api.request(Method::PUT, &path, &token).json(order);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    sent(request).await
}

#[tokio::test]
async fn a_user_cannot_write_what_a_user_cannot_buy() {
    let api = Api::start().await;
    let token = api.token(1, USER);
    api.look(ME, &token).await;
    for path in [ME.to_owned(), path_of(1), path_of(7)] {
        let path = format!("{path}/subscription");
        let request = api.request(Method::PUT, &path, &token);
        let answer = sent(request.json(&json!({"plan": "pro"}))).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
        let challenge = header(&answer, "www-authenticate");
        assert_eq!(
            challenge,
            "Bearer error=\"insufficient_scope\", scope=\"admin\""
        );
    }
    for subscription in [json!({"plan": "pro"}), json!({"plan": null}), json!(null)] {
        let patch = json!({ "subscription": subscription });
        let answer = api.patch(&token, 1, patch.clone()).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{patch}");
    }
    let profile = json(api.look(ME, &token).await).await;
    assert_eq!(
        (&profile["subscription"]["plan"], &profile["version"]),
        (&json!("free"), &json!(1))
    );
    api.stop().await;
}

#[tokio::test]
async fn an_administrator_says_what_was_bought_and_readers_see_another_state() {
    let api = Api::start().await;
    let order = json!({"plan": "plus", "status": "active", "current_period_end": "2026-01-01T00:00:00Z",
        "source": "a shop"});
    assert_eq!(
        subscribe(&api, 1, &order, None).await.status(),
        StatusCode::NOT_FOUND
    );
    let token = api.token(1, USER);
    api.look(ME, &token).await;
    let answer = subscribe(&api, 1, &order, None).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(&answer, "etag"), "\"2\"");
    let expected = json!({"plan": "plus", "status": "active", "current_period_end": "2026-01-01T00:00:00.000Z",
        "source": "a shop", "version": 2});
    assert_eq!(json(answer).await, expected);
    let look = api
        .request(Method::GET, ME, &token)
        .header("if-none-match", "\"1\"");
    let profile = json(sent(look).await).await;
    assert_eq!(profile["subscription"]["plan"], "plus");
    assert_eq!(
        api.patch(&token, 1, json!({"locale": "de"})).await.status(),
        StatusCode::PRECONDITION_FAILED
    );

    let (status, problem) =
        read(subscribe(&api, 1, &json!({"plan": "gold", "price": 1}), None).await).await;
    assert_eq!(status, 422);
    let pointers: Vec<_> = ["/plan", "/price"].map(Value::from).into();
    let errors = problem["errors"].as_array().expect("it is a list");
    assert_eq!(
        errors
            .iter()
            .map(|error| error["pointer"].clone())
            .collect::<Vec<_>>(),
        pointers
    );
    api.stop().await;
}

#[tokio::test]
async fn an_order_that_comes_again_with_its_key_is_answered_as_before_and_does_nothing() {
    let api = Api::start().await;
    api.look(ME, &api.token(1, USER)).await;
    api.look(ME, &api.token(2, USER)).await;
    let (plus, pro) = (json!({"plan": "plus"}), json!({"plan": "pro"}));
    let first = subscribe(&api, 1, &plus, Some("order-1")).await;
    assert_eq!(first.status(), StatusCode::OK);
    let first = (header(&first, "etag").to_owned(), json(first).await);
    assert_eq!(
        subscribe(&api, 1, &pro, Some("order-2")).await.status(),
        StatusCode::OK
    );
    let again = subscribe(&api, 1, &plus, Some("order-1")).await;
    assert_eq!(
        (header(&again, "etag").to_owned(), json(again).await),
        first
    );
    let profile = json(api.look(ME, &api.token(1, USER)).await).await;
    assert_eq!(
        (&profile["subscription"]["plan"], &profile["version"]),
        (&json!("pro"), &json!(3))
    );
    for (number, order) in [(1, &pro), (2, &plus)] {
        let (status, problem) = read(subscribe(&api, number, order, Some("order-1")).await).await;
        assert_eq!(
            (status, &problem["type"]),
            (422, &json!("key-reused")),
            "{number} {order}"
        );
    }
    let long = "x".repeat(256);
    assert_eq!(
        subscribe(&api, 1, &plus, Some(&long)).await.status(),
        StatusCode::BAD_REQUEST
    );
    api.stop().await;
}

#[tokio::test]
async fn pages_lead_through_all_profiles_in_the_order_of_ids() {
    let api = Api::start().await;
    for number in 1..=5 {
        api.look(ME, &api.token(number, USER)).await;
    }
    let admin = api.token(9, "admin");
    let mut seen = Vec::new();
    let mut path = "/api/v1/profiles?limit=2".to_owned();
    let pages = loop {
        let page = json(api.look(&path, &admin).await).await;
        let profiles = page["profiles"].as_array().expect("it is a list").clone();
        seen.extend(profiles.into_iter().map(|profile| profile["id"].clone()));
        match page["next"].as_str() {
            Some(next) => path = format!("/api/v1/profiles?limit=2&after={next}"),
            None => break page,
        }
    };
    let all: Vec<_> = (1..=5)
        .map(|number| Value::from(user(number).to_string()))
        .collect();
    assert_eq!(seen, all);
    assert_eq!(pages["profiles"].as_array().map(Vec::len), Some(1));
    let whole = json(api.look("/api/v1/profiles", &admin).await).await;
    assert_eq!(whole["profiles"].as_array().map(Vec::len), Some(5));
    assert_eq!(whole["next"], Value::Null);
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "after=me",
        "page=2",
        "limit=1&limit=2",
    ] {
        let answer = api.look(&format!("/api/v1/profiles?{query}"), &admin).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{query}");
    }
    let answer = api.look("/api/v1/profiles", &api.token(1, USER)).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    api.stop().await;
}
