//! Keeps the service running, and hurts it.
//!
//! There are two folders with a journal each. Where the service is left for a
//! second instance in the other folder, what is pending in the first one waits
//! until a later start there.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use test_kit::waiting::wait_until;
use tokio::time::sleep;

use crate::{
    disk::Disk,
    instance::{judge_end, launch, report_complaints, tail},
    monitor::Http,
    process::{Process, describe},
    schedule::{Planned, ServiceFault},
    world::World,
};

/// The HTTP interface answers, or a start is refused, within this time.
const START_MAX: Duration = Duration::from_secs(20);
/// `SHUTDOWN_TIMEOUT`, and what a busy machine adds to it.
const END_MAX: Duration = Duration::from_secs(40);
/// A fenced instance cannot know it while Kafka is away.
const FENCED_MAX: Duration = Duration::from_mins(2);
/// All faults of the other lanes are over within this time, for a moment.
const HEALTHY_MAX: Duration = Duration::from_mins(3);
/// From a healed disk to a journal that works.
const JOURNAL_HEALS_MAX: Duration = Duration::from_secs(20);
/// What was frozen or without a disk catches up within this time; a kill before it proves nothing.
const CALM: Duration = Duration::from_secs(2);
/// Where the service ends by itself this often, there is nothing more to learn.
const UNINVITED_ENDS_MAX: u32 = 5;
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);

const SMALL_JOURNAL: (&str, &str) = ("JOURNAL_SIZE_MAX", "1MiB");
/// A fenced instance says so.
const FENCED_WORDS: &str = "another instance has taken over";
/// A refused journal is named with its setting.
const JOURNAL_WORDS: &str = "JOURNAL_DIR";
const EXIT_OK: i32 = 0;
const EXIT_INTERNAL: i32 = 70;
const EXIT_CONFIG: i32 = 78;

/// The service and its journals.
pub(crate) struct Keeper {
    world: Arc<World>,
    http: Http,
    process: Process,
    numbers: u32,
    uninvited_ends: u32,
    folders: [PathBuf; 2],
    /// The folder of the running process.
    here: usize,
    /// Whether the other folder's journal may hold something.
    is_other_left: bool,
    /// Faults that this machine cannot make.
    pub(crate) skipped: Vec<ServiceFault>,
    disk: Disk,
}

impl Keeper {
    /// Starts the service.
    pub(crate) fn start(world: Arc<World>) -> Result<Self> {
        let disk = Disk::new()?;
        let folders = [disk.folder("first")?, disk.folder("second")?];
        let mut numbers = 0;
        let process = launch(&world, &mut numbers, &folders[0], &[])?;
        Ok(Self {
            http: Http::new()?,
            process,
            numbers,
            uninvited_ends: 0,
            folders,
            here: 0,
            is_other_left: false,
            skipped: Vec::new(),
            disk,
            world,
        })
    }

    /// Hurts the service, fault by fault.
    pub(crate) async fn hurt(
        &mut self,
        zero_ms: u64,
        faults: Vec<Planned<ServiceFault>>,
    ) -> Result<()> {
        for Planned { at, fault } in faults {
            self.keep_until(zero_ms, at).await?;
            if self.can_make(fault) {
                self.apply(fault).await?;
            } else {
                self.skipped.push(fault);
            }
        }
        Ok(())
    }

    /// Waits, and starts the service again if it ends uninvited.
    pub(crate) async fn keep_until(&mut self, zero_ms: u64, at: Duration) -> Result<()> {
        loop {
            if let Some(status) = self.process.try_end()? {
                let tail = tail(&self.process.output()?);
                let number = self.process.number;
                let ended = describe(status);
                self.world
                    .finding(format!("process {number} ended uninvited, {ended}: {tail}"));
                self.uninvited_ends += 1;
                ensure!(
                    self.uninvited_ends <= UNINVITED_ENDS_MAX,
                    "the service does not stay alive"
                );
                self.launch(&[])?;
            }
            if Duration::from_millis(self.world.now_ms() - zero_ms) >= at {
                return Ok(());
            }
            sleep(ASK_AGAIN_AFTER).await;
        }
    }

    fn can_make(&self, fault: ServiceFault) -> bool {
        match fault {
            ServiceFault::DiskFull(_) | ServiceFault::DiskReadOnly => self.disk.can_fail(),
            _ => true,
        }
    }

    async fn apply(&mut self, fault: ServiceFault) -> Result<()> {
        if !self.world.options.expected.journal {
            // What is pending lives in memory only, for which an outage may be too long.
            self.until_health_is("healthy", HEALTHY_MAX).await?;
        }
        let needs_a_first = matches!(
            fault,
            ServiceFault::SecondInSameFolder | ServiceFault::Fence
        );
        if needs_a_first && self.until_it_publishes(HEALTHY_MAX).await.is_err() {
            // Of two instances that begin at the same time either may be the first.
            return Ok(());
        }
        let world = Arc::clone(&self.world);
        let incident = world.begun(fault);
        match fault {
            ServiceFault::Kill => {
                self.kill()?;
                self.launch(&[])?;
            }
            ServiceFault::Terminate => {
                self.terminate().await?;
                self.change_folder_if_left();
                self.launch(&[])?;
            }
            ServiceFault::Freeze(hold) => {
                self.process.signal("STOP")?;
                sleep(hold).await;
                self.process.signal("CONT")?;
                world.healed(incident);
                sleep(CALM).await;
                return Ok(());
            }
            ServiceFault::SecondInSameFolder => self.start_second_here().await?,
            ServiceFault::Fence => self.be_fenced().await?,
            ServiceFault::DiskFull(hold) => {
                self.disk.fill()?;
                sleep(hold).await;
                self.disk.empty()?;
                world.healed(incident);
                return self.until_journal_is_well().await;
            }
            ServiceFault::DiskReadOnly => {
                self.terminate().await?;
                self.disk.set_read_only(true)?;
                self.start_in_vain().await?;
                self.disk.set_read_only(false)?;
                self.launch(&[])?;
            }
            ServiceFault::SmallJournal => {
                self.terminate().await?;
                self.launch(&[SMALL_JOURNAL])?;
            }
        }
        world.healed(incident);
        Ok(())
    }

    pub(crate) fn launch(&mut self, further: &[(&str, &str)]) -> Result<()> {
        let folder = &self.folders[self.here];
        self.process = launch(&self.world, &mut self.numbers, folder, further)?;
        Ok(())
    }

    /// `kill -9`.
    fn kill(&mut self) -> Result<()> {
        self.world.killed(self.process.number);
        self.process.kill()?;
        report_complaints(&self.world, &self.process, false)
    }

    /// SIGTERM, and exit code 0 in time.
    async fn terminate(&mut self) -> Result<()> {
        self.process.signal("TERM")?;
        judge_end(&self.world, &mut self.process, EXIT_OK, END_MAX, None).await
    }

    /// Whether the journal in the other folder may hold something.
    pub(crate) fn is_other_left(&self) -> bool {
        self.is_other_left
    }

    /// Takes the other folder for the next start, if its journal may hold something.
    pub(crate) fn change_folder_if_left(&mut self) {
        if self.is_other_left {
            self.here = 1 - self.here;
        }
    }

    /// Ends the process, which delivers all it has before.
    pub(crate) async fn end_with_nothing_pending(&mut self) -> Result<()> {
        self.terminate().await?;
        let pending = self.process.last_figure("ledger.pending")?;
        if pending != Some(0) {
            let number = self.process.number;
            self.world.finding(format!(
                "process {number} ended with {pending:?} pending, and Kafka was there"
            ));
        }
        Ok(())
    }

    /// Waits until all that was received is settled.
    pub(crate) async fn until_nothing_is_pending(&self, deadline: Duration) -> Result<()> {
        let settled = async || match self.address() {
            Some(address) => {
                let ledger = self.http.ledger(&address).await;
                ledger.is_ok_and(|ledger| ledger.pending == 0)
            }
            None => false,
        };
        wait_until(deadline, "nothing is pending", settled).await
    }

    /// Waits until the undisturbed service delivers.
    pub(crate) async fn until_it_delivers(&self) -> Result<()> {
        self.until_health_is("healthy", HEALTHY_MAX).await?;
        self.until_it_publishes(START_MAX).await
    }

    /// Waits until the running process has published something.
    async fn until_it_publishes(&self, deadline: Duration) -> Result<()> {
        let publishes = async || match self.address() {
            Some(address) => {
                let ledger = self.http.ledger(&address).await;
                ledger.is_ok_and(|ledger| ledger.published > 0)
            }
            None => false,
        };
        wait_until(deadline, "the first match is published", publishes).await
    }

    /// Waits until health answers with this status.
    pub(crate) async fn until_health_is(&self, status: &str, deadline: Duration) -> Result<()> {
        let mut health = Value::Null;
        let is_so = async || {
            health = self.health().await.unwrap_or_default();
            health["status"] == status
        };
        let reached = wait_until(deadline, &format!("health is {status}"), is_so).await;
        reached.with_context(|| format!("health: {health}"))
    }

    async fn health(&self) -> Result<Value> {
        let address = self.address().context("the service has no address yet")?;
        self.http.health(&address).await
    }

    fn address(&self) -> Option<String> {
        self.world
            .current
            .borrow()
            .as_ref()
            .map(|it| it.address.clone())
    }

    /// A second instance with the same journal is refused, and the first goes on.
    async fn start_second_here(&mut self) -> Result<()> {
        self.start_in_vain().await?;
        if let Some(status) = self.process.try_end()? {
            let ended = describe(status);
            self.world
                .finding(format!("a second instance ended the first: {ended}"));
        }
        Ok(())
    }

    /// A start on a journal that cannot be used.
    async fn start_in_vain(&mut self) -> Result<()> {
        self.numbers += 1;
        let folder = &self.folders[self.here];
        let mut second = Process::spawn(&self.world, self.numbers, folder, &[])?;
        judge_end(
            &self.world,
            &mut second,
            EXIT_CONFIG,
            START_MAX,
            Some(JOURNAL_WORDS),
        )
        .await
    }

    /// A second instance with the other journal takes over from a first one
    /// that is suspended, and goes on with what it has read by then.
    ///
    /// Where brokers fail in the same moment, the second may have written
    /// nothing yet when the first goes on, and opens its producer anew. Then the
    /// second is shut out; one of them goes on all the same.
    async fn be_fenced(&mut self) -> Result<()> {
        let first_address = self.address().context("the first has published")?;
        self.here = 1 - self.here;
        self.is_other_left = true;
        self.process.signal("STOP")?;
        let folder = &self.folders[self.here];
        let second = launch(&self.world, &mut self.numbers, folder, &[])?;
        let mut first = std::mem::replace(&mut self.process, second);
        // Brokers may be away, so that it takes until after the first goes on.
        let _ = self.until_it_publishes(HEALTHY_MAX).await;
        first.signal("CONT")?;
        // That nobody ends is for the judgement of the first.
        let _ = wait_until(FENCED_MAX, "one of two instances ends", async || {
            let has_ended = |process: &mut Process| process.try_end().ok().flatten().is_some();
            has_ended(&mut first) || has_ended(&mut self.process)
        })
        .await;
        let words = Some(FENCED_WORDS);
        if first.try_end()?.is_some() {
            return judge_end(&self.world, &mut first, EXIT_INTERNAL, END_MAX, words).await;
        }
        if self.process.try_end()?.is_some() {
            let second = &mut self.process;
            judge_end(&self.world, second, EXIT_INTERNAL, END_MAX, words).await?;
            first.signal("TERM")?;
            judge_end(&self.world, &mut first, EXIT_OK, END_MAX, None).await?;
            return self.launch(&[]);
        }
        // The feed may have been silent. One that has nothing to write is not told.
        let pending = self.http.ledger(&first_address).await?.pending;
        if pending > 0 {
            self.world.finding(format!(
                "two instances live, the first has {pending} pending"
            ));
        }
        first.signal("TERM")?;
        judge_end(&self.world, &mut first, EXIT_OK, END_MAX, None).await
    }

    /// The journal works again, and has had time to write what was not yet written.
    async fn until_journal_is_well(&mut self) -> Result<()> {
        let is_well = async || {
            let health = self.health().await.unwrap_or_default();
            let checks = health["checks"].as_array().cloned().unwrap_or_default();
            let is_ill = |check: &Value| check["name"] == "journal" && check["status"] != "healthy";
            !checks.is_empty() && !checks.iter().any(is_ill)
        };
        if let Err(error) = wait_until(JOURNAL_HEALS_MAX, "the journal is healthy", is_well).await {
            self.world.finding(format!("{error:#}"));
        }
        sleep(CALM).await;
        Ok(())
    }
}
