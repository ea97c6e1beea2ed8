//! The binary as a process: its output, its signals, its end.

use std::{
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use tokio::time::{Instant, timeout};

use super::{DEADLINE, wait_until};

/// The lines of a child's output, as they come.
#[derive(Default)]
pub(crate) struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    is_paused: Arc<(Mutex<bool>, Condvar)>,
}

impl Lines {
    /// Reads them in a thread.
    pub(crate) fn of(output: impl Read + Send + 'static) -> Self {
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
    pub(crate) fn pause(&self, is_paused: bool) {
        let (paused, changed) = &*self.is_paused;
        *paused.lock().unwrap_or_else(PoisonError::into_inner) = is_paused;
        changed.notify_all();
    }

    /// All of them, once the child has closed its output.
    pub(crate) async fn to_the_end(&self) -> Vec<String> {
        // The thread that reads holds the other reference.
        wait_until("the output ends", async || {
            Arc::strong_count(&self.lines) == 1
        })
        .await;
        self.so_far()
    }

    /// Those that are there.
    pub(crate) fn so_far(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Sends a signal, such as `TERM`, to a process.
pub(crate) fn send_signal(process: u32, name: &str) -> Result<()> {
    let status = Command::new("kill")
        .args([format!("-{name}"), process.to_string()])
        .status()?;
    ensure!(status.success(), "kill -{name} {process} failed");
    Ok(())
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) exit_code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

/// Runs the binary in `folder` with nothing in its environment but `settings`, to its end.
pub(crate) async fn run_to_end(
    arguments: &[&str],
    settings: &[(&str, &str)],
    folder: &Path,
) -> Result<Finished> {
    let begun = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_ingestion-service"))
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
