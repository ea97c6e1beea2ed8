//! Server-sent events.

use http_test_kit::events::{event_data, read_events};
use reqwest::StatusCode;

use crate::support::{Api, summary};

#[tokio::test]
async fn events_tell_the_same_as_the_document_again_and_again() {
    let api = Api::start();
    api.consume([summary(1, 60), summary(2, 60)].map(Ok));
    api.settled(2).await;
    let answer = api.get("/api/v1/etl/events").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let events = read_events(answer, 2).await;
    let told = event_data("etl", &events[0]);
    assert_eq!(told["ledger"], api.json("/api/v1/etl").await["ledger"]);
    assert_eq!(told["ledger"]["loaded"], 2);
    assert_eq!(event_data("etl", &events[1])["ledger"], told["ledger"]);
    api.stop().await;
}
