//! The description of the interface and the pages.

use reqwest::StatusCode;

use crate::support::{Api, Mood};

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
    let api = Api::start();
    api.warehouse.lock().known = crate::questions::known();
    let json = "application/json";
    for path in [
        "/livez",
        "/readyz",
        "/api/v1/health",
        "/api/v1/etl",
        "/openapi.json",
    ] {
        check_route(&api, path, path, json).await;
    }
    check_route(&api, "/api/v1/days", "/api/v1/days?from=2025-11-01", json).await;
    check_route(&api, "/api/v1/matches/{id}", "/api/v1/matches/7", json).await;
    check_route(
        &api,
        "/api/v1/stats/heroes",
        "/api/v1/stats/heroes?mode=22",
        json,
    )
    .await;
    check_route(
        &api,
        "/api/v1/stats/pairs",
        "/api/v1/stats/pairs?hero=1",
        json,
    )
    .await;
    check_route(
        &api,
        "/api/v1/etl/events",
        "/api/v1/etl/events",
        "text/event-stream",
    )
    .await;
    check_route(&api, "/metrics", "/metrics", "text/plain").await;
    for path in ["/docs", "/redoc", "/"] {
        check_route(&api, path, path, "text/html").await;
    }
    let description = api.json("/openapi.json").await;
    let paths = description["paths"].as_object().map(serde_json::Map::len);
    assert_eq!(paths, Some(17));
    api.stop().await;
}

#[tokio::test]
async fn the_page_names_no_other_host() {
    let api = Api::start();
    let page = api.text("/").await;
    assert!(page.contains("<title>Match loading</title>"), "{page}");
    // The name of a format, which nobody asks.
    let page = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!page.contains("http://") && !page.contains("https://"));
    assert!(!page.contains("src=\"//") && !page.contains("href=\"//"));
    api.stop().await;
}

#[tokio::test]
async fn a_warehouse_that_does_not_answer_keeps_no_other_answer_back() {
    let api = Api::start();
    api.warehouse.lock().mood = Mood::Hangs;
    let stuck = api.get("/api/v1/days");
    let quick = async {
        for path in ["/livez", "/api/v1/health", "/api/v1/etl", "/metrics"] {
            assert_eq!(api.get(path).await.status(), StatusCode::OK, "{path}");
        }
    };
    tokio::select! {
        biased;
        answer = stuck => panic!("it hangs: {}", answer.status()),
        () = quick => {}
    }
    api.stop().await;
}
