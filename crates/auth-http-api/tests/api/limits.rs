//! Whoever asks too often has to wait.

use reqwest::{Method, Response};
use serde_json::json;

use crate::support::{
    ANA, Api, Fields, Formed as _, Given, Tokens, header, page, read, redemption, refreshing, sent,
    wish,
};

fn retry_after(answer: &Response) -> u64 {
    header(answer, "retry-after")
        .parse()
        .expect("it says when to come again")
}

#[tokio::test]
async fn a_network_begins_so_many_sign_ins_and_then_has_to_wait() {
    let rates = ["3/h", "1000/s", "1000/s"];
    let api = Api::with(Given {
        rates,
        ..Given::default()
    })
    .await;
    let path = format!("/authorize?{}", wish().written());
    for number in 0..3 {
        let request = api.request(Method::GET, &path);
        // Nobody believes what anybody says of itself.
        let request = request.header("x-forwarded-for", format!("192.0.2.{number}"));
        assert_eq!(sent(request).await.status().as_u16(), 303);
    }
    let answer = api.authorize(&wish(), None).await;
    assert!(
        (1_000..=1_200).contains(&retry_after(&answer)),
        "{answer:?}"
    );
    assert!(page(answer, 429).await.contains("too many attempts"));
    // Coming back and everything else goes on.
    assert_eq!(
        api.get("/.well-known/jwks.json").await.status().as_u16(),
        200
    );
    page(api.callback_text("state=x", None).await, 400).await;
    let metrics = api.text("/metrics").await;
    assert!(
        metrics.contains("auth_rate_limited_total{endpoint=\"authorize\"} 1"),
        "{metrics}"
    );
    api.stop().await;
}

#[tokio::test]
async fn a_network_asks_for_so_many_tokens_and_then_has_to_wait() {
    let rates = ["1000/s", "4/h", "1000/s"];
    let api = Api::with(Given {
        rates,
        ..Given::default()
    })
    .await;
    let tokens = api.sign_in(ANA).await;
    let mut newest = tokens;
    for _ in 0..2 {
        newest = Tokens::of(&api.form("/token", &refreshing(&newest.refresh)).await.1);
    }
    assert_eq!(
        api.form("/revoke", &Fields::of(&[("token", "x")])).await.0,
        200
    );
    for path in ["/token", "/revoke"] {
        let request = api
            .request(Method::POST, path)
            .fields(&refreshing(&newest.refresh));
        let answer = sent(request).await;
        assert!((800..=900).contains(&retry_after(&answer)), "{answer:?}");
        assert_eq!(header(&answer, "content-type"), "application/problem+json");
        let (status, problem) = read(answer).await;
        assert_eq!(
            (status, &problem["type"]),
            (429, &json!("too-many-requests"))
        );
        assert_eq!(problem["error"], "temporarily_unavailable");
    }
    let metrics = api.text("/metrics").await;
    for endpoint in ["token", "revoke"] {
        let line = format!("auth_rate_limited_total{{endpoint=\"{endpoint}\"}} 1");
        assert!(metrics.contains(&line), "{metrics}");
    }
    api.stop().await;
}

#[tokio::test]
async fn whoever_fails_too_often_has_to_wait_also_with_what_is_right() {
    let rates = ["1000/s", "1000/s", "3/h"];
    let api = Api::with(Given {
        rates,
        ..Given::default()
    })
    .await;
    let code = api.code(&wish(), ANA).await;
    let (back, cookie) = api.at_steam(&wish(), ANA).await;
    // One of each kind.
    page(api.authorize(&Fields(Vec::new()), None).await, 400).await;
    page(api.callback_text("state=x", None).await, 400).await;
    // What is only wrong is not in vain.
    for _ in 0..5 {
        assert_eq!(api.form("/token", &Fields(Vec::new())).await.0, 400);
    }
    assert_eq!(api.form("/token", &refreshing("x")).await.0, 400);

    assert_eq!(api.form("/token", &redemption(&code)).await.0, 429);
    page(api.callback(&back, Some(&cookie)).await, 429).await;
    page(api.authorize(&wish(), None).await, 429).await;
    assert_eq!(api.steam.counts().checks, 1, "for the code");
    api.stop().await;
}
