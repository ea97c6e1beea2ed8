//! The service as a process, and whoever asks it.

use std::{ops::Deref, path::Path, sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use auth_test_kit::TestIssuer;
use domain::{Timestamp, UserId};
use health_kit::SystemClock;
use http_test_kit::service::{RunningService, Said};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use test_kit::service_process::{Finished, run_to_end};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_user-service");
/// Nothing takes longer, also on a machine that compiles at the same time.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);
pub(crate) const ME: &str = "/api/v1/profiles/me";
pub(crate) const USER: &str = "profile:read profile:write";

pub(crate) async fn issuer() -> Result<TestIssuer> {
    Ok(TestIssuer::start(Arc::new(SystemClock)).await?)
}

pub(crate) fn user(number: u8) -> UserId {
    UserId::new(Timestamp::from_unix_ms(1_764_547_200_000), [number; 10])
}

/// Settings of a service that listens on any port.
pub(crate) fn settings<'a>(url: &'a str, issuer: &'a TestIssuer) -> Vec<(&'a str, &'a str)> {
    vec![
        ("DATABASE_URL", url),
        ("AUTH_ISSUER", issuer.url()),
        ("API_HOST", "127.0.0.1"),
        ("API_PORT", "0"),
    ]
}

/// Runs a command to its end.
pub(crate) async fn command(arguments: &[&str], settings: &[(&str, &str)]) -> Result<Finished> {
    let folder = TempDir::new()?;
    run_to_end(Path::new(PROGRAM), arguments, settings, folder.path()).await
}

/// The service, running.
pub(crate) struct Service(RunningService);

impl Deref for Service {
    type Target = RunningService;

    fn deref(&self) -> &RunningService {
        &self.0
    }
}

impl Service {
    /// Starts it in a folder of its own; whether it is ready is another question.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Result<Self> {
        Self::start_in(&Arc::new(TempDir::new()?), settings).await
    }

    pub(crate) async fn start_in(folder: &Arc<TempDir>, settings: &[(&str, &str)]) -> Result<Self> {
        Ok(Self(
            RunningService::start(PROGRAM, settings, folder).await?,
        ))
    }

    /// The same, and waits until it is ready and takes tokens.
    pub(crate) async fn start_ready(settings: &[(&str, &str)]) -> Result<Self> {
        let service = Self::start(settings).await?;
        service.wait_until_healthy().await?;
        Ok(service)
    }

    pub(crate) fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        let request = self
            .site
            .client
            .request(method, format!("{}{path}", self.site.url));
        request.bearer_auth(token)
    }

    pub(crate) async fn look(&self, token: &str) -> Result<Response> {
        Ok(self.request(Method::GET, ME, token).send().await?)
    }

    /// The profile; fails unless there is one.
    pub(crate) async fn profile(&self, token: &str) -> Result<Value> {
        let answer = self.look(token).await?;
        let status = answer.status();
        let body = answer.text().await?;
        ensure!(status == StatusCode::OK, "{status}: {body}");
        Ok(serde_json::from_str(&body)?)
    }

    pub(crate) async fn patch(
        &self,
        token: &str,
        version: &Value,
        patch: &Value,
    ) -> Result<Response> {
        let request = self.request(Method::PATCH, ME, token);
        let request = request
            .header("if-match", format!("\"{version}\""))
            .json(patch);
        Ok(request.send().await?)
    }

    /// Asks it to end; its exit code.
    pub(crate) async fn stop(self) -> Result<i32> {
        self.0.stop().await
    }

    /// The same, with all that it has said.
    pub(crate) async fn said(self) -> Result<Said> {
        self.0.said().await
    }
}
