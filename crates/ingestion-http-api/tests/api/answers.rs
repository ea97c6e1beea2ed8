//! Alive, ready and healthy; HEAD; security headers; CORS.

use health_kit::HealthStatus;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn draining_ends_readiness_and_not_life() {
    let api = Api::start();
    assert_eq!(api.json("/livez").await, json!({ "status": "alive" }));
    assert_eq!(api.json("/readyz").await, json!({ "status": "ready" }));

    api.drain.cancel();
    assert_eq!(api.get("/livez").await.status(), StatusCode::OK);
    let answer = api.get("/readyz").await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let detail = "the service is draining: it finishes what it has and takes nothing new";
    assert_eq!(api.json("/readyz").await["detail"], detail);
    api.stop().await;
}

#[tokio::test]
async fn health_is_as_bad_as_its_worst_part() {
    let api = Api::start();
    let answer = api.get("/api/v1/health").await;
    assert_eq!(
        answer.status(),
        StatusCode::SERVICE_UNAVAILABLE,
        "not connected"
    );

    api.source.connected();
    let answer = api.get("/api/v1/health").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let since = "2025-11-08T18:30:00.000Z";
    let expected = json!({
        "status": "healthy",
        "service": "ingestion-service",
        "checks": [
            { "name": "feed.opendota_stream", "status": "healthy", "since": since,
              "reason": "opendota_stream: connected" },
            { "name": "kafka", "status": "healthy", "since": since,
              "reason": "brokers answer" },
            { "name": "ledger", "status": "healthy", "since": since,
              "reason": "every received match is accounted for" },
        ],
    });
    assert_eq!(api.json("/api/v1/health").await, expected);

    let slow = "brokers answer slowly";
    api.kafka.0.set(HealthStatus::Degraded, slow);
    let answer = api.get("/api/v1/health").await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["content-type"], "application/json");
    let health = api.json("/api/v1/health").await;
    assert_eq!(health["status"], "degraded");
    assert_eq!(health["checks"][1]["reason"], slow);
    api.stop().await;
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let api = Api::start();
    for path in [
        "/",
        "/livez",
        "/api/v1/health",
        "/docs/swagger-ui.css",
        "/nothing",
    ] {
        let get = api.get(path).await;
        let head = api.client.head(format!("{}{path}", api.url)).send().await;
        let head = head.expect("the server answers");
        assert_eq!(head.status(), get.status(), "{path}");
        for name in ["content-type", "content-length"] {
            assert_eq!(
                head.headers().get(name),
                get.headers().get(name),
                "{path}: {name}"
            );
        }
        assert_eq!(head.text().await.expect("the answer ends"), "", "{path}");
    }
    let events = format!("{}/api/v1/ingestion/events", api.url);
    let head = api
        .client
        .head(events)
        .send()
        .await
        .expect("the server answers");
    assert_eq!(head.headers()["content-type"], "text/event-stream");
    assert_eq!(head.text().await.expect("no event follows"), "");
    api.stop().await;
}

#[tokio::test]
async fn every_answer_forbids_other_hosts_frames_and_guesses() {
    let api = Api::start();
    for path in [
        "/",
        "/docs",
        "/docs/index.html",
        "/redoc",
        "/metrics",
        "/nothing",
    ] {
        let answer = api.get(path).await;
        let header = |name| answer.headers()[name].to_str().expect("it is text");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        let policy = header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'self';"),
            "{path}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(
            !policy.contains("http") && !policy.contains('*'),
            "{path}: {policy}"
        );
    }
    api.stop().await;
}

/// Asks as a page of `origin` does; `expected` is who may read the answer.
async fn check_cors(allowed: &[&str], origin: &str, expected: Option<&str>) {
    let api = Api::start_with_origins(allowed);
    for method in [Method::GET, Method::OPTIONS] {
        let request = api
            .client
            .request(method.clone(), format!("{}/livez", api.url));
        let answer = request
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .send()
            .await
            .expect("the server answers");
        let found = answer.headers().get("access-control-allow-origin");
        let found = found.map(|it| it.to_str().expect("it is text"));
        assert_eq!(
            found, expected,
            "{method} from {origin}, allowed: {allowed:?}"
        );
        let credentials = answer.headers().get("access-control-allow-credentials");
        assert_eq!(
            credentials, None,
            "{method} from {origin}, allowed: {allowed:?}"
        );
    }
    api.stop().await;
}

#[tokio::test]
async fn cors_is_closed_unless_origins_are_listed() {
    let ours = "https://status.example";
    check_cors(&[], ours, None).await;
    check_cors(&[ours], ours, Some(ours)).await;
    check_cors(&["https://a.example", ours], ours, Some(ours)).await;
    check_cors(&[ours], "https://status.example.evil.example", None).await;
    check_cors(&[ours], "http://status.example", None).await;
    check_cors(&["*"], ours, Some("*")).await;
}
