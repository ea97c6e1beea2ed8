//! A service between a ClickHouse and a Redis that are its own, and where its faults show.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use clickhouse_test_kit::ClickHouse;
use domain::{Day, Patches};
use etl_clickhouse_adapter::{ClickHouseWarehouse, TableOptions, WarehouseOptions};
use health_kit::{Clock as _, SystemClock};
use http_test_kit::{
    client::Site,
    events::{event_data, read_events},
};
use redis_test_kit::Redis;
use serde_json::Value;
use tempfile::TempDir;
use test_kit::{
    ports::free_ports,
    service_process::{Finished, ServiceProcess, run_to_end},
    waiting::wait_until,
};
use warehouse_kit::{WarehousePlace, WarehouseSettings};

use crate::{DEADLINE, world::play};

const PROGRAM: &str = env!("CARGO_BIN_EXE_model-service");
const TOKEN: &str = "zQzApiToken";
/// Whoever opens the page learns of a fault within this.
const AT_ONCE: Duration = Duration::from_mins(1);
pub(super) const DAYS: i32 = 6;

/// The service between a ClickHouse and a Redis that are its own.
pub(super) struct Plant {
    pub(super) engine: ClickHouse,
    pub(super) database: String,
    pub(super) warehouse: ClickHouseWarehouse,
    pub(super) versions: AtomicU64,
    pub(super) first_day: i32,
    pub(super) patch: String,
    pub(super) redis: Redis,
    pub(super) folder: Arc<TempDir>,
    pub(super) port: String,
    pub(super) running: Option<(ServiceProcess, Site)>,
}

/// Where a fault shows, and in which words.
pub(super) struct Shown {
    /// The check of health, which the page shows.
    pub(super) health: (&'static str, &'static [&'static str]),
    /// The check of `doctor`.
    pub(super) doctor: (&'static str, &'static [&'static str]),
}

impl Plant {
    pub(super) async fn start() -> Result<Self> {
        let engine = ClickHouse::start().await?;
        let database = engine.create_database("faults").await?;
        let client = warehouse_kit::client(&WarehouseSettings {
            place: WarehousePlace::Server(engine.url().to_owned()),
            dir: "unused".into(),
            database: database.clone(),
            user: "default".to_owned(),
            password: None,
            ca_file: None,
        })?;
        let options = WarehouseOptions {
            tables: TableOptions {
                fsync: false,
                players_ttl: None,
            },
            ..WarehouseOptions::default()
        };
        let warehouse = ClickHouseWarehouse::new(client, options);
        warehouse.migrate().await?;
        let now = SystemClock.now();
        let patches = Patches::built_in();
        let mut plant = Self {
            engine,
            database,
            warehouse,
            versions: AtomicU64::new(1),
            first_day: Day::of(now).days_since_epoch() - DAYS,
            patch: patches.at(now).context("a patch is played")?.name.clone(),
            redis: Redis::start().await?,
            folder: Arc::new(TempDir::new()?),
            port: free_ports(1)?[0].to_string(),
            running: None,
        };
        plant.play(0..DAYS, |won| won).await?;
        let mut program = Command::new(PROGRAM);
        program.arg("run");
        let folder = Arc::clone(&plant.folder);
        let service = ServiceProcess::start(program, &plant.settings(), folder).await?;
        let site = Site::at(service.address().parse()?);
        plant.running = Some((service, site));
        Ok(plant)
    }

    pub(super) async fn play(
        &self,
        days: std::ops::Range<i32>,
        outcome: impl Fn(bool) -> bool,
    ) -> Result<()> {
        let version = self.versions.fetch_add(1, Ordering::Relaxed) << 16;
        play(&self.warehouse, version, self.first_day, days, outcome).await
    }

    pub(super) fn settings(&self) -> Vec<(&str, &str)> {
        vec![
            ("WAREHOUSE_URL", self.engine.url()),
            ("WAREHOUSE_DATABASE", &self.database),
            ("DATA_DIR", "models"),
            ("REDIS_URL", self.redis.url()),
            ("MODEL_SKILLS", "all,high"),
            ("MODEL_MODES", "default"),
            ("MODEL_RUN_ON_START", "never"),
            ("MODEL_RETRIES", "0"),
            // Long beside what a machine that is busy keeps anybody waiting.
            ("LEADER_TTL", "10s"),
            ("API_HOST", "127.0.0.1"),
            ("API_PORT", &self.port),
            ("API_TOKEN", TOKEN),
        ]
    }

    pub(super) async fn command(
        &self,
        arguments: &[&str],
        more: &[(&str, &str)],
    ) -> Result<Finished> {
        let settings = [&self.settings(), more].concat();
        run_to_end(PROGRAM, arguments, &settings, self.folder.path()).await
    }

    /// A run that ends so.
    pub(super) async fn runs(&self, code: i32) -> Result<()> {
        let run = self.command(&["run-once"], &[]).await?;
        ensure!(run.exit_code == Some(code), "{run:?}");
        Ok(())
    }

    /// Runs a statement behind the service's back; `$` is the database.
    pub(super) async fn sql(&self, statement: &str) -> Result<()> {
        let statement = statement.replace('$', &self.database);
        self.engine.execute(&statement).await.map(drop)
    }

    pub(super) fn site(&self) -> Result<&Site> {
        Ok(&self.running.as_ref().context("it runs")?.1)
    }

    pub(super) async fn checks(&self) -> Result<Vec<Value>> {
        let health = self.site()?.text("/api/v1/health").await;
        let mut health: Value = serde_json::from_str(&health)?;
        match health["checks"].take() {
            Value::Array(checks) if !checks.is_empty() => Ok(checks),
            _ => bail!("{health} has no checks"),
        }
    }

    /// What the page shows of a check.
    pub(super) async fn health(&self, name: &str) -> Result<(bool, String)> {
        let checks = self.checks().await?;
        let check = checks.iter().find(|check| check["name"] == name);
        let check = check.with_context(|| format!("{name} in {checks:?}"))?;
        let reason = check["reason"].as_str().context("a reason")?;
        Ok((check["status"] == "healthy", reason.to_owned()))
    }

    /// What the page shows of runs.
    pub(super) async fn runs_shown(&self) -> Result<Value> {
        let answer = self.site()?.get("/api/v1/runs/events").await;
        let events = read_events(answer, 1).await;
        let event = events.first().context("it is told at once")?;
        Ok(event_data("runs", event))
    }

    /// Whether a fault is named in every place.
    pub(super) async fn is_shown(&self, fault: &str, shown: &Shown) -> Result<()> {
        let (name, words) = shown.health;
        let named = wait_until(AT_ONCE, "health names it", async || {
            let found = self.health(name).await;
            found.is_ok_and(|(is_healthy, reason)| {
                !is_healthy && words.iter().all(|word| reason.contains(word))
            })
        });
        if let Err(error) = named.await {
            bail!(
                "{fault}: {error}: {words:?} of {:?}",
                self.health(name).await
            );
        }
        println!("{fault}\n  health: {}", self.health(name).await?.1);
        let (name, words) = shown.doctor;
        let text = self.command(&["doctor"], &[]).await?;
        let json = self.command(&["doctor", "--json"], &[]).await?;
        for finished in [&text, &json] {
            ensure!(finished.exit_code == Some(69), "{fault}: {finished:?}");
        }
        let line = text.stdout.lines().find(|line| {
            line.starts_with("FAILED") && line.split_whitespace().nth(1) == Some(name)
        });
        let line = line.with_context(|| format!("{fault}: {name} in {}", text.stdout))?;
        println!("  doctor: {line}");
        let report: Value = serde_json::from_str(&json.stdout)?;
        let checks = report["checks"].as_array().context("a list")?;
        let check = checks.iter().find(|check| check["name"] == name);
        let check = check.filter(|check| check["outcome"] == "failed");
        let detail = check.and_then(|check| check["detail"].as_str());
        let detail = detail.with_context(|| format!("{fault}: {report}"))?;
        for word in words {
            ensure!(
                line.contains(word) && detail.contains(word),
                "{fault}: {word}: {line}"
            );
        }
        Ok(())
    }

    /// Waits until nothing is wrong any more, and asks `doctor` too. How well what was
    /// held out is predicted is left to chance by so few matches.
    pub(super) async fn is_well(&self, after: &str) -> Result<()> {
        let well = wait_until(DEADLINE, "all is well again", async || {
            let checks = self.checks().await.unwrap_or_default();
            let mut checks = checks.iter().filter(|check| check["name"] != "holdout");
            checks.all(|check| check["status"] == "healthy")
        });
        if let Err(error) = well.await {
            bail!(
                "after {after}: {error}: {}",
                self.site()?.text("/api/v1/health").await
            );
        }
        let doctor = self.command(&["doctor"], &[]).await?;
        ensure!(doctor.exit_code == Some(0), "after {after}: {doctor:?}");
        Ok(())
    }

    pub(super) async fn published(&self) -> Result<Option<String>> {
        let key = format!("meta:patch_{}", self.patch);
        self.redis.ask(&["GET", &key]).await
    }
}
