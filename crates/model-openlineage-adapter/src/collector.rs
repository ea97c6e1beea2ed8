//! Where events go.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use client_kit::{CallFailed, ClientLimits, HttpAnswer, HttpClient};

/// Where every collector takes events.
const PATH: &str = "/api/v1/lineage";
const LIMITS: ClientLimits = ClientLimits {
    connect_time_max: Duration::from_secs(2),
    call_time_max: Duration::from_secs(5),
    // What it answers is not looked at.
    body_bytes_max: 64 * 1024,
};

/// Takes events.
#[async_trait]
pub trait Collector: Send + Sync {
    /// Hands an event over; the collector takes one for another if it comes twice.
    ///
    /// # Errors
    /// [`CallFailed`]: there is no whole answer.
    async fn take(&self, event: Bytes) -> Result<HttpAnswer, CallFailed>;
}

/// A collector behind HTTP.
#[derive(Debug)]
pub struct HttpCollector {
    client: HttpClient,
    url: String,
}

impl HttpCollector {
    /// The one at this address, such as `http://localhost:5000`. Nothing is connected.
    ///
    /// # Errors
    /// `user_agent` is none that a header can carry.
    pub fn try_new(user_agent: &str, address: &str) -> Result<Self, String> {
        Ok(Self {
            client: HttpClient::try_new(user_agent, LIMITS, None)?,
            url: format!("{}{PATH}", address.trim_end_matches('/')),
        })
    }
}

#[async_trait]
impl Collector for HttpCollector {
    async fn take(&self, event: Bytes) -> Result<HttpAnswer, CallFailed> {
        self.client.post_json(&self.url, event).await
    }
}
