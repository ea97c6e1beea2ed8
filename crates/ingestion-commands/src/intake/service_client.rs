//! The running service, by its HTTP interface.

use std::{error::Error as _, io, time::Duration};

use anyhow::{Context as _, bail, ensure};
use bytes::{BufMut as _, Bytes, BytesMut};
use command_kit::{Stop, url_to_ask};
use http_kit::ApiSettings;
use ingestion_application::REPLAY;
use ingestion_http_api::{HAND_IN_BYTES_MAX, HAND_IN_FRAMES_MAX};
use reqwest::{Client, Response, StatusCode, header::RETRY_AFTER};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::{Handover, Kind};
use crate::settings::Settings;

/// A service on this machine answers in milliseconds.
const FIND_TIME_MAX: Duration = Duration::from_secs(3);
/// Above what the service waits for a body and for room.
const HAND_IN_TIME_MAX: Duration = Duration::from_mins(1);
/// When the service does not say when to come again, or says something strange.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// Whether a service runs where it is to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Running {
    Yes,
    No,
}

/// Looks for the service that these settings describe.
///
/// # Errors
/// Something else is there, or nobody can tell.
pub(super) async fn find(settings: &Settings) -> anyhow::Result<Running> {
    #[derive(Deserialize)]
    struct Health {
        service: String,
    }
    if settings.api.port == 0 {
        // Any port, so none that could be known.
        return Ok(Running::No);
    }
    let url = url_to_ask(&settings.api.host, settings.api.port);
    let asked = client(FIND_TIME_MAX)?.get(format!("{url}/api/v1/health"));
    let answer = match asked.send().await {
        Ok(answer) => answer,
        Err(error) if is_refused(&error) => return Ok(Running::No),
        Err(error) => {
            let context = format!("whether a service runs at {url} cannot be told");
            return Err(anyhow::Error::new(error).context(context));
        }
    };
    let name = &settings.service_name;
    let Ok(health) = answer.json::<Health>().await else {
        bail!(
            "what answers at {url} is no ingestion service; set API_HOST and API_PORT to those of \
             {name}, or to where nothing answers"
        );
    };
    ensure!(
        health.service == *name,
        "what answers at {url} is {}, not {name}; set API_HOST and API_PORT to those of {name}, \
         or to where nothing answers",
        health.service
    );
    Ok(Running::Yes)
}

/// Nothing listens there.
fn is_refused(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.kind() == io::ErrorKind::ConnectionRefused;
        }
        source = error.source();
    }
    false
}

fn client(timeout: Duration) -> reqwest::Result<Client> {
    // No proxy: the service is on this machine, or near.
    Client::builder().timeout(timeout).no_proxy().build()
}

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
            client: client(HAND_IN_TIME_MAX)?,
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
