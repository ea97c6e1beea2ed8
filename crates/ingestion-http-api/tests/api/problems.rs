//! Errors are problem documents.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::Api;

/// Asks for `path` and compares the problem's status and detail.
async fn check(api: &Api, method: Method, path: &str, status: StatusCode, detail: &str) {
    let answer = api
        .client
        .request(method.clone(), format!("{}{path}", api.url))
        .body(if path == "/large" {
            "x".repeat(65_537)
        } else {
            String::new()
        })
        .send()
        .await
        .expect("the server answers");
    assert_eq!(answer.status(), status, "{method} {path}");
    assert_eq!(
        answer.headers()["content-type"],
        "application/problem+json",
        "{method} {path}"
    );
    let problem: serde_json::Value = answer.json().await.expect("a problem is JSON");
    let expected = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
        "instance": path,
    });
    assert_eq!(problem, expected, "{method} {path}");
}

#[tokio::test]
async fn every_error_is_a_problem_document() {
    let api = Api::start();
    let nothing = "there is nothing here; /openapi.json lists every path";
    for path in ["/nothing", "/api/v1", "/livez/", "//"] {
        check(&api, Method::GET, path, StatusCode::NOT_FOUND, nothing).await;
    }
    let no_file = "the request could not be answered";
    check(
        &api,
        Method::GET,
        "/docs/nothing.js",
        StatusCode::NOT_FOUND,
        no_file,
    )
    .await;
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let detail = format!("{method} is not possible here, only GET, HEAD");
        check(
            &api,
            method,
            "/api/v1/ingestion",
            StatusCode::METHOD_NOT_ALLOWED,
            &detail,
        )
        .await;
    }
    let large = "a request body has at most 65536 bytes";
    check(
        &api,
        Method::POST,
        "/large",
        StatusCode::PAYLOAD_TOO_LARGE,
        large,
    )
    .await;
    api.stop().await;
}

#[tokio::test]
async fn a_refused_method_says_which_are_possible() {
    let api = Api::start();
    let answer = api.client.post(format!("{}/metrics", api.url)).send().await;
    let answer = answer.expect("the server answers");
    assert_eq!(answer.headers()["allow"], "GET, HEAD");
    api.stop().await;
}

#[tokio::test]
async fn a_refused_preflight_says_why() {
    let api = Api::start_with_origins(&["https://status.example"]);
    let answer = api
        .client
        .request(Method::OPTIONS, format!("{}/livez", api.url))
        .header("origin", "https://status.example")
        .header("access-control-request-method", "DELETE")
        .send()
        .await
        .expect("the server answers");
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: serde_json::Value = answer.json().await.expect("a problem is JSON");
    assert_eq!(problem["detail"], "Requested method is not allowed");
    api.stop().await;
}
