//! The service as a child process.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::Usage;

const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// A service between a feed and a topic; it ends with this value.
pub struct RunningService {
    child: Child,
    url: String,
    /// Its working directory, with its journal.
    _folder: TempDir,
}

impl RunningService {
    /// Starts the release build in `binaries`, with further settings.
    ///
    /// # Errors
    /// When it is not there, or cannot be started.
    pub fn start(
        binaries: &Path,
        bootstrap_servers: &str,
        feed_url: &str,
        topic: &str,
        further: &[(&str, &str)],
    ) -> Result<Self> {
        // Freed at once for the service to take.
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let folder = tempfile::tempdir()?;
        let child = Command::new(binaries.join("ingestion-service"))
            .current_dir(folder.path())
            .env_clear()
            .env("OPENDOTA_STREAM_URL", feed_url)
            .env("KAFKA_BOOTSTRAP_SERVERS", bootstrap_servers)
            .env("KAFKA_PUBLISH_TOPIC", topic)
            // A writer of its own for each topic.
            .env("KAFKA_TRANSACTIONAL_ID", topic)
            .env("API_HOST", "127.0.0.1")
            .env("API_PORT", port.to_string())
            .envs(further.iter().copied())
            .stdout(Stdio::null())
            .spawn()
            .context("ingestion-service is not beside this binary")?;
        Ok(Self {
            child,
            url: format!("http://127.0.0.1:{port}/api/v1/ingestion"),
            _folder: folder,
        })
    }

    /// What it answers about ingestion.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn ingestion(&self) -> Result<Value> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(ANSWER_TIME_MAX)
            .build()?;
        Ok(client.get(&self.url).send().await?.json().await?)
    }

    /// How many matches are acknowledged.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn published(&self) -> Result<u64> {
        self.ingestion().await?["ledger"]["published"]
            .as_u64()
            .context("no figure of published matches")
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// When it has ended.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of_process(&self.child.id().to_string())
    }
}

impl Drop for RunningService {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
