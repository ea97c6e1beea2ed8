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
