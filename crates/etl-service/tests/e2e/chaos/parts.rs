//! The parts that are hurt, and how each of them comes back.

use std::{
    collections::BTreeSet,
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use clickhouse_test_kit::{Asked, ClickHouse, Liar, Lie};
use domain::MatchId;
use etl_test_support::reference::Reference;
use feed_simulator::World;
use kafka_test_kit::{KafkaCluster, unique_topic};
use serde_json::Value;
use tempfile::TempDir;
use test_kit::{
    service_process::{Finished, run_to_end},
    waiting::{wait_for, wait_until},
};
use tokio::time::sleep;

use super::{group::Group, options::Options};
use crate::support::{DEADLINE, PROGRAM, Service, Topics};

/// A match that the warehouse refuses, by its place among those of the world.
const REFUSED: i64 = 0;
/// What ClickHouse says of a row that it cannot parse.
const CANNOT_PARSE: u32 = 27;
/// More answers than are ever held at a time.
const HELD_MAX: usize = 1000;

pub(super) struct Parts {
    // Before the brokers: whoever looks at a group takes leave of brokers that run.
    pub(super) group: Group,
    pub(super) cluster: KafkaCluster,
    pub(super) engine: ClickHouse,
    pub(super) liar: Arc<Liar>,
    pub(super) database: String,
    pub(super) topics: Topics,
    pub(super) refused: BTreeSet<MatchId>,
    instances: [Option<Service>; 2],
    folders: [Arc<TempDir>; 2],
    logs: PathBuf,
}

impl Parts {
    pub(super) async fn start(options: &Options) -> Result<Self> {
        let cluster = KafkaCluster::start_one_to_kill();
        let (cluster, engine) = tokio::try_join!(cluster, ClickHouse::start())?;
        let topics = Topics::create_on(&cluster).await?;
        let liar = Liar::start(engine.url()).await?;
        let mut refused = BTreeSet::new();
        if options.lies > 0 {
            let world = World::new(1);
            let id = world.first_id_at(world.begin()).get() + REFUSED;
            liar.lie_always(
                Asked::Inserts,
                Lie::RefuseRecord(id.to_le_bytes().into(), CANNOT_PARSE),
            );
            refused.insert(MatchId::try_new(id)?);
        }
        let mut parts = Self {
            group: Group::of(&topics)?,
            cluster,
            engine,
            liar: Arc::new(liar),
            database: unique_topic("dota").replace(['-', '.'], "_"),
            topics,
            refused,
            instances: [None, None],
            folders: [Arc::new(TempDir::new()?), Arc::new(TempDir::new()?)],
            logs: options.folder().to_owned(),
        };
        let migrated = parts.command("migrate").await?;
        ensure!(migrated.exit_code == Some(0), "{migrated:?}");
        parts.start_both().await?;
        Ok(parts)
    }

    /// Runs a command on the warehouse itself, past everybody who lies.
    pub(super) async fn command(&self, name: &str) -> Result<Finished> {
        let warehouse = [
            ("WAREHOUSE_URL", self.engine.url()),
            ("WAREHOUSE_DATABASE", self.database.as_str()),
        ];
        run_to_end(PROGRAM, &[name], &warehouse, self.folders[0].path()).await
    }

    async fn start_service(&mut self, instance: usize) -> Result<()> {
        let settings = [
            ("WAREHOUSE_URL", self.liar.url()),
            ("WAREHOUSE_DATABASE", self.database.as_str()),
            // Small batches, so that there are many moments to be killed at.
            ("WAREHOUSE_BATCH_ROWS", "2000"),
            ("WAREHOUSE_BATCH_WAIT", "100ms"),
            ("WAREHOUSE_INSERT_TIMEOUT", "3s"),
            ("SHUTDOWN_TIMEOUT", "10s"),
            // A member that is killed is missed as soon as these brokers allow.
            (
                "KAFKA_PROPERTIES",
                "session.timeout.ms=1500,heartbeat.interval.ms=300",
            ),
        ];
        let folder = &self.folders[instance];
        let service = Service::start(&self.topics, folder, &settings).await?;
        self.instances[instance] = Some(service);
        Ok(())
    }

    pub(super) async fn start_both(&mut self) -> Result<()> {
        self.start_service(0).await?;
        self.start_service(1).await
    }

    fn running(&mut self, instance: usize) -> Result<Service> {
        let running = self.instances[instance].take();
        let mut service = running.context("both instances run")?;
        if service.process.has_ended() {
            keep_log(&self.logs, instance, &service)?;
            anyhow::bail!("instance {instance} has ended by itself");
        }
        Ok(service)
    }

    /// Kills an instance, and starts it again after a while.
    pub(super) async fn kill_service(&mut self, instance: usize, down: Duration) -> Result<()> {
        let mut service = self.running(instance)?;
        service.process.signal("KILL")?;
        // A signal has ended it, so there is no code.
        let _ = service.process.exit_code().await;
        keep_log(&self.logs, instance, &service)?;
        sleep(down).await;
        self.start_service(instance).await
    }

    /// Asks both to end, which they do with exit code 0 whatever is hurt.
    pub(super) async fn stop_both(&mut self) -> Result<()> {
        let mut stopping = [self.running(0)?, self.running(1)?];
        for service in &stopping {
            service.process.signal("TERM")?;
        }
        for (instance, service) in stopping.iter_mut().enumerate() {
            let ended = service.process.ended().await;
            keep_log(&self.logs, instance, service)?;
            let (code, last) = ended.with_context(|| format!("instance {instance} ends"))?;
            ensure!(code == 0, "instance {instance} ends with {code}: {last}");
        }
        Ok(())
    }

    /// Waits until the group has committed more than it had, or all there is.
    pub(super) async fn wait_for_progress(&self, committed: Option<i64>) -> Result<()> {
        let before = match committed {
            Some(committed) => committed,
            None => self.committed().await?,
        };
        wait_until(DEADLINE, "the group gets on", async || {
            let committed = self.group.committed();
            committed.is_some_and(|committed| committed > before) || self.group.lag() == Some(0)
        })
        .await
    }

    async fn committed(&self) -> Result<i64> {
        let told = "brokers tell the positions of the group";
        wait_for(DEADLINE, told, async || self.group.committed()).await
    }

    pub(super) async fn wait_until_read(&self) -> Result<()> {
        wait_until(DEADLINE, "everything is read and committed", async || {
            self.group.lag() == Some(0)
        })
        .await
        .with_context(|| format!("a lag of {:?}", self.group.lag()))
    }

    /// Waits until no day is behind its facts.
    pub(super) async fn wait_until_built(&self, reference: &Reference) -> Result<()> {
        let bounds = reference.days.first().zip(reference.days.last());
        let (from, to) = bounds.context("something was written")?;
        let path = format!("/api/v1/days?from={from}&to={to}");
        let service = self.instances[0].as_ref().context("it runs")?;
        let is_clean = |day: &Value| day["dirty_since"].is_null() && !day["built_at"].is_null();
        let built = wait_until(DEADLINE, "every day is built", async || {
            let answer = service.json(&path).await;
            answer.is_ok_and(|answer| {
                let days = answer["days"].as_array();
                days.is_some_and(|days| !days.is_empty() && days.iter().all(is_clean))
            })
        });
        match built.await {
            Ok(()) => Ok(()),
            Err(error) => Err(error.context(service.text(&path).await)),
        }
    }

    /// Lets go whatever answer is held.
    pub(super) fn let_all_go(&self) {
        for _ in 0..HELD_MAX {
            self.liar.let_go();
        }
    }
}

impl Drop for Parts {
    /// Whatever has ended the run: what those that run have written is kept.
    fn drop(&mut self) {
        for (instance, service) in self.instances.iter().enumerate() {
            if let Some(service) = service
                && let Err(error) = keep_log(&self.logs, instance, service)
            {
                eprintln!("the log of instance {instance} cannot be kept: {error}");
            }
        }
    }
}

/// Keeps what an instance has written, behind what earlier ones of its place have.
fn keep_log(folder: &Path, instance: usize, service: &Service) -> Result<()> {
    let path = folder.join(format!("instance-{instance}.log"));
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    for line in service
        .process
        .log()
        .iter()
        .chain(&service.process.errors())
    {
        writeln!(file, "{line}")?;
    }
    writeln!(file, "---")?;
    Ok(())
}
