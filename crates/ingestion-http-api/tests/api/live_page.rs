//! The pages in a real browser.

use http_test_kit::browser::{Browser, IS_LIVE, IS_LOST};
use ingestion_application::DeadLetterReason;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Api, FEED};

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
        assert_eq!(browser.text(id).await, expected, "{id}");
    }
    let reasons = browser.text("reasons").await.to_string();
    assert!(reasons.contains("not json\\n2"), "{reasons}");
    browser.check_flow("received", "2,001").await;
    browser.check_flow("invalid", "2").await;
    browser.check_flow("parsed", "1,999").await;
    browser.check_flow("duplicates", "1").await;
    browser.check_flow("unique", "1,998").await;
    browser.check_flow("pending", "7").await;
    browser.check_flow("refused", "1").await;
    browser.check_flow("published", "1,990").await;
    browser
        .wait_until("document.title === 'ingestion-service: healthy'")
        .await;
    assert_eq!(browser.text("service").await, "ingestion-service");
    browser.check_hosts(&api.url).await;

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
    let balance = browser.text("balance").await.to_string();
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
        browser.text("received").await,
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
    browser.check_width(360).await;
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
        browser.check_hosts(&api.url).await;
    }
    api.stop().await;
}
