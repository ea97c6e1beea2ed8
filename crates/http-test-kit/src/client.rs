//! A client of one server.

use std::net::SocketAddr;

use reqwest::{Client, Response, redirect::Policy};
use serde_json::Value;

use crate::DEADLINE;

/// A server and a client for it.
pub struct Site {
    /// Without a slash at the end.
    pub url: String,
    /// Follows no redirects.
    pub client: Client,
}

impl Site {
    /// The server at `address`.
    ///
    /// # Panics
    /// When there can be no client at all.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        let client = Client::builder()
            .timeout(DEADLINE)
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .expect("the options are valid");
        Self {
            url: format!("http://{address}"),
            client,
        }
    }

    /// The answer to GET.
    ///
    /// # Panics
    /// When there is none.
    pub async fn get(&self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.url));
        request
            .send()
            .await
            .unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// The text at `path`, whatever the status.
    ///
    /// # Panics
    /// When there is none.
    pub async fn text(&self, path: &str) -> String {
        let answer = self.get(path).await;
        answer
            .text()
            .await
            .unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// The JSON document at `path`, whatever the status.
    ///
    /// # Panics
    /// When there is none.
    pub async fn json(&self, path: &str) -> Value {
        let text = self.text(path).await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }
}
