//! The page, in a real browser.

use http_test_kit::browser::{Browser, IS_LIVE, IS_LOST};
use serde_json::json;

use crate::support::{Api, ME, USER};

#[tokio::test]
async fn the_page_shows_health_and_figures_until_the_service_is_gone() {
    let api = Api::start().await;
    api.look(ME, &api.token(1, USER)).await;
    let mut browser = Browser::open(&api.url).await;
    browser.wait_until(IS_LIVE).await;
    assert_eq!(browser.text("service").await, json!("user-service"));
    assert_eq!(browser.text("health").await, json!("Healthy"));
    let checks = browser.text("checks").await.to_string();
    assert!(checks.contains("Auth"), "{checks}");
    let families = browser.text("families").await.to_string();
    assert!(
        families.contains("user_requests_total") && families.contains("look, done"),
        "{families}"
    );
    browser.check_hosts(&api.url).await;
    browser.set_width(360).await;
    browser.check_width(360).await;
    api.stop().await;
    browser.wait_until(IS_LOST).await;
}
