//! Server-sent events.

use futures_util::StreamExt as _;
use reqwest::Response;
use serde_json::Value;
use tokio::time::timeout;

use crate::DEADLINE;

/// Reads whole events until there are `count`.
///
/// # Panics
/// When they do not come in time, or the stream ends.
pub async fn read_events(answer: Response, count: usize) -> Vec<String> {
    let mut stream = answer.bytes_stream();
    let mut text = String::new();
    while text.matches("\n\n").count() < count {
        let bytes = timeout(DEADLINE, stream.next())
            .await
            .expect("an event comes in time");
        let bytes = bytes
            .expect("the stream goes on")
            .expect("the connection stands");
        text += std::str::from_utf8(&bytes).expect("events are UTF-8");
    }
    text.split_inclusive("\n\n").map(str::to_owned).collect()
}

/// What an event called `name` holds.
///
/// # Panics
/// When it is another event, or no JSON.
#[must_use]
pub fn event_data(name: &str, event: &str) -> Value {
    let json = event
        .strip_prefix(&format!("event: {name}\ndata: "))
        .and_then(|rest| rest.strip_suffix("\n\n"))
        .unwrap_or_else(|| panic!("{event:?} is no event called {name}"));
    serde_json::from_str(json).expect("the data is one line of JSON")
}
