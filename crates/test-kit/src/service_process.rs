//! A service's binary as a process: its output, its signals, its address, its end.

use std::{
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, timeout};

use crate::{
    usage::{Usage, memory_kib},
    waiting::{wait_for, wait_until},
};

/// Everything that is waited for comes within this time, or the test fails.
const DEADLINE: Duration = Duration::from_mins(1);

/// The lines of a child's output, as they come.
#[derive(Default)]
pub struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    is_paused: Arc<(Mutex<bool>, Condvar)>,
}

impl Lines {
    /// Reads them in a thread.
    pub fn of(output: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let to = Arc::clone(&lines.lines);
        let is_paused = Arc::clone(&lines.is_paused);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                to.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                let (paused, changed) = &*is_paused;
                let paused = paused.lock().unwrap_or_else(PoisonError::into_inner);
                drop(changed.wait_while(paused, |paused| *paused));
            }
        });
        lines
    }

    /// Reads no further, or reads on.
    pub fn pause(&self, is_paused: bool) {
        let (paused, changed) = &*self.is_paused;
        *paused.lock().unwrap_or_else(PoisonError::into_inner) = is_paused;
        changed.notify_all();
    }

    /// All of them, once the child has closed its output.
    ///
    /// # Errors
    /// It does not close it.
    pub async fn to_the_end(&self) -> Result<Vec<String>> {
        // The thread that reads holds the other reference.
        wait_until(DEADLINE, "the output ends", async || {
            Arc::strong_count(&self.lines) == 1
        })
        .await?;
        Ok(self.so_far())
    }

    /// Those that are there.
    pub fn so_far(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Sends a signal, such as `TERM`, to a process.
///
/// # Errors
/// There is no such process.
pub fn send_signal(process: u32, name: &str) -> Result<()> {
    let status = Command::new("kill")
        .args([format!("-{name}"), process.to_string()])
        .status()?;
    ensure!(status.success(), "kill -{name} {process} failed");
    Ok(())
}

/// A command that has ended.
#[derive(Debug)]
pub struct Finished {
    /// None when a signal has ended it.
    pub exit_code: Option<i32>,
    /// All of it.
    pub stdout: String,
    /// All of it.
    pub stderr: String,
    /// From its start to its end.
    pub took: Duration,
}

impl Finished {
    /// Each check of `doctor --json` with what came of it, such as `settings ok`.
    ///
    /// # Errors
    /// It has said something else.
    pub fn checks(&self) -> Result<Vec<String>> {
        let report: Value = serde_json::from_str(&self.stdout)?;
        let checks = report["checks"].as_array().context("it lists checks")?;
        let text = |check: &Value| format!("{} {}", check["name"], check["outcome"]);
        Ok(checks.iter().map(|it| text(it).replace('"', "")).collect())
    }
}

/// Runs a program in `folder` with nothing in its environment but `settings`, to its end.
///
/// # Errors
/// It cannot be started, or does not end.
pub async fn run_to_end(
    program: impl AsRef<Path>,
    arguments: &[&str],
    settings: &[(&str, &str)],
    folder: &Path,
) -> Result<Finished> {
    let begun = Instant::now();
    let child = Command::new(program.as_ref())
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let id = child.id();
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output());
    let Ok(output) = timeout(DEADLINE, ended).await else {
        send_signal(id, "KILL")?;
        bail!("{arguments:?} does not end");
    };
    let output = output??;
    Ok(Finished {
        exit_code: output.status.code(),
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
        took: begun.elapsed(),
    })
}

/// A service, running in a folder of its own that goes with it.
pub struct ServiceProcess {
    child: Child,
    address: String,
    /// Standard output, line by line.
    log: Lines,
    /// Standard error, likewise.
    errors: Lines,
    folder: Arc<TempDir>,
}

impl ServiceProcess {
    /// Starts a program with nothing in its environment but `settings`, and
    /// waits until its HTTP interface answers. What stays in the folder is there
    /// for the next process that is given it.
    ///
    /// # Errors
    /// It cannot be started, or does not answer.
    pub async fn start(
        mut program: Command,
        settings: &[(&str, &str)],
        folder: Arc<TempDir>,
    ) -> Result<Self> {
        let mut child = program
            .current_dir(folder.path())
            .env_clear()
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let log = Lines::of(child.stdout.take().context("it was asked to be piped")?);
        let errors = Lines::of(child.stderr.take().context("it was asked to be piped")?);
        let mut service = Self {
            child,
            address: String::new(),
            log,
            errors,
            folder,
        };
        let address = wait_for(DEADLINE, "the HTTP interface answers", async || {
            service.address_in_log()
        });
        service.address = address.await?;
        Ok(service)
    }

    /// Where the HTTP interface answers: `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its working directory.
    #[must_use]
    pub fn folder(&self) -> Arc<TempDir> {
        Arc::clone(&self.folder)
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, such as `TERM`.
    ///
    /// # Errors
    /// It has ended.
    pub fn signal(&self, name: &str) -> Result<()> {
        send_signal(self.id(), name)
    }

    /// Whether the process has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Waits for the process to end; its exit code.
    ///
    /// # Errors
    /// It does not end, or was ended by a signal.
    pub async fn exit_code(&mut self) -> Result<i32> {
        let child = &mut self.child;
        let ended = wait_for(DEADLINE, "the service ends", async || {
            child.try_wait().transpose()
        });
        ended.await??.code().context("it was ended by a signal")
    }

    /// Waits for the process to end; its exit code and the ledger, the last line of its log.
    ///
    /// # Errors
    /// It does not end, or its last line is not the ledger.
    ///
    /// # Panics
    /// When the ledger is not balanced.
    pub async fn ended(&mut self) -> Result<(i32, Value)> {
        let code = self.exit_code().await?;
        let lines = self.log.to_the_end().await?;
        let last = lines.last().context("there are lines")?;
        let last: Value = serde_json::from_str(last)?;
        ensure!(last["message"] == "stopped", "the last line is {last}");
        assert_eq!(last["ledger.balanced"], true, "{last}");
        Ok((code, last))
    }

    /// The lines on standard output so far.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.log.so_far()
    }

    /// Leaves standard output unread, or reads on.
    pub fn pause_log(&self, is_paused: bool) {
        self.log.pause(is_paused);
    }

    /// The lines on standard error so far.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        self.errors.so_far()
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// It has ended.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of_process(&self.id().to_string())
    }

    /// A line of `/proc/PID/status` in KiB, such as `VmHWM`, the most memory it ever had resident.
    ///
    /// # Errors
    /// There is no such line.
    pub fn memory_kib(&self, field: &str) -> Result<u64> {
        memory_kib(&self.id().to_string(), field)
    }

    fn address_in_log(&self) -> Option<String> {
        self.log().iter().find_map(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            line["server.address"].as_str().map(str::to_owned)
        })
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the service's log:\n{}", self.log().join("\n"));
            eprintln!("its standard error:\n{}", self.errors().join("\n"));
        }
    }
}
