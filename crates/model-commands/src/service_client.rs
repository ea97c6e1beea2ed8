//! The running service, by its HTTP interface: what commands ask of it that would
//! otherwise be in its way.

use std::{fmt, time::Duration};

use anyhow::Context as _;
use command_kit::{client_of_service, find_service};
use model_application::ports::{RunId, RunState};
use model_http_api::{RUN_CANCEL_PATH, RUN_PUBLISH_PATH, RUNS_PATH};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use service_kit::exit_code::ExitCode;

use crate::settings::Settings;

/// Above what the service waits for its ledger.
const ASK_TIME_MAX: Duration = Duration::from_mins(1);
/// No run takes longer: then nobody listens any more.
const LISTEN_TIME_MAX: Duration = Duration::from_hours(24);

/// The service that runs where the settings say.
pub(crate) struct ServiceClient {
    client: Client,
    url: String,
    token: SecretString,
}

/// Why the service does not do what it was asked to.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// How the command ends.
    pub(crate) code: ExitCode,
    pub(crate) said: String,
}

/// A run, as the service has it.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) id: RunId,
    pub(crate) state: RunState,
    /// Step and cause.
    pub(crate) failure: Option<(String, String)>,
    /// When it ended, the last time.
    pub(crate) ended_at: Option<String>,
    /// What its last step said.
    pub(crate) last_detail: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

impl Refusal {
    pub(crate) fn unavailable(error: impl fmt::Display) -> Self {
        Self {
            code: ExitCode::Unavailable,
            said: format!("{error:#}"),
        }
    }
}

impl ServiceClient {
    /// Looks for it; none where nothing listens.
    ///
    /// # Errors
    /// Something else is there, or there is no token to ask with.
    pub(crate) async fn find(settings: &Settings) -> Result<Option<Self>, Refusal> {
        let api = &settings.api;
        let found = find_service(&api.host, api.port, &settings.service_name).await;
        let Some(url) = found.map_err(Refusal::unavailable)? else {
            return Ok(None);
        };
        let token = api.token.clone().with_context(|| {
            format!(
                "a service runs at {url}, and API_TOKEN is not set here: set it to the service's \
                 own"
            )
        });
        Ok(Some(Self {
            client: client_of_service(ASK_TIME_MAX).map_err(Refusal::unavailable)?,
            token: token.map_err(Refusal::unavailable)?,
            url,
        }))
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Has a run begin.
    pub(crate) async fn begin(&self, wanted: &Value) -> Result<Told, Refusal> {
        let request = self.client.post(self.at(RUNS_PATH)).json(wanted);
        self.order(request).await
    }

    /// Has what a run has found published.
    pub(crate) async fn publish(&self, id: RunId) -> Result<Told, Refusal> {
        let path = RUN_PUBLISH_PATH.replace("{id}", &id.to_string());
        self.order(self.client.post(self.at(&path))).await
    }

    /// Has a run end.
    pub(crate) async fn cancel(&self, id: RunId) -> Result<Told, Refusal> {
        let path = RUN_CANCEL_PATH.replace("{id}", &id.to_string());
        self.order(self.client.post(self.at(&path))).await
    }

    /// How a run is now.
    pub(crate) async fn run(&self, id: RunId) -> Result<Told, Refusal> {
        self.order(self.client.get(self.at(&format!("{RUNS_PATH}/{id}"))))
            .await
    }

    /// What happens to runs from now on.
    pub(crate) async fn listen(&self) -> reqwest::Result<Response> {
        let request = self.client.get(self.at(&format!("{RUNS_PATH}/events")));
        let answer = request.timeout(LISTEN_TIME_MAX).send().await?;
        answer.error_for_status()
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn order(&self, request: RequestBuilder) -> Result<Told, Refusal> {
        let url = &self.url;
        let request = request.bearer_auth(self.token.expose_secret());
        let answer = request.send().await;
        let answer = answer.map_err(|error| {
            let error = error.without_url();
            Refusal::unavailable(format_args!(
                "the service at {url} does not answer: {error}"
            ))
        })?;
        let status = answer.status();
        let said: Value = answer.json().await.unwrap_or_default();
        if !status.is_success() {
            return Err(self.refused(status, &said));
        }
        let told = Told::read(&said);
        told.ok_or_else(|| {
            Refusal::unavailable(format_args!(
                "the service at {url} answers nothing that this program knows: is it of another \
                 version?"
            ))
        })
    }

    fn refused(&self, status: StatusCode, said: &Value) -> Refusal {
        let url = &self.url;
        let detail = said["detail"].as_str().unwrap_or_default();
        let kind = said["type"].as_str().unwrap_or_default();
        let is_told = !kind.is_empty() && kind != "about:blank";
        let (code, said) = match status {
            StatusCode::UNAUTHORIZED => (
                ExitCode::Unavailable,
                format!("the service at {url} refuses this API_TOKEN: set it to the service's own"),
            ),
            StatusCode::NOT_FOUND if detail.starts_with("there is nothing here") => (
                ExitCode::Unavailable,
                format!("the service at {url} takes no orders: start it with an API_TOKEN"),
            ),
            // No such run, patch or skill. A result that is not kept is no matter of usage.
            StatusCode::NOT_FOUND if !kind.ends_with("no-data") => {
                (ExitCode::Usage, detail.to_owned())
            }
            StatusCode::BAD_REQUEST => (ExitCode::Usage, detail.to_owned()),
            StatusCode::NOT_FOUND | StatusCode::CONFLICT => (ExitCode::Internal, detail.to_owned()),
            _ if is_told || !detail.is_empty() => (
                ExitCode::Unavailable,
                format!("the service at {url} refuses: {detail}"),
            ),
            _ => (
                ExitCode::Unavailable,
                format!("the service at {url} answers {status}"),
            ),
        };
        Refusal { code, said }
    }
}

impl Told {
    fn read(said: &Value) -> Option<Self> {
        let failure = &said["failure"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let last = said["steps"].as_array()?.last();
        Some(Self {
            id: RunId::of(said["run"].as_str()?)?,
            state: RunState::of(said["state"].as_str()?)?,
            failure: text(&failure["step"]).zip(text(&failure["cause"])),
            ended_at: text(&said["ended_at"]),
            last_detail: last
                .and_then(|step| text(&step["detail"]))
                .unwrap_or_default(),
        })
    }
}
