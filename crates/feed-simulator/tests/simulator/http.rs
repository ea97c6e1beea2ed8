//! The truth and the controls, as another process sees them.

use crate::support::{Client, DEADLINE, Tally, connect, within};
use feed_simulator::{Config, RunningSimulator, Simulator};
use serde_json::{Value, json};

/// A simulator, and what another process needs to reach its HTTP interface.
struct Remote {
    simulator: RunningSimulator,
    truth_url: String,
    http: reqwest::Client,
}

impl Remote {
    async fn start(config: Config) -> Self {
        let http_address = Some(([127, 0, 0, 1], 0).into());
        let config = Config {
            http_address,
            ..config
        };
        let simulator = Simulator::start(config)
            .await
            .expect("the simulator starts");
        let truth_url = simulator.http_url().expect("the truth is served");
        let http = reqwest::Client::builder().timeout(DEADLINE).build();
        Self {
            simulator,
            truth_url,
            http: http.expect("a client without TLS can be built"),
        }
    }

    async fn get(&self, suffix: &str) -> Value {
        let url = format!("{}{suffix}", self.truth_url);
        let response = self.http.get(url).send().await.expect("an answer");
        response.json().await.expect("JSON")
    }

    /// Sends controls; the status of the answer.
    async fn put(&self, controls: &Value) -> u16 {
        let url = self.truth_url.replace("/truth", "/control");
        let response = self.http.put(url).json(controls).send().await;
        response.expect("an answer").status().as_u16()
    }

    async fn connect(&self) -> Client {
        connect(&self.simulator).await
    }
}

#[tokio::test]
async fn the_truth_is_told_over_http() {
    let remote = Remote::start(Config {
        count: Some(500),
        invalid_fraction: 0.2,
        record_ids: true,
        ..Config::default()
    })
    .await;
    let mut client = remote.connect().await;
    let mut tally = Tally::default();
    let finished = remote.simulator.finished();
    tally.read_until(&mut client, finished).await;

    let truth = remote.get("").await;
    assert_eq!(truth["finished"], true);
    assert_eq!(truth["proved"]["genuine"], 500);
    let invalid = truth["proved"]["invalid"].as_object().expect("an object");
    let invalid_total: u64 = invalid.values().filter_map(Value::as_u64).sum();
    assert_eq!(invalid_total, tally.others_total());
    assert!(invalid.contains_key("match_id_twice"), "{truth}");
    assert_eq!(truth["connections"][0]["upgraded"], true);
    let headers = truth["connections"][0].get("headers");
    assert_eq!(headers, None, "headers may hold secrets");
    let ids = remote.get("/ids").await;
    assert_eq!(ids["proved"].as_array().map(Vec::len), Some(500));
    assert_eq!(ids["sent"], ids["proved"]);
}

#[tokio::test]
async fn the_feed_is_controlled_over_http() {
    let remote = Remote::start(Config {
        count: Some(500),
        ..Config::default()
    })
    .await;
    let paused = json!({ "paused": true, "rate": 100_000.0 });
    assert_eq!(remote.put(&paused).await, 204);
    let mut client = remote.connect().await;
    assert_eq!(remote.get("").await["sent"]["genuine"], 0);
    let resumed = json!({ "paused": false, "send_text": "{}" });
    assert_eq!(remote.put(&resumed).await, 204);
    let mut tally = Tally::default();
    let finished = remote.simulator.finished();
    tally.read_until(&mut client, finished).await;
    assert_eq!(remote.get("").await["proved"]["other"], 1);

    let cut = json!({ "cut": "close:1011:enough", "refuse": "refuse:503" });
    assert_eq!(remote.put(&cut).await, 204);
    within(tally.read_to_end(&mut client)).await;
    let url = remote.simulator.websocket_url();
    let refused = within(tokio_tungstenite::connect_async(&url)).await;
    refused.expect_err("new connections are refused");
    assert_eq!(remote.put(&json!({ "accept_again": true })).await, 204);
    remote.connect().await;

    for wrong in [
        json!({ "rate": -1.0 }),
        json!({ "cut": "nonsense" }),
        json!({ "unknown": 1 }),
    ] {
        assert_eq!(remote.put(&wrong).await, 400, "{wrong}");
    }
}

#[tokio::test]
async fn nothing_is_served_after_the_end() {
    for is_stopped in [true, false] {
        let remote = Remote::start(Config::default()).await;
        remote.connect().await;
        if is_stopped {
            remote.simulator.stop().await;
        } else {
            drop(remote.simulator);
        }
        // A drop cannot wait for the end of the server as a stop does.
        within(async { while remote.http.get(&remote.truth_url).send().await.is_ok() {} }).await;
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let first = Simulator::start(Config::default())
        .await
        .expect("the simulator starts");
    let config = Config {
        websocket_address: first.websocket_address(),
        ..Config::default()
    };
    let error = Simulator::start(config).await.err();
    let error = error.expect("the address is taken").to_string();
    let address = first.websocket_address().to_string();
    assert!(error.contains(&address), "{error}");
}
