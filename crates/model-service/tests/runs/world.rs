//! A filled warehouse, a part of a Redis, and the program between them.

use std::{
    ops::Range,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context as _, Result, ensure};
use domain::{CountingRules, Day, Patches};
use etl_application::{
    Answer,
    ports::{CounterStore, FactStore},
};
use etl_sqlite_adapter::SqliteWarehouse;
use health_kit::{Clock as _, SystemClock};
use model_test_support::PlayedMatch;
use redis_test_kit::{Redis, shared_redis};
use tempfile::TempDir;
use test_kit::service_process::ServiceProcess;

const MATCHES_A_DAY: i64 = 250;
/// So many accounts play, one in each match.
const ACCOUNTS: u64 = 12;
pub(crate) const FIRST_ACCOUNT: u32 = 1_000;
/// Few, so that little says much.
const HEROES: u64 = 23;

pub(crate) struct World {
    folder: Arc<TempDir>,
    redis: &'static Redis,
    prefix: String,
    /// The one that is played on all of these days.
    pub(crate) patch: String,
    first_day: i32,
    warehouse: SqliteWarehouse,
    versions: AtomicU64,
}

/// What a program has said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    /// Six days of matches.
    pub(crate) async fn new(name: &str) -> Result<Self> {
        let folder = Arc::new(tempfile::tempdir()?);
        let now = SystemClock.now();
        let patches = Patches::built_in();
        let patch = patches.at(now).context("a patch is played")?.name.clone();
        let redis = shared_redis().await?;
        let file: PathBuf = folder.path().join("warehouse/dota.db");
        let world = Self {
            prefix: redis.fresh_prefix(name).await?,
            redis,
            patch,
            first_day: Day::of(now).days_since_epoch() - 6,
            warehouse: SqliteWarehouse::open(&file, Arc::new(SystemClock)).await?,
            versions: AtomicU64::new(1),
            folder,
        };
        world.play(0..6, |won| won).await?;
        Ok(world)
    }

    /// Plays on these days; `outcome` decides who wins.
    pub(crate) async fn play(
        &self,
        days: Range<i32>,
        outcome: impl Fn(bool) -> bool,
    ) -> Result<()> {
        let version = self.versions.fetch_add(1, Ordering::Relaxed) << 16;
        play(&self.warehouse, version, self.first_day, days, outcome).await
    }

    pub(crate) fn command(&self, arguments: &[&str], more: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_model-service"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("WAREHOUSE_DIR", "warehouse")
            .env("DATA_DIR", "models")
            .env("REDIS_URL", self.redis.url())
            .env("REDIS_KEY_PREFIX", &self.prefix)
            .env("MODEL_SKILLS", "all,high")
            .env("MODEL_MODES", "default")
            .env("MODEL_RUN_ON_START", "always")
            .env("MODEL_RETRIES", "0")
            .env("LEADER_TTL", "1s")
            .env("API_PORT", "0")
            .envs(more.iter().copied());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Said> {
        self.run_with(arguments, &[])
    }

    pub(crate) fn run_with(&self, arguments: &[&str], more: &[(&str, &str)]) -> Result<Said> {
        let output = self.command(arguments, more).output()?;
        Ok(Said {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8(output.stderr)?,
        })
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Result<Child> {
        let mut command = self.command(arguments, &[]);
        Ok(command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?)
    }

    /// Has these accounts scored from now on.
    pub(crate) async fn track(&self, accounts: &[u32]) -> Result<()> {
        let key = format!("{}pas:accounts", self.prefix);
        for account in accounts {
            let add = ["SADD", &key, &account.to_string()];
            self.redis.ask::<u64>(&add).await?;
        }
        Ok(())
    }

    pub(crate) async fn remove(&self, key: &str) -> Result<()> {
        let key = format!("{}{key}", self.prefix);
        let removed: u64 = self.redis.ask(&["DEL", &key]).await?;
        ensure!(removed == 1, "{key} is not there");
        Ok(())
    }

    /// Starts the service, which begins no run by itself, and waits until it answers over HTTP.
    pub(crate) async fn serve_without_runs(&self) -> Result<ServiceProcess> {
        self.serve(&[]).await
    }

    /// The same with more settings.
    pub(crate) async fn serve(&self, more: &[(&str, &str)]) -> Result<ServiceProcess> {
        let settings = [("MODEL_RUN_ON_START", "never"), ("MODEL_SCHEDULE", "")];
        let settings = [&settings, more].concat();
        let command = self.command(&["run"], &settings);
        let settings: Vec<_> = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)))
            .collect();
        let mut program = Command::new(env!("CARGO_BIN_EXE_model-service"));
        program.arg("run");
        ServiceProcess::start(program, &settings, Arc::clone(&self.folder)).await
    }

    pub(crate) async fn key(&self, key: &str) -> Result<Option<String>> {
        let key = format!("{}{key}", self.prefix);
        self.redis.ask(&["GET", &key]).await
    }

    /// The run that readers see.
    pub(crate) async fn published(&self) -> Result<Option<String>> {
        let overview = self.key(&format!("meta:patch_{}", self.patch)).await?;
        overview.as_deref().map(run_of).transpose()
    }

    /// Whether all that readers see is of one run.
    pub(crate) async fn is_of_one_run(&self) -> Result<()> {
        let patch = &self.patch;
        let heroes = (1..=HEROES).flat_map(|hero| {
            ["counters", "synergy"]
                .map(|kind| format!("{}{kind}:patch_{patch}:skill_high:hero_{hero}", self.prefix))
        });
        let overview = format!("{}meta:patch_{patch}", self.prefix);
        let keys: Vec<_> = heroes.chain([overview]).collect();
        let mut question = vec!["MGET"];
        question.extend(keys.iter().map(String::as_str));
        let documents: Vec<Option<String>> = self.redis.ask(&question).await?;
        let mut runs = Vec::new();
        for (key, document) in keys.iter().zip(documents) {
            runs.push(run_of(
                &document.with_context(|| format!("{key} is missing"))?,
            )?);
        }
        runs.dedup();
        ensure!(runs.len() == 1, "mixed: {runs:?}");
        Ok(())
    }
}

/// Plays on these days of those that begin so many days after 1970, and counts them.
pub(crate) async fn play(
    warehouse: &(impl FactStore + CounterStore),
    version: u64,
    first_day: i32,
    days: Range<i32>,
    outcome: impl Fn(bool) -> bool,
) -> Result<()> {
    for number in days {
        let day = Day::from_days_since_epoch(first_day + number);
        let matches = matches_on(day, i64::from(number), &outcome);
        let answers = matches.iter().map(|played| Answer {
            summary: played.summary(),
            source: "test".into(),
            version,
        });
        let answers: Vec<_> = answers.collect();
        let dirty = warehouse.store(&answers).await?;
        warehouse.mark_dirty(&dirty).await?;
        let (rules, patches) = (CountingRules::default(), Patches::built_in());
        warehouse.build_day(day, &rules, &patches).await?;
    }
    Ok(())
}

fn run_of(document: &str) -> Result<String> {
    let document: serde_json::Value = serde_json::from_str(document)?;
    let run = document["run"].as_str().context("it names its run")?;
    Ok(run.to_owned())
}

/// Where the higher ids together win, mostly.
fn matches_on(day: Day, number: i64, outcome: &impl Fn(bool) -> bool) -> Vec<PlayedMatch> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ number.unsigned_abs();
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    };
    let ids = 1..=MATCHES_A_DAY;
    ids.map(|place| {
        let mut heroes = [0_u16; 10];
        for slot in 0..10 {
            heroes[slot] = loop {
                let hero = u16::try_from(1 + random(HEROES)).expect("few");
                if !heroes[..slot].contains(&hero) {
                    break hero;
                }
            };
        }
        let mut accounts = [None; 10];
        let account = u32::try_from(random(ACCOUNTS)).expect("few");
        accounts[0] = Some(FIRST_ACCOUNT + account);
        let sum = |side: &[u16]| side.iter().map(|&hero| u64::from(hero)).sum::<u64>();
        let won = (sum(&heroes[..5]) >= sum(&heroes[5..])) != (random(4) == 0);
        PlayedMatch {
            heroes,
            accounts,
            radiant_win: outcome(won),
            rank_tier: (random(2) == 0).then_some(72),
            ..PlayedMatch::on(day, number * 100_000 + place)
        }
    })
    .collect()
}
