//! The live page in a real browser.

use domain::Timestamp;
use etl_application::{DeadLetterReason, Invalid, ports::PartitionLag};
use http_test_kit::browser::{Browser, IS_LIVE, IS_LOST};
use serde_json::json;

use crate::support::{Api, Mood, TOPIC, summary};

/// Five consumed: four loaded, one dead letter; 1,234 behind.
async fn load_figures(api: &Api) {
    api.warehouse.lock().days = crate::questions::two_days();
    api.consumer.set_partitions(vec![PartitionLag {
        topic: TOPIC.into(),
        partition: 3,
        position: Some(100),
        high_watermark: Some(1_334),
        lag: Some(1_234),
        last_record_at: Some(Timestamp::from_unix_ms(1_762_626_590_000)),
    }]);
    let invalid = Err(Invalid {
        reason: DeadLetterReason::NotJson,
        detail: "it is".to_owned(),
    });
    api.consume((1..=4).map(|id| Ok(summary(id, 60))).chain([invalid]));
    api.settled(5).await;
}

/// The classes of a day's cell in the calendar.
fn classes_of(day: &str) -> String {
    format!("document.querySelector('[data-day=\"{day}\"]')?.className")
}

#[tokio::test]
async fn the_live_page_shows_the_figures_and_the_days() {
    let api = Api::start();
    load_figures(&api).await;
    let mut browser = Browser::open(&api.url).await;
    browser.wait_until(IS_LIVE).await;
    for (id, expected) in [
        ("consumed", "5"),
        ("loaded", "4"),
        ("dead_lettered", "1"),
        ("pending", "0"),
        ("rate", "measuring…"),
        ("connection", "Live"),
        (
            "balance",
            "✓ Everything is accounted for: 5 consumed = 4 loaded + 1 dead-lettered + 0 pending.",
        ),
    ] {
        assert_eq!(browser.text(id).await, expected, "{id}");
    }
    browser.check_flow("consumed", "5").await;
    browser.check_flow("lag", "1,234 behind").await;
    browser.check_flow("in-flight", "0 on the way").await;
    browser.check_flow("rows", "12 rows").await;
    browser.check_flow("dirty", "none behind").await;
    browser
        .wait_until("document.getElementById('wanted').innerText === '14'")
        .await;
    for (id, expected) in [("fetched", "7"), ("given_up", "2"), ("waiting", "5")] {
        assert_eq!(browser.text(id).await, expected, "{id}");
    }
    let budget = browser.text("budget").await.to_string();
    for words in [
        "Calls this minute: 7; what is left is not known yet",
        "Calls this day: 1,200; 1,800 left, 900 of them for others, anew at 00:00 UTC",
    ] {
        assert!(budget.contains(words), "{budget}");
    }
    let partitions = browser.text("partitions").await.to_string();
    assert!(partitions.contains("match_summaries 3"), "{partitions}");

    let full = format!("{} === 'most'", classes_of("2025-11-07"));
    browser.wait_until(&full).await;
    let unbuilt = browser.evaluate(&classes_of("2025-11-08")).await;
    assert_eq!(unbuilt, "unbuilt behind");
    assert_eq!(browser.evaluate(&classes_of("2025-11-06")).await, "empty");
    let words = browser.text("calendar-words").await;
    assert_eq!(words, "2 days with 100 matches, 90 of them counted.");
    browser
        .wait_until("document.title === 'etl-service: healthy'")
        .await;
    browser.check_hosts(&api.url).await;
    drop(browser);
    api.stop().await;
}

#[tokio::test]
async fn the_live_page_says_when_the_days_are_not_known() {
    let api = Api::start();
    api.warehouse.lock().mood = Mood::Fails;
    let mut browser = Browser::open(&api.url).await;
    browser.wait_until(IS_LIVE).await;
    let words = "document.getElementById('calendar-words').innerText.startsWith('The days are not known now: the warehouse does not answer')";
    browser.wait_until(words).await;
    drop(browser);
    api.stop().await;
}

#[tokio::test]
async fn the_live_page_says_when_the_service_is_gone_and_comes_back() {
    let api = Api::start();
    load_figures(&api).await;
    let mut browser = Browser::open(&api.url).await;
    browser.wait_until(IS_LIVE).await;
    let port = api.address.port();
    api.stop().await;
    browser.wait_until(IS_LOST).await;
    let hidden = "document.getElementById('lost').hidden";
    assert_eq!(browser.evaluate(hidden).await, json!(false));
    let api = Api::start_at(port, None);
    browser.wait_until(IS_LIVE).await;
    assert_eq!(
        browser.text("consumed").await,
        "0",
        "the new service has none yet"
    );
    drop(browser);
    api.stop().await;
}

#[tokio::test]
async fn the_live_page_fits_a_phone() {
    let api = Api::start();
    load_figures(&api).await;
    let mut browser = Browser::open(&api.url).await;
    browser.set_width(360).await;
    browser.wait_until(IS_LIVE).await;
    let shown = format!("{} === 'most'", classes_of("2025-11-07"));
    browser.wait_until(&shown).await;
    browser.check_width(360).await;
    drop(browser);
    api.stop().await;
}
