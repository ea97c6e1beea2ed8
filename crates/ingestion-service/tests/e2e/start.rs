//! The first moments of the process, in which nothing is there yet.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, net::unix::pipe, time::Instant};

use crate::support::{send_signal, wait_until};

const PROMPTLY: Duration = Duration::from_secs(3);

/// A process that waits for its settings.
struct Starting {
    child: Child,
    /// Where they would come from.
    settings: Option<pipe::Sender>,
    _folder: TempDir,
}

impl Starting {
    /// Starts `command`, and waits until it reads its settings.
    async fn new(mut command: Command) -> Result<Self> {
        let folder = TempDir::new()?;
        let fifo = folder.path().join("settings.toml");
        let made = Command::new("mkfifo").arg(&fifo).status()?;
        ensure!(made.success(), "a fifo can be made");
        let child = command
            .current_dir(folder.path())
            .env_clear()
            .env("INGESTION_CONFIG", &fifo)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        // Whoever opens a fifo waits for the other side; a writer that does
        // not want to wait is told whether there is a reader.
        let mut settings = None;
        wait_until("the settings are being read", async || {
            settings = pipe::OpenOptions::new().open_sender(&fifo).ok();
            settings.is_some()
        })
        .await;
        Ok(Self {
            child,
            settings,
            _folder: folder,
        })
    }

    /// Waits for its end; none if that was a signal's.
    async fn exit_code(&mut self) -> Option<i32> {
        let mut status = None;
        wait_until("the process ends", async || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        })
        .await;
        status.and_then(|status| status.code())
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first process of a container does not even die of a signal that it does
/// not listen for: it is lost. So whatever takes something in listens before it
/// reads anything.
#[tokio::test(flavor = "multi_thread")]
async fn signals_are_heard_before_the_settings_are_read() -> Result<()> {
    let mut commands = vec![&["run"][..], &["replay", "-"], &["dead-letters", "redrive"]];
    if cfg!(feature = "demo") {
        commands.push(&["demo"]);
    }
    for command in commands {
        for signal in ["TERM", "INT", "HUP", "QUIT"] {
            check(command, signal, Some(0)).await?;
        }
    }
    Ok(())
}

/// What takes nothing in has nothing to finish.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_only_looks_is_ended_by_the_signal_itself() -> Result<()> {
    for command in [
        &["validate"][..],
        &["healthcheck"],
        &["dead-letters", "list"],
        &["dead-letters", "redrive", "--dry-run"],
    ] {
        check(command, "INT", None).await?;
    }
    Ok(())
}

/// Sends `signal` while the settings are being read, and asserts a prompt end;
/// without a code it is the signal's.
async fn check(arguments: &[&str], signal: &str, code: Option<i32>) -> Result<()> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ingestion-service"));
    command.args(arguments);
    let mut starting = Starting::new(command).await?;
    let begun = Instant::now();
    send_signal(starting.child.id(), signal)?;
    let ended = starting.exit_code().await;
    assert_eq!(ended, code, "{arguments:?}, {signal}");
    let took = begun.elapsed();
    assert!(took < PROMPTLY, "{arguments:?}, {signal}: {took:?}");
    Ok(())
}

/// Whoever starts it with nohup does not want it to end with the terminal.
#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_is_ignored_where_nohup_says_so() -> Result<()> {
    let mut command = Command::new("nohup");
    command.arg(env!("CARGO_BIN_EXE_ingestion-service"));
    let mut starting = Starting::new(command).await?;
    send_signal(starting.child.id(), "HUP")?;
    // It goes on to read these, and to refuse them.
    let mut settings = starting.settings.take().context("nobody else gives any")?;
    settings.write_all(b"[nonsense]\n").await?;
    drop(settings);
    assert_eq!(starting.exit_code().await, Some(78));
    Ok(())
}
