//! The running service, by its HTTP interface.

use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::{BufMut as _, Bytes, BytesMut};
use command_kit::{Stop, client_of_service, url_to_ask};
use http_kit::ApiSettings;
use ingestion_application::REPLAY;
use ingestion_http_api::{HAND_IN_BYTES_MAX, HAND_IN_FRAMES_MAX};
use reqwest::{Client, Response, StatusCode, header::RETRY_AFTER};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::{Handover, Kind};
/// Above what the service waits for a body and for room.
const HAND_IN_TIME_MAX: Duration = Duration::from_mins(1);
/// When the service does not say when to come again, or says something strange.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// Hands frames in by POST.
pub(crate) struct ServiceClient {
    client: Client,
    url: String,
    kind: Kind,
    token: SecretString,
}

/// What the service says of a body, in an answer or a problem.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    taken: usize,
    invalid: usize,
    detail: String,
}

impl ServiceClient {
    /// Makes sure that the service takes something from us.
    ///
    /// # Errors
    /// Why it does not, and what to do about it.
    pub(super) async fn connect(api: &ApiSettings, kind: Kind) -> anyhow::Result<Self> {
        let url = url_to_ask(&api.host, api.port);
        let token = api.token.clone().with_context(|| {
            format!(
                "a service runs at {url}, and API_TOKEN is not set here: set it to the service's own"
            )
        })?;
        let client = Self {
            client: client_of_service(HAND_IN_TIME_MAX)?,
            url,
            kind,
            token,
        };
        let url = client.url();
        let answer = client.post(REPLAY.as_str(), Bytes::new()).await;
        let answer = answer.with_context(|| format!("the service at {url} does not answer"))?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => {
                bail!("the service at {url} refuses this API_TOKEN: set it to the service's own")
            }
            StatusCode::NOT_FOUND => {
                bail!("the service at {url} takes nothing: start it with an API_TOKEN")
            }
            // Come again.
            StatusCode::SERVICE_UNAVAILABLE if answer.headers().contains_key(RETRY_AFTER) => {}
            status => bail!(
                "the service at {url} takes nothing: {}",
                explain(status, answer).await.detail
            ),
        }
        Ok(client)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Hands in the first of `frames`; waits if there was no room for all of these.
    pub(super) async fn hand_in(
        &self,
        frames: &[Bytes],
        source: &str,
        stop: &CancellationToken,
    ) -> Handover {
        let outcome = match self.post(source, self.body(frames)).await {
            Ok(answer) => self.take(answer, stop).await,
            Err(error) => Err((Answer::default(), self.lost(&error))),
        };
        let (answer, stop) = match outcome {
            Ok(answer) => (answer, None),
            Err((answer, reason)) => (answer, Some(Stop::Refused(reason))),
        };
        Handover {
            taken: answer.taken,
            invalid: answer.invalid,
            stop,
        }
    }

    /// What was taken; waits if it was not all for want of room.
    async fn take(
        &self,
        answer: Response,
        stop: &CancellationToken,
    ) -> Result<Answer, (Answer, String)> {
        let status = answer.status();
        let retry_after = answer.headers().get(RETRY_AFTER).map(|value| {
            let seconds = value.to_str().ok().and_then(|text| text.parse().ok());
            seconds.map_or(RETRY_AFTER_DEFAULT, Duration::from_secs)
        });
        let answer = explain(status, answer).await;
        match (status, retry_after) {
            (StatusCode::OK, _) => Ok(answer),
            (StatusCode::SERVICE_UNAVAILABLE, Some(pause)) => {
                let pause = tokio::time::sleep(pause.min(RETRY_AFTER_MAX));
                stop.run_until_cancelled(pause).await;
                Ok(answer)
            }
            _ => {
                let reason = format!("the service at {} refuses: {}", self.url, answer.detail);
                Err((answer, reason))
            }
        }
    }

    fn lost(&self, error: &reqwest::Error) -> String {
        format!(
            "the service at {} was lost, and may have taken the last of them or not: {error}",
            self.url
        )
    }

    async fn post(&self, source: &str, body: Bytes) -> reqwest::Result<Response> {
        let content_type = match self.kind {
            Kind::Lines => "application/jsonl",
            Kind::Payloads => "application/octet-stream",
        };
        let request = self
            .client
            .post(format!("{}{}", self.url, self.kind.path()));
        let request = match self.kind {
            Kind::Lines => request,
            Kind::Payloads => request.query(&[("source", source)]),
        };
        request
            .bearer_auth(self.token.expose_secret())
            .header("content-type", content_type)
            .body(body)
            .send()
            .await
            .map_err(reqwest::Error::without_url)
    }

    /// A body of the first of `frames`, as many as there may be.
    fn body(&self, frames: &[Bytes]) -> Bytes {
        let mut body = BytesMut::new();
        for frame in frames.iter().take(HAND_IN_FRAMES_MAX) {
            // A length, or a line feed.
            let is_full = body.len() + frame.len() + size_of::<u32>() > HAND_IN_BYTES_MAX;
            if is_full && !body.is_empty() {
                break;
            }
            match self.kind {
                Kind::Lines => {
                    body.extend_from_slice(frame);
                    body.put_u8(b'\n');
                }
                Kind::Payloads => {
                    let size = u32::try_from(frame.len()).expect("no frame has 4 GiB");
                    body.put_u32(size);
                    body.extend_from_slice(frame);
                }
            }
        }
        body.freeze()
    }
}

/// What the service says, or what its status does.
async fn explain(status: StatusCode, answer: Response) -> Answer {
    let mut answer: Answer = answer.json().await.unwrap_or_default();
    if answer.detail.is_empty() {
        answer.detail = status.to_string();
    }
    answer
}
