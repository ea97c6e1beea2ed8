//! How calls get there.

use async_trait::async_trait;
use client_kit::{CallFailed, HttpAnswer, HttpClient};
use secrecy::SecretString;

/// Carries one call to the upstream, and its whole answer back.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Gets what is at `url`; `bearer` proves who is calling.
    ///
    /// # Errors
    /// [`CallFailed`]: there is no whole answer.
    async fn get(&self, url: &str, bearer: Option<&SecretString>)
    -> Result<HttpAnswer, CallFailed>;
}

#[async_trait]
impl Transport for HttpClient {
    async fn get(
        &self,
        url: &str,
        bearer: Option<&SecretString>,
    ) -> Result<HttpAnswer, CallFailed> {
        Self::get(self, url, bearer).await
    }
}
