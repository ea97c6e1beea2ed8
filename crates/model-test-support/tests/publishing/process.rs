//! A publisher in a process of its own.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use model_test_support::Bug;
use redis_test_kit::Redis;
use test_kit::{
    supervisor::{Order, Supervisor},
    waiting::wait_for,
};

/// Long beside a publication. Tests let time pass for the key of a leader that is gone, and wait for
/// this only where it was killed while it took the lock.
pub(crate) const LOCK_LIFE: Duration = Duration::from_secs(10);
const LEADER_KEY: &str = "models:leader";
const DEADLINE: Duration = Duration::from_mins(1);
const SCRIPT: &str = r#"
program=$2 redis=$3 lock=$4 deadline=$5 bug=$6 gate=$7
launch() {
    exec "$program" --redis "$redis" --lock-ms "$lock" --deadline-ms "$deadline" \
        ${bug:+--bug "$bug"} ${gate:+--gate "$folder/gate"}
}
"#;

/// A publisher that can be killed and paused; it goes with the test.
pub(crate) struct PublisherProcess {
    supervisor: Supervisor,
    has_gate: bool,
}

impl PublisherProcess {
    /// One that publishes as fast as it can, once it is started.
    pub(crate) fn new(redis: &Redis, bug: Option<Bug>) -> Result<Self> {
        Self::with_gate(redis, bug, false)
    }

    /// One that waits before each switch, until its gate is opened.
    pub(crate) fn gated(redis: &Redis, bug: Option<Bug>) -> Result<Self> {
        Self::with_gate(redis, bug, true)
    }

    fn with_gate(redis: &Redis, bug: Option<Bug>, has_gate: bool) -> Result<Self> {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_numbered-publisher"));
        let lock_ms = LOCK_LIFE.as_millis().to_string();
        let deadline_ms = DEADLINE.as_millis().to_string();
        let bug = match bug {
            Some(Bug::EpochNotCompared) => "epoch-not-compared",
            Some(Bug::RenamesApart) => "renames-apart",
            Some(Bug::StagingWithoutEnd) => "staging-without-end",
            None => "",
        };
        let gate = if has_gate { "gate" } else { "" };
        let folder = tempfile::Builder::new().prefix("publisher-").tempdir()?;
        let arguments = [
            program.as_os_str(),
            redis.url().as_ref(),
            lock_ms.as_ref(),
            deadline_ms.as_ref(),
            bug.as_ref(),
            gate.as_ref(),
        ];
        Ok(Self {
            supervisor: Supervisor::new(folder.keep(), SCRIPT, &arguments)?,
            has_gate,
        })
    }

    pub(crate) fn start(&self) -> Result<()> {
        self.supervisor.tell(Order::Start)
    }

    /// With SIGKILL; its lock stays behind.
    pub(crate) fn kill(&self) -> Result<()> {
        self.supervisor.tell(Order::Kill)
    }

    /// With SIGSTOP.
    pub(crate) fn pause(&self) -> Result<()> {
        self.supervisor.tell(Order::Pause)
    }

    /// With SIGCONT.
    pub(crate) fn resume(&self) -> Result<()> {
        self.supervisor.tell(Order::Resume)
    }

    /// Lets it switch.
    pub(crate) fn open_gate(&self) -> Result<()> {
        assert!(self.has_gate, "it waits for nobody");
        Ok(fs::write(self.supervisor.folder().join("gate"), "")?)
    }

    /// Waits until it has said one of these lines, or the beginning of one; the newest.
    pub(crate) async fn wait_until_it_says(&self, beginnings: &[&str]) -> Result<String> {
        let said = async || {
            let log = self.supervisor.log_tail();
            let is_it = |line: &&str| beginnings.iter().any(|it| line.starts_with(it));
            log.lines().rev().find(is_it).map(str::to_owned)
        };
        let said = wait_for(DEADLINE, "the publisher says so", said).await;
        said.with_context(|| self.supervisor.log_tail())
    }
}

/// Lets the lock of a leader end that cannot renew it.
pub(crate) async fn let_lock_end(redis: &Redis) -> Result<()> {
    redis.let_time_pass(LEADER_KEY, LOCK_LIFE).await
}
