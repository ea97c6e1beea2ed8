//! Who is refused before anything is looked at, and what is said when nothing can be.

use reqwest::{Method, StatusCode};
use serde_json::json;
use user_application::ports::StoreError;

use crate::support::{Api, ME, USER, header, json, path_of, read, sent};

const PATHS: [(Method, &str); 6] = [
    (Method::GET, ME),
    (Method::PUT, ME),
    (Method::PATCH, ME),
    (Method::DELETE, ME),
    (Method::PUT, "/api/v1/profiles/me/subscription"),
    (Method::GET, "/api/v1/profiles"),
];

#[tokio::test]
async fn nobody_gets_anywhere_without_a_token_that_is_taken() {
    let api = Api::start().await;
    let mut claims = api.issuer.claims(crate::support::user(1), "admin");
    claims["exp"] = (claims["iat"].as_i64().expect("a number") - 1).into();
    let expired = api.issuer.sign(&claims);
    for (method, path) in PATHS {
        let plain = api
            .client
            .request(method.clone(), format!("{}{path}", api.url));
        let answer = sent(plain).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(header(&answer, "www-authenticate"), "Bearer");
        for token in ["zQz", &expired] {
            let answer = sent(api.request(method.clone(), path, token)).await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
            let challenge = header(&answer, "www-authenticate");
            assert_eq!(challenge, "Bearer error=\"invalid_token\"");
            assert!(!json(answer).await.to_string().contains("zQz"));
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn each_path_needs_its_scope() {
    let api = Api::start().await;
    api.look(ME, &api.token(1, USER)).await;
    for ((method, path), needed) in PATHS.into_iter().zip([
        "profile:read",
        "profile:write",
        "profile:write",
        "profile:write",
        "admin",
        "admin",
    ]) {
        let send = |token: String| {
            let request = api
                .request(method.clone(), path, &token)
                .header("if-match", "\"0\"");
            sent(request.json(&json!({})))
        };
        let others = ["profile:read", "profile:write"];
        let others: Vec<_> = others
            .into_iter()
            .filter(|scope| *scope != needed)
            .collect();
        let answer = send(api.token(1, &others.join(" "))).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{method} {path}");
        let challenge = header(&answer, "www-authenticate");
        assert_eq!(
            challenge,
            format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\"")
        );
        for permitted in [needed, "admin"] {
            let answer = send(api.token(1, permitted)).await;
            assert_ne!(answer.status(), StatusCode::FORBIDDEN, "{method} {path}");
            assert_ne!(answer.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
        }
    }
    // Whose it is makes no difference.
    let answer = api.look(&path_of(7), &api.token(1, "profile:write")).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    api.stop().await;
}

#[tokio::test]
async fn a_store_that_is_away_is_said_to_come_back_and_one_that_fails_says_nothing() {
    let api = Api::start().await;
    let token = api.token(1, "profile:read profile:write admin");
    api.look(ME, &token).await;
    let send = |method: Method, path: &str| {
        let request = api
            .request(method, path, &token)
            .header("if-match", "\"1\"");
        sent(request.json(&json!({"plan": "pro"})))
    };
    api.store.fail(Some(StoreError::Away("zQz".to_owned())));
    for (method, path) in PATHS {
        let answer = send(method.clone(), path).await;
        assert_eq!(header(&answer, "retry-after"), "2", "{method} {path}");
        let (status, problem) = read(answer).await;
        assert_eq!(
            (status, &problem["type"]),
            (503, &json!("database-away")),
            "{method} {path}"
        );
        assert!(!problem.to_string().contains("zQz"));
    }
    api.store.fail(Some(StoreError::Failed("zQz".to_owned())));
    for (method, path) in PATHS {
        let (status, problem) = read(send(method.clone(), path).await).await;
        assert_eq!(status, 500, "{method} {path}");
        assert!(!problem.to_string().contains("zQz"));
    }
    api.store.fail(None);
    assert_eq!(send(Method::GET, ME).await.status(), StatusCode::OK);
    let metrics = api.text("/metrics").await;
    for outcome in ["unavailable", "failed"] {
        let expected = format!("user_requests_total{{operation=\"look\",outcome=\"{outcome}\"}} 1");
        assert!(metrics.contains(&expected), "{expected}");
    }
    api.stop().await;
}

#[tokio::test]
async fn other_methods_are_told_which_there_are() {
    let api = Api::start().await;
    let token = api.token(1, USER);
    for (path, expected) in [
        (ME, "GET, HEAD, PUT, PATCH, DELETE"),
        ("/api/v1/profiles/me/subscription", "PUT"),
        ("/api/v1/profiles", "GET, HEAD"),
    ] {
        let answer = sent(api.request(Method::POST, path, &token)).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(header(&answer, "allow"), expected, "{path}");
    }
    api.stop().await;
}
