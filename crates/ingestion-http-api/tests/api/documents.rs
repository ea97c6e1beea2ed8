//! The description of the interface and the pages.

use reqwest::StatusCode;

use crate::support::Api;

#[tokio::test]
async fn the_description_is_as_it_was() {
    let api = Api::start();
    insta::assert_json_snapshot!("openapi", api.json("/openapi.json").await);
    api.stop().await;
}

/// `path` is in the description and answers with `media_type`.
async fn check_route(api: &Api, path: &str, media_type: &str) {
    let answer = api.get(path).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    let content_type = answer.headers()["content-type"]
        .to_str()
        .expect("it is text");
    assert_eq!(content_type.split(';').next(), Some(media_type), "{path}");
    let description = api.json("/openapi.json").await;
    let contents = &description["paths"][path]["get"]["responses"]["200"]["content"];
    assert!(contents[media_type].is_object(), "{path}: {contents}");
}

#[tokio::test]
async fn every_route_answers_as_it_is_described() {
    let api = Api::start();
    api.source.connected();
    check_route(&api, "/livez", "application/json").await;
    check_route(&api, "/readyz", "application/json").await;
    check_route(&api, "/api/v1/health", "application/json").await;
    check_route(&api, "/api/v1/ingestion", "application/json").await;
    check_route(&api, "/api/v1/ingestion/events", "text/event-stream").await;
    check_route(&api, "/metrics", "text/plain").await;
    check_route(&api, "/openapi.json", "application/json").await;
    check_route(&api, "/docs", "text/html").await;
    check_route(&api, "/redoc", "text/html").await;
    check_route(&api, "/", "text/html").await;
    let description = api.json("/openapi.json").await;
    assert_eq!(
        description["paths"].as_object().map(serde_json::Map::len),
        Some(13)
    );
    assert_eq!(description["openapi"], "3.1.0");
    api.stop().await;
}

#[tokio::test]
async fn a_page_has_one_address() {
    let api = Api::start();
    for (path, location) in [
        ("/docs/", "../docs"),
        ("/docs/index.html", "../docs"),
        ("/redoc/", "../redoc"),
    ] {
        let answer = api.get(path).await;
        assert_eq!(answer.status(), StatusCode::PERMANENT_REDIRECT, "{path}");
        assert_eq!(answer.headers()["location"], location, "{path}");
    }
    for (path, title) in [
        ("/", "Match ingestion"),
        ("/docs", "Match ingestion: try the interface"),
        ("/redoc", "Match ingestion: reference"),
    ] {
        let title = format!("<title>{title}</title>");
        assert!(api.text(path).await.contains(&title), "{path}: {title}");
    }
    api.stop().await;
}

#[tokio::test]
async fn no_page_names_another_host() {
    let api = Api::start();
    for path in [
        "/",
        "/docs",
        "/docs/swagger-initializer.js",
        "/redoc",
        "/openapi.json",
    ] {
        let text = api.text(path).await;
        // The name of a format, which nobody asks.
        let text = text.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !text.contains("http://") && !text.contains("https://"),
            "{path}"
        );
        assert!(
            !text.contains("src=\"//") && !text.contains("href=\"//"),
            "{path}"
        );
    }
    api.stop().await;
}

#[tokio::test]
async fn swagger_ui_asks_nobody_about_the_document() {
    let api = Api::start();
    let settings = api.text("/docs/swagger-initializer.js").await;
    assert!(
        settings.contains("\"url\": \"/openapi.json\""),
        "{settings}"
    );
    assert!(
        settings.contains("\"validatorUrl\": \"none\""),
        "{settings}"
    );
    api.stop().await;
}
