//! The description of the interface, the pages and the metrics.

use crate::support::{Api, Fields, Given, page};

#[tokio::test]
async fn the_description_is_as_it_was() {
    let api = Api::start().await;
    insta::assert_json_snapshot!("openapi", api.json("/openapi.json").await);
    api.stop().await;
}

#[tokio::test]
async fn metrics_have_their_stable_names_and_labels() {
    let api = Api::start().await;
    insta::assert_snapshot!("metrics", api.text("/metrics").await);
    api.stop().await;
}

#[tokio::test]
async fn every_page_says_that_steam_is_simulated() {
    let is_steam_simulated = true;
    let api = Api::with(Given {
        is_steam_simulated,
        ..Given::default()
    })
    .await;
    for text in [
        api.text("/").await,
        api.text("/sessions").await,
        page(api.authorize(&Fields(Vec::new()), None).await, 400).await,
        page(api.callback_text("", None).await, 400).await,
    ] {
        assert!(text.contains("Steam is simulated"), "{text}");
    }
    for path in ["/docs", "/redoc", "/openapi.json"] {
        assert!(api.text(path).await.contains("simulated Steam"), "{path}");
    }
    api.stop().await;

    let api = Api::start().await;
    for text in [
        api.text("/").await,
        api.text("/sessions").await,
        api.text("/openapi.json").await,
        page(api.authorize(&Fields(Vec::new()), None).await, 400).await,
    ] {
        assert!(!text.contains("simulated"), "{text}");
    }
    api.stop().await;
}

#[tokio::test]
async fn pages_name_no_other_host() {
    let api = Api::start().await;
    for text in [
        api.text("/").await,
        api.text("/sessions").await.replace(&api.url, ""),
        page(api.callback_text("", None).await, 400).await,
    ] {
        // The name of a format, which nobody asks.
        let text = text.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !text.contains("http://") && !text.contains("https://"),
            "{text}"
        );
    }
    api.stop().await;
}

#[tokio::test]
async fn the_page_of_sessions_is_there_if_its_client_is() {
    let api = Api::start().await;
    let text = page(api.get("/sessions").await, 200).await;
    assert!(
        text.contains(&format!("const ISSUER = \"{}\"", api.url)),
        "{text}"
    );
    api.stop().await;

    let has_page_client = false;
    let api = Api::with(Given {
        has_page_client,
        ..Given::default()
    })
    .await;
    assert_eq!(api.get("/sessions").await.status().as_u16(), 404);
    api.stop().await;
}
