//! A service's binary as a process, and a client of it.

use std::{ffi::OsStr, process::Command, sync::Arc};

use anyhow::Result;
use reqwest::StatusCode;
use tempfile::TempDir;
use test_kit::{service_process::ServiceProcess, waiting::wait_until};

use crate::{DEADLINE, client::Site};

/// A service, running.
pub struct RunningService {
    /// The process.
    pub process: ServiceProcess,
    /// Its HTTP interface.
    pub site: Site,
}

/// All that a service has said, from its start to its end.
#[derive(Debug)]
pub struct Said {
    /// How it has ended.
    pub exit_code: i32,
    /// Standard output, line by line.
    pub log: Vec<String>,
    /// Standard error, likewise.
    pub errors: Vec<String>,
}

impl RunningService {
    /// Starts it in a folder with these settings; whether it is ready is another question.
    ///
    /// # Errors
    /// It cannot be started, or does not answer.
    pub async fn start(
        program: impl AsRef<OsStr>,
        settings: &[(&str, &str)],
        folder: &Arc<TempDir>,
    ) -> Result<Self> {
        let program = Command::new(program);
        let process = ServiceProcess::start(program, settings, Arc::clone(folder)).await?;
        let site = Site::at(process.address().parse()?);
        Ok(Self { process, site })
    }

    /// Waits until all its checks are healthy.
    ///
    /// # Errors
    /// They are not for a minute.
    pub async fn wait_until_healthy(&self) -> Result<()> {
        wait_until(DEADLINE, "the service is healthy", async || {
            self.site.get("/api/v1/health").await.status() == StatusCode::OK
        })
        .await
    }

    /// Asks it to end; its exit code.
    ///
    /// # Errors
    /// It does not end, or was ended by a signal.
    pub async fn stop(self) -> Result<i32> {
        Ok(self.said().await?.exit_code)
    }

    /// Asks it to end; how it has, and all that it has said.
    ///
    /// # Errors
    /// It does not end, or was ended by a signal.
    pub async fn said(mut self) -> Result<Said> {
        self.process.signal("TERM")?;
        Ok(Said {
            exit_code: self.process.exit_code().await?,
            log: self.process.log(),
            errors: self.process.errors(),
        })
    }
}

impl Said {
    /// Whether it has said this.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        let mut lines = self.log.iter().chain(&self.errors);
        lines.any(|line| line.contains(text))
    }
}
