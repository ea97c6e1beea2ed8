//! Keys that follow each other.

use std::time::Duration;

use reqwest::Method;

use crate::support::{ANA, Api, Given, header, read, redemption, sent, wish};

const KEYS: &str = "/.well-known/jwks.json";
const HOUR: Duration = Duration::from_hours(1);

async fn names(api: &Api) -> Vec<String> {
    let set = api.json(KEYS).await;
    let keys = set["keys"].as_array().expect("it is a list").iter();
    keys.map(|key| key["kid"].as_str().expect("it has a name").to_owned())
        .collect()
}

#[tokio::test]
async fn a_new_key_is_published_before_it_signs_and_its_tokens_are_taken_at_once() {
    let api = Api::start().await;
    let look_after = async || {
        let looked = api.auth.ring().look_after().await;
        looked.expect("the keys can be read");
    };
    let is_taken = async |token: &str| {
        let request = api.bearer(Method::GET, "/api/v1/sessions", token);
        sent(request).await.status().as_u16() == 200
    };
    let first = names(&api).await;
    assert_eq!(first.len(), 1);
    assert!(is_taken(&api.sign_in(ANA).await.access).await);
    api.pass((30 * 24 - 1) * HOUR);
    look_after().await;
    let both = names(&api).await;
    assert_eq!(both.len(), 2);
    let before = api.sign_in(ANA).await.access;
    api.pass(Duration::from_mins(59));
    let old = api.sign_in(ANA).await.access;
    api.pass(Duration::from_mins(1));
    let new = api.sign_in(ANA).await.access;
    assert!(is_taken(&new).await);
    assert!(is_taken(&old).await, "by the key before");
    assert!(!is_taken(&before).await, "it is over");
    let header = |token: &str| token.split('.').next().map(str::to_owned);
    assert_ne!(header(&old), header(&new));
    api.pass(2 * HOUR);
    look_after().await;
    let left = names(&api).await;
    assert_eq!(left.len(), 1);
    assert_ne!(left, first);
    api.stop().await;
}

#[tokio::test]
async fn without_a_key_nothing_is_used_up_and_nobody_keeps_an_empty_set() {
    let has_key = false;
    let api = Api::with(Given {
        has_key,
        ..Given::default()
    })
    .await;
    let answer = api.get(KEYS).await;
    assert_eq!(header(&answer, "retry-after"), "2");
    assert_eq!(header(&answer, "cache-control"), "no-store");
    assert_eq!(read(answer).await.0, 503);
    let code = api.code(&wish(), ANA).await;
    assert_eq!(api.form("/token", &redemption(&code)).await.0, 503);
    let anybody = sent(api.bearer(Method::GET, "/api/v1/sessions", "x")).await;
    assert_eq!(anybody.status().as_u16(), 401);
    api.auth
        .ring()
        .look_after()
        .await
        .expect("a key can be made");
    assert_eq!(api.form("/token", &redemption(&code)).await.0, 200);
    assert_eq!(names(&api).await.len(), 1);
    api.stop().await;
}
