//! Keeps one process in hand, and stops it whatever happens to the test.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context as _, Result};

/// Where everything goes that the process writes.
const LOG: &str = "process.log";
const LOG_TAIL_LINES: usize = 30;

/// What stands before the script.
const BEGINNING: &str = r#"
folder=$1
exec 2>>"$folder/process.log"
pid=
send() { kill -"$1" "$pid"; }
"#;

/// Obeys one order a line on its standard input and answers each with a line,
/// which ends with the number of the process if it runs.
/// When its input ends, because the test let go of it or died of anything, it
/// kills the process and removes its folder.
const END: &str = r#"
signal() {
    [ -n "$pid" ] || return
    send "$1" >&2
    # The shell would tell of the killed process in the process's own log.
    if [ "$1" = KILL ]; then wait "$pid" 2>/dev/null; pid=; fi
}

while read -r order; do
    case $order in
        start) (launch) >&2 & pid=$! ;;
        *) signal "$order" ;;
    esac
    echo "done $pid"
done
signal KILL
rm -rf "$folder"
"#;

/// A process's supervisor; to drop it is to stop the process and to remove its
/// folder with all its data.
pub struct Supervisor {
    folder: PathBuf,
    shell: Mutex<Child>,
    pipes: Mutex<Option<(ChildStdin, BufReader<ChildStdout>)>>,
    /// Of the process, 0 while it does not run.
    process: AtomicU32,
}

/// What a supervisor can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// To start the process, which does not run.
    Start,
    /// To end it with SIGKILL, and to see it ended.
    Kill,
    /// To ask it with SIGTERM to end.
    Terminate,
    /// To freeze it with SIGSTOP: its sockets stay open and nobody answers.
    Pause,
    /// To let it go on with SIGCONT.
    Resume,
}

impl Supervisor {
    /// Prepares a process in `folder`, which from now on is the supervisor's.
    ///
    /// `script` is for `sh`. It defines `launch`, which becomes the process by
    /// `exec`; and `send`, if a signal, its first argument, reaches the process
    /// in another way than by `kill`. In it `$folder` is the folder, and
    /// `$2` and so on are the `arguments`.
    ///
    /// # Errors
    /// When there is no `sh`.
    pub fn new(folder: PathBuf, script: &str, arguments: &[&OsStr]) -> Result<Self> {
        Self::new_as(None, folder, script, arguments)
    }

    /// The same for a process that another user runs, by the number, who must own `folder`.
    ///
    /// # Errors
    /// When there is no `sh`, or this process may not act for others.
    pub fn new_as(
        user: Option<u32>,
        folder: PathBuf,
        script: &str,
        arguments: &[&OsStr],
    ) -> Result<Self> {
        let mut command = Command::new("sh");
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let mut shell = command
            .args(["-c", &[BEGINNING, script, END].concat(), "supervisor"])
            .arg(&folder)
            .args(arguments)
            // An interrupt at the terminal is for the test; this ends after it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("there is no sh")?;
        let input = shell.stdin.take();
        let output = shell.stdout.take();
        let pipes = input.zip(output).context("input and output are pipes")?;
        Ok(Self {
            folder,
            shell: Mutex::new(shell),
            pipes: Mutex::new(Some((pipes.0, BufReader::new(pipes.1)))),
            process: AtomicU32::new(0),
        })
    }

    /// Has an order obeyed.
    ///
    /// # Errors
    /// When the supervisor itself has died.
    pub fn tell(&self, order: Order) -> Result<()> {
        let word = match order {
            Order::Start => "start",
            Order::Kill => "KILL",
            Order::Terminate => "TERM",
            Order::Pause => "STOP",
            Order::Resume => "CONT",
        };
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let (input, output) = pipes.as_mut().context("the supervisor is gone")?;
        writeln!(input, "{word}")?;
        let mut answer = String::new();
        output.read_line(&mut answer)?;
        let process = answer.strip_prefix("done ");
        let process = process.context("the supervisor has died")?.trim();
        self.process
            .store(process.parse().unwrap_or_default(), Ordering::Relaxed);
        Ok(())
    }

    /// The number of the process, once it has been started and not killed.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        Some(self.process.load(Ordering::Relaxed)).filter(|id| *id > 0)
    }

    /// The folder of the process.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The last lines that the process has written.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = fs::read(self.folder.join(LOG)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(
            self.pipes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        // It cleans up and ends; with an error there would be nothing left to do.
        let _ = self
            .shell
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .wait();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use anyhow::ensure;

    use super::*;
    use crate::waiting::wait_for;

    const DEADLINE: Duration = Duration::from_secs(20);
    /// Writes a word and its own number, and waits for a signal.
    const SCRIPT: &str = r#"
        word=$2
        launch() { exec sh -c 'echo "$1 $$"; exec sleep 600' sh "$word"; }
    "#;

    fn start() -> Result<Supervisor> {
        let folder = tempfile::tempdir()?.keep();
        let supervisor = Supervisor::new(folder, SCRIPT, &["a word".as_ref()])?;
        supervisor.tell(Order::Start)?;
        Ok(supervisor)
    }

    /// The number of the process that was started as the `count`th.
    async fn number(supervisor: &Supervisor, count: usize) -> Result<String> {
        let number = async || {
            let log = supervisor.log_tail();
            let line = log.lines().nth(count - 1)?;
            Some(line.strip_prefix("a word ")?.to_owned())
        };
        wait_for(DEADLINE, "the process writes", number).await
    }

    fn is_there(number: &str) -> Result<bool> {
        let asked = Command::new("kill").args(["-0", number]).output()?;
        Ok(asked.status.success())
    }

    #[tokio::test]
    async fn a_killed_process_is_gone_and_another_starts_in_its_folder() -> Result<()> {
        let supervisor = start()?;
        let first = number(&supervisor, 1).await?;
        ensure!(supervisor.process_id() == Some(first.parse()?));
        supervisor.tell(Order::Pause)?;
        supervisor.tell(Order::Resume)?;
        ensure!(is_there(&first)?, "it is gone too early");
        supervisor.tell(Order::Kill)?;
        ensure!(!is_there(&first)?, "it is still there");
        ensure!(supervisor.process_id().is_none());
        supervisor.tell(Order::Kill)?;
        supervisor.tell(Order::Start)?;
        ensure!(number(&supervisor, 2).await? != first);
        Ok(())
    }

    #[tokio::test]
    async fn process_and_folder_go_with_the_supervisor() -> Result<()> {
        let supervisor = start()?;
        let number = number(&supervisor, 1).await?;
        let folder = supervisor.folder().to_owned();
        drop(supervisor);
        ensure!(!is_there(&number)?, "the process is still there");
        ensure!(!folder.exists(), "the folder is still there");
        Ok(())
    }
}
