//! The description of the interface and the pages.

use http_test_kit::DEADLINE;
use reqwest::StatusCode;

use crate::support::{Api, world::World};

#[tokio::test]
async fn the_description_is_as_it_was() {
    let api = Api::start();
    insta::assert_json_snapshot!("openapi", api.json("/openapi.json").await);
    api.stop().await;
}

/// `path` is described at `template` and answers with `media_type`.
async fn check_route(api: &Api, template: &str, path: &str, media_type: &str) {
    let answer = api.get(path).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    let content_type = answer.headers()["content-type"]
        .to_str()
        .expect("it is text");
    assert_eq!(content_type.split(';').next(), Some(media_type), "{path}");
    let description = api.json("/openapi.json").await;
    let contents = &description["paths"][template]["get"]["responses"]["200"]["content"];
    assert!(contents[media_type].is_object(), "{path}: {contents}");
}

#[tokio::test]
async fn every_route_answers_as_it_is_described() {
    let api = Api::start_with(&World::first()).await;
    let json = "application/json";
    for (template, path, media_type) in [
        ("/livez", "/livez", json),
        ("/readyz", "/readyz", json),
        ("/api/v1/health", "/api/v1/health", json),
        ("/api/v1/slices", "/api/v1/slices", json),
        ("/api/v1/counters/{hero}", "/api/v1/counters/1", json),
        ("/api/v1/synergies/{hero}", "/api/v1/synergies/1", json),
        (
            "/api/v1/accounts/{id}/pas",
            "/api/v1/accounts/76482434/pas",
            json,
        ),
        ("/openapi.json", "/openapi.json", json),
        ("/metrics", "/metrics", "text/plain"),
        ("/docs", "/docs", "text/html"),
        ("/redoc", "/redoc", "text/html"),
        ("/", "/", "text/html"),
        ("/api/v1/runs", "/api/v1/runs", json),
        (
            "/api/v1/runs/events",
            "/api/v1/runs/events",
            "text/event-stream",
        ),
    ] {
        check_route(&api, template, path, media_type).await;
    }
    api.stop().await;
}

#[tokio::test]
async fn the_page_names_no_other_host() {
    let api = Api::start();
    let page = api.text("/").await;
    assert!(page.contains("<title>Hero models</title>"), "{page}");
    // The name of a format, which nobody asks.
    let page = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!page.contains("http://") && !page.contains("https://"));
    assert!(!page.contains("src=\"//") && !page.contains("href=\"//"));
    api.stop().await;
}

#[tokio::test]
async fn metrics_have_their_stable_names_and_labels() {
    let api = Api::start_with(&World::first()).await;
    let text = tokio::time::timeout(DEADLINE, api.text("/metrics")).await;
    insta::assert_snapshot!("metrics", text.expect("it is answered"));
    api.stop().await;
}
