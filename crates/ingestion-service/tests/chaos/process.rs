//! The binary as a process whose log goes to files.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::world::World;

const ASK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// A process of the service.
pub(crate) struct Process {
    child: Child,
    pub(crate) number: u32,
    pub(crate) started_ms: u64,
    log: PathBuf,
    errors: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts the service with a journal in `folder` and further settings.
    pub(crate) fn spawn(
        world: &World,
        number: u32,
        folder: &Path,
        further: &[(&str, &str)],
    ) -> Result<Self> {
        let log = world.file(&format!("service-{number}.log"));
        let errors = world.file(&format!("service-{number}.err"));
        let child = Command::new(env!("CARGO_BIN_EXE_ingestion-service"))
            .current_dir(folder)
            .env_clear()
            .envs(settings(world, number, folder))
            .envs(further.iter().copied())
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::create(&errors)?)
            .spawn()?;
        Ok(Self {
            child,
            number,
            started_ms: world.now_ms(),
            log,
            errors,
            ended: None,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its log, for someone else to look at.
    pub(crate) fn log_file(&self) -> PathBuf {
        self.log.clone()
    }

    /// How it ended, if it has.
    pub(crate) fn try_end(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait()?;
        }
        Ok(self.ended)
    }

    /// Waits for its end.
    pub(crate) async fn end(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.try_end()? {
                return Ok(status);
            }
            if begun.elapsed() > deadline {
                bail!("process {} has not ended after {deadline:?}", self.number);
            }
            sleep(ASK_AGAIN_AFTER).await;
        }
    }

    /// SIGKILL, and what is left of it is waited for.
    pub(crate) fn kill(&mut self) -> Result<()> {
        if self.try_end()?.is_none() {
            self.child.kill()?;
            self.ended = Some(self.child.wait()?);
        }
        Ok(())
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) -> Result<()> {
        let status = Command::new("kill")
            .args([format!("-{name}"), self.pid().to_string()])
            .status()?;
        ensure!(status.success(), "kill -{name} {} failed", self.pid());
        Ok(())
    }

    /// Everything it has written so far, log and standard error.
    pub(crate) fn output(&self) -> Result<String> {
        let read = |file: &Path| -> Result<String> {
            Ok(String::from_utf8_lossy(&fs::read(file)?).into_owned())
        };
        Ok(read(&self.log)? + &read(&self.errors)?)
    }

    /// What is wrong with what it wrote. `is_asked` is for one that ended as it was asked to.
    pub(crate) fn complaints(&self, is_asked: bool) -> Result<Vec<String>> {
        let mut complaints = Vec::new();
        for file in [&self.log, &self.errors] {
            for line in BufReader::new(File::open(file)?).lines() {
                let line = line?;
                if line.contains("panicked") {
                    complaints.push(format!("process {} panicked: {line}", self.number));
                }
            }
        }
        if is_asked {
            complaints.extend(self.complaint_about_last_line()?);
        }
        Ok(complaints)
    }

    /// A figure in the last line of its log.
    pub(crate) fn last_figure(&self, name: &str) -> Result<Option<u64>> {
        Ok(self.last_line()?[name].as_u64())
    }

    /// The last line of a log is the ledger, and it is balanced.
    fn complaint_about_last_line(&self) -> Result<Option<String>> {
        let last = self.last_line()?;
        let is_good = last["message"] == "stopped" && last["ledger.balanced"] == true;
        let number = self.number;
        Ok((!is_good).then(|| format!("process {number} did not end with its ledger: {last}")))
    }

    fn last_line(&self) -> Result<Value> {
        let mut last = String::new();
        for line in BufReader::new(File::open(&self.log)?).lines() {
            last = line?;
        }
        Ok(serde_json::from_str(&last).unwrap_or_default())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // With an error there would be nothing left to do.
        let _ = self.kill();
    }
}

/// The address of the HTTP interface, once the log names it.
pub(crate) fn address_in(log: &Path) -> Option<String> {
    let file = BufReader::new(File::open(log).ok()?);
    file.lines().map_while(Result::ok).find_map(|line| {
        let line: Value = serde_json::from_str(&line).ok()?;
        line["server.address"].as_str().map(str::to_owned)
    })
}

/// A line of `/proc/PID/status` in KiB, such as `VmHWM`, the most memory it ever had resident.
pub(crate) fn memory_kib(pid: u32, field: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with(field));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.context("no such field")?.parse()?)
}

/// An exit code, or the signal that ended a process.
pub(crate) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
    }
}

fn settings(world: &World, number: u32, folder: &Path) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("OPENDOTA_STREAM_URL", world.feed_url(number)),
        // So short that a run sees them pass many times.
        ("OPENDOTA_STREAM_HEARTBEAT", "2s".to_owned()),
        ("OPENDOTA_STREAM_IDLE_TIMEOUT", "5s".to_owned()),
        ("OPENDOTA_STREAM_BACKOFF_MAX", "2s".to_owned()),
        ("OPENDOTA_STREAM_MESSAGE_SIZE_MAX", "1MiB".to_owned()),
        (
            "KAFKA_BOOTSTRAP_SERVERS",
            world.cluster.bootstrap_servers().to_owned(),
        ),
        ("KAFKA_PUBLISH_TOPIC", world.topic.clone()),
        ("KAFKA_DEAD_LETTER_TOPIC", world.dead_letter_topic.clone()),
        ("JOURNAL_DIR", folder.join("journal").display().to_string()),
        ("JOURNAL_SIZE_MAX", "64MiB".to_owned()),
        ("API_HOST", "127.0.0.1".to_owned()),
        ("API_PORT", "0".to_owned()),
    ];
    let delivery = if world.options.expected.exactly_once {
        settings.push(("KAFKA_TRANSACTIONAL_ID", format!("chaos.{}", world.topic)));
        "exactly_once"
    } else {
        "at_least_once"
    };
    settings.push(("KAFKA_DELIVERY", delivery.to_owned()));
    settings
}
