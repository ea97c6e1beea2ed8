//! `healthcheck`: asks the running service, for images without shell or curl.

use std::time::Duration;

use anyhow::{Context, ensure};
use service_kit::{config::ServiceSettings, exit_code::ExitCode};

use crate::{Given, complain};

/// Below the five seconds that the image's HEALTHCHECK gives.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Flags of `healthcheck`.
#[derive(Debug, Clone, clap::Args)]
pub struct HealthcheckArguments {
    /// Ask whether it is ready instead
    #[arg(long)]
    ready: bool,
}

/// Asks `/livez`, or `/readyz`, of the service that listens where the settings say.
pub async fn healthcheck<Settings: ServiceSettings>(
    given: Given,
    arguments: HealthcheckArguments,
) -> ExitCode {
    let settings = match given.load::<Settings>() {
        Ok(loaded) => loaded.settings,
        Err(code) => return code,
    };
    let (host, port) = settings.api_address();
    let path = if arguments.ready { "/readyz" } else { "/livez" };
    match ask(&url_to_ask(host, port), path).await {
        Ok(()) => ExitCode::Ok,
        Err(error) => {
            complain(format_args!("{error:#}"));
            ExitCode::Unavailable
        }
    }
}

async fn ask(base: &str, path: &str) -> anyhow::Result<()> {
    let url = format!("{base}{path}");
    // No proxy: the service is on this machine.
    let client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .no_proxy()
        .build()?;
    let answer = client.get(&url).send().await.with_context(|| {
        format!("no answer from {url}: is the service running with this API_PORT?")
    })?;
    let status = answer.status();
    ensure!(
        status.is_success(),
        "{url} answered {status}: {}",
        answer.text().await?
    );
    Ok(())
}

/// Where to reach a service that listens on `host` and `port`; without a slash at the end.
#[must_use]
pub fn url_to_ask(host: &str, port: u16) -> String {
    format!("http://{}:{port}", host_to_ask(host))
}

fn host_to_ask(host: &str) -> String {
    match host {
        "0.0.0.0" | "" => "127.0.0.1".to_owned(),
        "::" | "[::]" => "[::1]".to_owned(),
        ipv6 if ipv6.contains(':') && !ipv6.starts_with('[') => format!("[{ipv6}]"),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_asked_on_loopback() {
        for (host, asked) in [
            ("0.0.0.0", "127.0.0.1"),
            ("::", "[::1]"),
            ("::1", "[::1]"),
            ("192.168.1.2", "192.168.1.2"),
            ("ingestion", "ingestion"),
        ] {
            assert_eq!(host_to_ask(host), asked, "{host}");
        }
    }
}
