//! The binary, as scripts use it.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, Stdio},
};

use kafka_kit::embedded::{ReadFrom, TopicReader};
use serde_json::Value;
use tokio_tungstenite::connect_async;

use crate::support::{DEADLINE, Tally, within};

/// A process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Whether it has ended by itself makes no difference here.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(arguments: &[&str]) -> (Running, BufReader<ChildStdout>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_feed-simulator"))
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let stdout = child.stdout.take().expect("it was asked for");
    (Running(child), BufReader::new(stdout))
}

/// What the first lines say, by their first word.
fn addresses(stdout: &mut impl BufRead, count: usize) -> HashMap<String, String> {
    let lines = stdout.lines().take(count).map(|line| line.expect("a line"));
    lines
        .map(|line| {
            let (name, address) = line.split_once(' ').expect("a name and an address");
            (name.to_owned(), address.to_owned())
        })
        .collect()
}

#[tokio::test]
async fn a_feed_with_broker_and_upstream_tells_where_they_are() {
    let (running, mut stdout) = start(&[
        "--broker",
        "--upstream-port=0",
        "--rate=0",
        "--count=50",
        "--close-at-end",
        "--exit-when-done",
    ]);
    let addresses = addresses(&mut stdout, 4);

    let http = reqwest::Client::builder().timeout(DEADLINE).build();
    let http = http.expect("a client without TLS can be built");
    let url = format!("{}/publicMatches", addresses["upstream"]);
    let page = http.get(url).send().await.expect("an answer");
    let page: Value = page.json().await.expect("JSON");
    assert_eq!(page.as_array().map(Vec::len), Some(100));

    for topic in [
        "match_ids_raw",
        "match_summaries",
        "match_ids_dead_letter",
        "etl_dead_letter",
    ] {
        let servers = addresses["broker"].clone();
        let opening = move || TopicReader::open(&servers, topic, ReadFrom::Beginning).err();
        let error = tokio::task::spawn_blocking(opening)
            .await
            .expect("no panic");
        assert!(error.is_none(), "{topic}: {error:?}");
    }

    let connecting = Box::pin(connect_async(&addresses["feed"]));
    let (mut client, _) = within(connecting).await.expect("the feed accepts");
    let mut tally = Tally::default();
    within(tally.read_to_end(&mut client)).await;
    assert_eq!(tally.ids.len(), 50);

    let reading = tokio::task::spawn_blocking(move || {
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).map(|_| rest)
    });
    let rest = within(reading).await.expect("no panic").expect("text");
    drop(running);
    let lines: Vec<Value> = rest
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines[0]["summaries_sent"], 50);
    assert_eq!(lines[1]["ids_proved"], 50, "the truth is the last line");
}
