//! The live page in a real browser.

use domain::{Day, Timestamp};
use http_test_kit::browser::{Browser, IS_LIVE, IS_LOST};
use model_application::{
    ports::{RunState, Trigger},
    runs::RunRequest,
};
use serde_json::json;

use crate::{
    faults::FAULTS,
    support::{Api, TOKEN, world::World},
};

/// What is published, counters of yesterday, a schedule, and a run that was held.
async fn held_run(api: &Api) {
    api.desk.has_counters_of(
        Day::of(Timestamp::from_unix_seconds(1_719_619_200)),
        Timestamp::from_unix_seconds(1_719_705_600),
    );
    let next = Timestamp::from_unix_seconds(1_719_749_820);
    api.desk.status.scheduled(Some("17 */6 * * *"), Some(next));
    let wanted = RunRequest::of_all(Trigger::Schedule);
    api.desk
        .runs
        .request(wanted)
        .await
        .expect("nothing is in its way");
    let order = api.desk.order().await;
    let run = api.desk.begin(&order.run).await;
    let cause = "its log loss is 0.6921, that of what is published 0.6801";
    api.desk.end(&run, RunState::Held, Some(cause)).await;
}

async fn wait_for(browser: &mut Browser, id: &str, words: &str) {
    let shown = format!(
        "document.getElementById('{id}').innerText.includes({})",
        json!(words)
    );
    browser.wait_until(&shown).await;
}

#[tokio::test]
async fn the_live_page_shows_schedule_runs_and_slices() {
    let api = Api::start_with(&World::first()).await;
    held_run(&api).await;
    let mut browser = Browser::open(&api.url).await;
    browser.wait_until(IS_LIVE).await;
    for (id, words) in [
        ("next", "in 5 h 0 min"),
        ("schedule", "17 */6 * * * UTC, next at 2024-06-30 12:17"),
        ("data", "2024-06-29, 7 h"),
        ("leader", "the only one"),
        ("steps", "64,004 rows, 60 days"),
        (
            "run-failure",
            "Held at the step estimate: its log loss is 0.6921",
        ),
        ("history", "Publish"),
        ("slices", "7.36 high"),
        ("slices", "0.0041"),
        ("slices", "not judged"),
        ("plot-words", "this process has judged nothing yet"),
        ("checks", "is held at the step estimate"),
        ("health", "Degraded"),
    ] {
        wait_for(&mut browser, id, words).await;
    }
    api.desk.has_judged(World::first().run());
    // A look at what is published is due every ten seconds.
    wait_for(
        &mut browser,
        "plot-words",
        "58,540 matches that the model has not seen",
    )
    .await;
    let dots = "document.querySelectorAll('#plot circle').length";
    assert_eq!(browser.evaluate(dots).await, json!(20));
    browser.check_hosts(&api.url).await;
    drop(browser);
    api.stop().await;
}

#[tokio::test]
async fn the_live_page_orders_with_the_token_and_says_what_came_of_it() {
    let api = Api::start_with_token();
    let mut browser = Browser::open(&api.url).await;
    browser.wait_until(IS_LIVE).await;
    let click = "document.getElementById('start').click()";
    browser.evaluate(click).await;
    wait_for(&mut browser, "ordered", "this needs the header").await;
    let typed = format!("document.getElementById('token').value = '{TOKEN}'");
    browser.evaluate(&typed).await;
    browser.evaluate(click).await;
    wait_for(&mut browser, "ordered", "A run is queued").await;
    let order = api.desk.order().await;
    api.desk.begin(&order.run).await;
    wait_for(&mut browser, "next", "now").await;
    wait_for(&mut browser, "steps", "to come").await;
    browser
        .evaluate("document.getElementById('cancel').click()")
        .await;
    wait_for(&mut browser, "ordered", "It ends as soon as it can").await;
    assert!(order.turn.cancelled().is_cancelled());
    drop(browser);
    api.stop().await;
    let api = Api::start();
    let mut browser = Browser::open(&api.url).await;
    browser.wait_until(IS_LIVE).await;
    browser.evaluate(click).await;
    wait_for(&mut browser, "ordered", "no API_TOKEN is set").await;
    drop(browser);
    api.stop().await;
}

#[tokio::test]
async fn the_live_page_says_when_the_service_is_gone_and_comes_back() {
    let api = Api::start_with_token();
    let mut browser = Browser::open(&api.url).await;
    browser.wait_until(IS_LIVE).await;
    let port = api.port();
    api.stop().await;
    browser.wait_until(IS_LOST).await;
    let api = Api::start_on_port(port, None);
    browser.wait_until(IS_LIVE).await;
    drop(browser);
    api.stop().await;
}

#[tokio::test]
async fn the_live_page_fits_a_phone() {
    let api = Api::start_with(&World::first()).await;
    held_run(&api).await;
    let mut browser = Browser::open(&api.url).await;
    browser.set_width(360).await;
    browser.wait_until(IS_LIVE).await;
    wait_for(&mut browser, "slices", "7.36 high").await;
    wait_for(&mut browser, "history", "Publish").await;
    browser.check_width(360).await;
    drop(browser);
    api.stop().await;
}

#[tokio::test]
async fn each_planted_fault_is_named_by_the_live_page() {
    for fault in &FAULTS {
        let api = fault.planted().await;
        let mut browser = Browser::open(&api.url).await;
        browser.wait_until(IS_LIVE).await;
        wait_for(&mut browser, "health", "Degraded").await;
        for words in fault.words {
            wait_for(&mut browser, "checks", words).await;
        }
        drop(browser);
        api.stop().await;
    }
}
