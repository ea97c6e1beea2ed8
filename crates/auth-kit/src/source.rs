//! Where the set of keys is fetched.

use std::time::Duration;

use bytes::Bytes;
use client_kit::{CallFailed, ClientLimits, HttpClient};
use thiserror::Error;

use crate::key_set::{KeySet, KeySetFault};

/// For a host that is there.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(1);
/// Requests wait for it, so it is shorter than theirs.
pub(crate) const FETCH_TIME_MAX: Duration = Duration::from_secs(2);

/// The address of the set. Nothing that a token says changes it, and a redirect is not followed.
pub(crate) struct Source {
    url: String,
    http: HttpClient,
}

/// Why there is no newer set.
#[derive(Debug, Error)]
pub(crate) enum FetchFailed {
    #[error(transparent)]
    Call(#[from] CallFailed),
    #[error("it answers with status {0}")]
    Status(u16),
    #[error(transparent)]
    Set(#[from] KeySetFault),
}

impl Source {
    pub(crate) fn try_new(url: String, user_agent: &str) -> Result<Self, String> {
        let limits = ClientLimits {
            connect_time_max: CONNECT_TIME_MAX,
            call_time_max: FETCH_TIME_MAX,
            body_bytes_max: KeySet::BYTES_MAX,
        };
        let http = HttpClient::try_new(user_agent, limits, None)?;
        Ok(Self { url, http })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Asks once.
    pub(crate) async fn fetch(&self) -> Result<(Bytes, KeySet), FetchFailed> {
        let answer = self.http.get(&self.url, None).await?;
        if answer.status != 200 {
            return Err(FetchFailed::Status(answer.status));
        }
        let set = KeySet::try_read(&answer.body)?;
        Ok((answer.body, set))
    }
}
