//! How calls get there.

use async_trait::async_trait;
use client_kit::{CallFailed, HttpAnswer, HttpClient};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};

/// Carries one call to the upstream, and its whole answer back.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Gets what is at `url`, which may have a query; `key` proves who is calling.
    ///
    /// # Errors
    /// [`CallFailed`]: there is no whole answer.
    async fn get(&self, url: &str, key: &SecretString) -> Result<HttpAnswer, CallFailed>;
}

/// The key is a part of the address, as this upstream has it: so the whole
/// address exists here only, and nobody writes it down.
#[async_trait]
impl Transport for HttpClient {
    async fn get(&self, url: &str, key: &SecretString) -> Result<HttpAnswer, CallFailed> {
        let key = utf8_percent_encode(key.expose_secret(), NON_ALPHANUMERIC);
        let and = if url.contains('?') { '&' } else { '?' };
        let url = SecretString::from(format!("{url}{and}key={key}"));
        Self::get(self, url.expose_secret(), None).await
    }
}
