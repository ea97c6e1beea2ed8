//! Server-sent events.

use http_test_kit::events::{event_data, read_events};
use reqwest::StatusCode;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use crate::support::{Api, DEADLINE};

/// As many as the server serves at once.
const EVENT_STREAMS_MAX: usize = 64;

const PATH: &str = "/api/v1/ingestion/events";

fn data(event: &str) -> Value {
    event_data("ingestion", event)
}

#[tokio::test]
async fn events_tell_the_same_as_the_document_again_and_again() {
    let api = Api::start();
    let answer = api.get(PATH).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let events = read_events(answer, 3).await;
    assert_eq!(data(&events[0]), api.json("/api/v1/ingestion").await);

    api.publisher.hold();
    api.receive([1, 2], &[]);
    let event = data(&read_events(api.get(PATH).await, 1).await[0]);
    assert_eq!(
        event["ledger"]["pending"], 2,
        "the first event comes at once"
    );
    api.stop().await;
}

#[tokio::test]
async fn a_client_too_many_is_refused_until_another_leaves() {
    let api = Api::start();
    let mut clients = Vec::new();
    for _ in 0..EVENT_STREAMS_MAX {
        let answer = api.get(PATH).await;
        assert_eq!(answer.status(), StatusCode::OK);
        clients.push(answer);
    }
    let refused = api.get(PATH).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        refused.headers()["content-type"],
        "application/problem+json"
    );
    assert_eq!(
        api.get("/livez").await.status(),
        StatusCode::OK,
        "probes are answered"
    );

    clients.pop();
    let admitted = async { while api.get(PATH).await.status() != StatusCode::OK {} };
    timeout(DEADLINE, admitted)
        .await
        .expect("its place is free again");
    api.stop().await;
}

#[tokio::test]
async fn a_shutdown_ends_streams_in_an_orderly_way() {
    let api = Api::start();
    let mut answer = api.get(PATH).await;
    let event = answer.chunk().await.expect("the connection stands");
    assert!(event.is_some(), "the first event comes at once");
    let began = Instant::now();
    api.stop().await;
    let took = began.elapsed();
    assert!(
        took.as_secs() < 3,
        "nothing had to be waited for or forced: {took:?}"
    );
    answer.bytes().await.expect("the stream has a proper end");
}
