//! The pages in a real browser.

use ingestion_application::DeadLetterReason;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    browser::Browser,
    support::{Api, FEED},
};

const IS_LIVE: &str = "document.documentElement.dataset.state === 'live'";
const IS_LOST: &str = "document.documentElement.dataset.state === 'lost'";

/// 2,001 received: 1,990 published, 1 duplicate, 3 dead letters (one refused by Kafka), 7 pending.
async fn receive_figures(api: &Api) {
    let reasons = [
        DeadLetterReason::NotJson,
        DeadLetterReason::NotJson,
        DeadLetterReason::RefusedByKafka,
    ];
    api.receive((1..=1990).chain([1990]), &reasons);
    api.settled().await;
    api.publisher.hold();
    api.receive(1991..=1997, &[]);
}

/// A figure of the flow, which is drawn twice: broad and tall.
async fn check_flow(browser: &mut Browser, figure: &str, expected: &str) {
    let places = format!(
        "[...document.querySelectorAll('svg [data-figure={figure}]')].map(it => it.textContent)"
    );
    let shown = browser.evaluate(&places).await;
    assert_eq!(shown, json!([expected, expected]), "{figure}");
}

async fn text(browser: &mut Browser, id: &str) -> Value {
    let expression = format!("document.getElementById('{id}').innerText");
    browser.evaluate(&expression).await
}

/// Everything that the page has loaded came from the service.
async fn check_hosts(browser: &mut Browser, api: &Api) {
    let loaded = "performance.getEntriesByType('resource').map(entry => entry.name)";
    let loaded = browser.evaluate(loaded).await;
    let loaded = loaded.as_array().expect("it is a list");
    assert!(!loaded.is_empty(), "the page loads something");
    for address in loaded.iter().filter_map(Value::as_str) {
        let ours = address.starts_with(&api.url) || address.starts_with("data:");
        assert!(ours, "{address} is another host");
    }
}

#[tokio::test]
async fn the_live_page_shows_the_figures() {
    let api = Api::start();
    api.source.connected();
    receive_figures(&api).await;
    let mut browser = Browser::open(&api.url).await;
    browser.wait_until(IS_LIVE).await;
    for (id, expected) in [
        ("received", "2,001"),
        ("published", "1,990"),
        ("duplicates", "1"),
        ("dead_lettered", "3"),
        ("pending", "7"),
        // On a clock that stands still no rate can be known.
        ("rate", "measuring…"),
        ("connection", "Live"),
        (
            "balance",
            "✓ Everything is accounted for: 2,001 received = \
             1,990 published + 1 duplicates + 3 dead-lettered + 7 pending.",
        ),
    ] {
        assert_eq!(text(&mut browser, id).await, expected, "{id}");
    }
    let reasons = text(&mut browser, "reasons").await.to_string();
    assert!(reasons.contains("not json\\n2"), "{reasons}");
    check_flow(&mut browser, "received", "2,001").await;
    check_flow(&mut browser, "invalid", "2").await;
    check_flow(&mut browser, "parsed", "1,999").await;
    check_flow(&mut browser, "duplicates", "1").await;
    check_flow(&mut browser, "unique", "1,998").await;
    check_flow(&mut browser, "pending", "7").await;
    check_flow(&mut browser, "refused", "1").await;
    check_flow(&mut browser, "published", "1,990").await;
    browser
        .wait_until("document.title === 'ingestion-service: healthy'")
        .await;
    assert_eq!(text(&mut browser, "service").await, "ingestion-service");
    check_hosts(&mut browser, &api).await;

    api.publisher.release();
    let published = "document.getElementById('published').innerText === '1,997'";
    browser.wait_until(published).await;
    drop(browser);
    api.stop().await;
}

#[tokio::test]
async fn the_live_page_does_not_hide_a_lost_match() {
    let api = Api::start();
    // Booked, and in no backlog: the next count of what is pending misses them.
    api.ledger.book(FEED, 2, 0, Instant::now());
    api.settled().await;
    let mut browser = Browser::open(&api.url).await;
    browser.wait_until(IS_LIVE).await;
    let balance = text(&mut browser, "balance").await.to_string();
    assert!(
        balance.contains("does not add up: 2 received ≠ 0"),
        "{balance}"
    );
    browser
        .wait_until("document.title === 'ingestion-service: unhealthy'")
        .await;
    drop(browser);
    api.stop().await;
}

#[tokio::test]
async fn the_live_page_says_when_the_service_is_gone_and_comes_back() {
    let api = Api::start();
    receive_figures(&api).await;
    let mut browser = Browser::open(&api.url).await;
    browser.wait_until(IS_LIVE).await;
    let hidden = "document.getElementById('lost').hidden";
    assert_eq!(browser.evaluate(hidden).await, json!(true));

    let port = api.address.port();
    api.stop().await;
    browser.wait_until(IS_LOST).await;
    assert_eq!(browser.evaluate(hidden).await, json!(false));
    let api = Api::start_at(port, &[]);
    browser.wait_until(IS_LIVE).await;
    assert_eq!(
        text(&mut browser, "received").await,
        "0",
        "the new service has none yet"
    );
    assert_eq!(browser.evaluate(hidden).await, json!(true));
    drop(browser);
    api.stop().await;
}

#[tokio::test]
async fn the_live_page_fits_a_phone() {
    let api = Api::start();
    receive_figures(&api).await;
    let mut browser = Browser::open(&api.url).await;
    browser.set_width(360).await;
    browser.wait_until(IS_LIVE).await;
    let overflow = "document.documentElement.scrollWidth - innerWidth";
    assert_eq!(browser.evaluate(overflow).await, json!(0));
    drop(browser);
    api.stop().await;
}

#[tokio::test]
async fn the_reference_and_swagger_ui_show_every_path() {
    let api = Api::start();
    let description = api.json("/openapi.json").await;
    let paths = description["paths"].as_object().expect("there are paths");
    for (page, shown, place) in [
        (
            "/redoc",
            "document.documentElement.dataset.state === 'shown'",
            "main article h3",
        ),
        (
            "/docs",
            "document.querySelectorAll('.opblock').length > 0",
            ".opblock-summary-path",
        ),
        (
            "/docs/",
            "document.querySelectorAll('.opblock').length > 0",
            ".opblock-summary-path",
        ),
    ] {
        let mut browser = Browser::open(&format!("{}{page}", api.url)).await;
        browser.wait_until(shown).await;
        let headings =
            format!("[...document.querySelectorAll('{place}')].map(it => it.textContent)");
        let headings = browser.evaluate(&headings).await;
        let headings = headings.as_array().expect("it is a list");
        for path in paths.keys() {
            // Swagger UI puts invisible places for line breaks into a path.
            let is_path = |it: &&Value| it.to_string().replace('\u{200b}', "").contains(path);
            assert!(
                headings.iter().any(|it| is_path(&it)),
                "{page}: {path} in {headings:?}"
            );
        }
        check_hosts(&mut browser, &api).await;
    }
    api.stop().await;
}
