//! The page of one's own sessions, in a real browser.

use domain::SteamId;
use http_test_kit::{DEADLINE, browser::Browser};
use serde_json::json;
use test_kit::waiting::wait_until;

use crate::support::{ANA, Api};

const OUT: &str = "document.documentElement.dataset.state === 'out'";
const IN: &str = "document.documentElement.dataset.state === 'in'";

#[tokio::test]
async fn people_see_where_they_are_signed_in_and_log_out() {
    let api = Api::start().await;
    // An overlay, and another one.
    api.sign_in(ANA).await;
    api.sign_in(ANA).await;
    api.steam
        .log_in(Some(SteamId::try_new(ANA).expect("a person")));
    let mut browser = Browser::open(&format!("{}/sessions", api.url)).await;
    browser.wait_until(OUT).await;
    browser.set_width(360).await;
    browser.check_width(360).await;
    browser
        .evaluate("document.getElementById('sign-in').click()")
        .await;
    // To Steam, and back.
    browser.arrive_where(IN).await;
    let address = browser.evaluate("location.href").await;
    assert_eq!(
        address,
        json!(format!("{}/sessions", api.url)),
        "without the code"
    );
    assert_eq!(browser.text("said").await, json!(""));
    let sessions = browser.text("sessions").await.to_string();
    assert_eq!(sessions.matches("native-app").count(), 2, "{sessions}");
    assert!(sessions.contains("own-sessions (this page)"), "{sessions}");
    assert!(sessions.contains("127.0.0.0/24"), "{sessions}");
    browser.check_width(360).await;
    browser.check_hosts(&api.url).await;

    let others =
        "[...document.querySelectorAll('li')].find(it => it.innerText.startsWith('native-app'))";
    browser
        .evaluate(&format!("{others}.querySelector('button').click()"))
        .await;
    browser
        .wait_until("document.querySelectorAll('li').length === 2")
        .await;
    browser
        .evaluate("document.getElementById('all').click()")
        .await;
    browser.wait_until(OUT).await;
    assert_eq!(browser.text("said").await, json!("You are logged out."));

    // Somebody else's answer is none of this page's.
    let forged = format!(
        "location.assign('{}/sessions?code=x&state=y&iss=z')",
        api.url
    );
    browser.evaluate(&forged).await;
    browser
        .arrive_where("document.getElementById('said').innerText.includes('not your sign-in')")
        .await;
    assert_eq!(browser.evaluate("location.search").await, json!(""));
    api.stop().await;
}

#[tokio::test]
async fn a_page_that_is_left_leaves_no_session() {
    let api = Api::start().await;
    api.steam
        .log_in(Some(SteamId::try_new(ANA).expect("a person")));
    let mut browser = Browser::open(&format!("{}/sessions", api.url)).await;
    browser.wait_until(OUT).await;
    browser
        .evaluate("document.getElementById('sign-in').click()")
        .await;
    browser.arrive_where(IN).await;
    browser
        .evaluate(&format!("location.assign('{}/')", api.url))
        .await;
    browser.arrive_where("location.pathname === '/'").await;
    let ended = "auth_revocations_total{reason=\"revoked\"} 1";
    let is_ended = async || api.text("/metrics").await.contains(ended);
    let waited = wait_until(DEADLINE, "the session of the page has ended", is_ended).await;
    waited.expect("it ends with its page");
    api.stop().await;
}
