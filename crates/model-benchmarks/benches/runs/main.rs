//! Runs over ten million matches, beside the least that their parts could cost.
//!
//! The service is the release build of the same folder. What it uses is what the
//! operating system accounts for it.

mod baselines;
mod measured;
mod service;
mod warehouses;
mod world;

use std::{path::PathBuf, process::Command, sync::Arc, time::Duration};

use anyhow::Result;
use clap::Parser;
use domain::Day;
use health_kit::{Clock as _, SystemClock};
use redis_test_kit::Redis;
use tempfile::TempDir;
use test_kit::usage::binaries_folder;

use crate::{
    baselines::Took,
    measured::{Measured, run},
    service::{measure, percentile},
    warehouses::{Embedded, OnServer},
    world::Season,
};

/// What the deployment sets, so that what a run has needed goes back to the system.
const GIVE_BACK: [(&str, &str); 4] = [
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_THRESHOLD_", "4096"),
    ("MALLOC_TRIM_THRESHOLD_", "8192"),
    ("MALLOC_TOP_PAD_", "4096"),
];

#[derive(Debug, Parser)]
struct Arguments {
    /// How many matches there are; one in twenty is left out by the rules
    #[arg(long, default_value_t = 10_500_000)]
    matches: u32,
    /// Runs over each warehouse
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Not over a ClickHouse server
    #[arg(long)]
    no_server: bool,
    /// Not over the embedded warehouse
    #[arg(long)]
    no_embedded: bool,
    /// Where the embedded warehouse is kept, to be used again on the same day
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Wait so many seconds at the end, for whoever wants to look at the servers
    #[arg(long, default_value_t = 0)]
    hold: u64,
    /// Said by cargo to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let season = Season::try_new(arguments.matches, Day::of(SystemClock.now()))?;
    let bench = Bench {
        redis: Redis::start().await?,
        folder: TempDir::new()?,
        rounds: arguments.rounds,
    };
    std::fs::write(
        bench.folder.path().join("patches.json"),
        season.patches_json(),
    )?;
    let mut on_server = None;
    if !arguments.no_server {
        let filled = OnServer::fill(&season).await?;
        bench.over_server(&filled).await?;
        println!("  with the allocator as it is:");
        bench.at_rest(&filled.variables(), &[]).await?;
        println!("  as the deployment sets it:");
        bench.at_rest(&filled.variables(), &GIVE_BACK).await?;
        on_server = Some(filled);
    }
    if !arguments.no_embedded {
        let folder = arguments.keep.as_deref();
        let folder = folder.unwrap_or_else(|| bench.folder.path());
        let filled = Embedded::fill(&season, folder).await?;
        bench.over_embedded(&filled).await?;
    }
    if arguments.hold > 0 {
        println!("redis: {}", bench.redis.url());
        let variables = on_server.iter().flat_map(OnServer::variables);
        for (name, value) in variables {
            println!("{name}={value}");
        }
        println!("folder: {}", bench.folder.path().display());
        tokio::time::sleep(Duration::from_secs(arguments.hold)).await;
    }
    Ok(())
}

struct Bench {
    redis: Redis,
    folder: TempDir,
    rounds: usize,
}

impl Bench {
    async fn over_server(&self, warehouse: &OnServer) -> Result<()> {
        println!("over a ClickHouse server:");
        tell("plain sums", baselines::sums_on_server(warehouse).await?);
        tell(
            "plain drafts",
            baselines::drafts_on_server(warehouse).await?,
        );
        for round in 1..=self.rounds {
            let before = warehouse.usage()?.cpu_seconds;
            let prefix = format!("server{round}:");
            let measured = run(self.run_once(&prefix, &warehouse.variables())?)?;
            tell_run(&measured);
            let engine = warehouse.usage()?.cpu_seconds - before;
            println!("  the server used {engine:.2} processor seconds");
            let again = baselines::set_the_same(&self.redis, &prefix).await?;
            tell("the same values set again", again);
            self.forget().await?;
        }
        Ok(())
    }

    async fn over_embedded(&self, warehouse: &Embedded) -> Result<()> {
        println!("over the embedded warehouse:");
        tell("plain sums", baselines::sums_embedded(warehouse).await?);
        tell("plain drafts", baselines::drafts_embedded(warehouse).await?);
        for round in 1..=self.rounds {
            let prefix = format!("embedded{round}:");
            let measured = run(self.run_once(&prefix, &warehouse.variables())?)?;
            tell_run(&measured);
            let again = baselines::set_the_same(&self.redis, &prefix).await?;
            tell("the same values set again", again);
            self.forget().await?;
        }
        Ok(())
    }

    /// The service, which runs once at its start and then answers.
    async fn at_rest(
        &self,
        variables: &[(&'static str, String)],
        allocator: &[(&str, &str)],
    ) -> Result<()> {
        let command = self.command(&["run"], "rest:", variables)?;
        let settings: Vec<_> = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)))
            .chain([("MODEL_RUN_ON_START", "always"), ("MODEL_SCHEDULE", "")])
            .chain([("API_HOST", "127.0.0.1"), ("API_PORT", "0")])
            .chain(allocator.iter().copied())
            .collect();
        let mut program = Command::new(command.get_program());
        program.args(command.get_args());
        let folder = Arc::new(TempDir::new()?);
        std::fs::copy(
            self.folder.path().join("patches.json"),
            folder.path().join("patches.json"),
        )?;
        let service = measure(program, &settings, folder).await?;
        println!(
            "  the service after a run: {:.1} MiB resident (goal 20), {:.1} at most; {:?}",
            service.idle_mib, service.most_mib, service.parts_kib
        );
        let (suggestions, pings) = (&service.suggestions_ms, &service.pings_ms);
        println!(
            "  a suggestion over HTTP: {:.3} ms, 99 of 100 within {:.3} ms (goal 1); /livez: {:.3} ms, {:.3} ms",
            percentile(suggestions, 50)?,
            percentile(suggestions, 99)?,
            percentile(pings, 50)?,
            percentile(pings, 99)?
        );
        self.forget().await
    }

    /// The first run of an installation.
    fn run_once(&self, prefix: &str, variables: &[(&'static str, String)]) -> Result<Command> {
        self.command(&["run-once", "--progress", "json"], prefix, variables)
    }

    fn command(
        &self,
        arguments: &[&str],
        prefix: &str,
        variables: &[(&'static str, String)],
    ) -> Result<Command> {
        let mut command = Command::new(binaries_folder()?.join("model-service"));
        let data = TempDir::new_in(self.folder.path())?.keep();
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("DATA_DIR", data)
            .env("PATCHES_FILE", "patches.json")
            .env("REDIS_URL", self.redis.url())
            .env("REDIS_KEY_PREFIX", prefix)
            .env(
                "MODEL_SKILLS",
                "all,low,medium,high,herald_guardian,divine_immortal",
            )
            .env("MODEL_MODES", "default,turbo")
            .envs(variables.iter().map(|(name, value)| (*name, value)));
        Ok(command)
    }

    async fn forget(&self) -> Result<()> {
        self.redis.ask::<()>(&["FLUSHALL"]).await
    }
}

fn tell(what: &str, took: Took) {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let mib = took.bytes as f64 / 1024.0 / 1024.0;
    println!(
        "  {what}: {:.2} s, {:.2} processor seconds; {} of them, {mib:.1} MiB",
        took.wall_seconds, took.cpu_seconds, took.count
    );
}

fn tell_run(measured: &Measured) {
    println!(
        "  a run: {:.2} s (goal 10), {:.2} processor seconds (goal 3), {:.1} MiB resident at most (goal 100)",
        measured.wall_seconds, measured.cpu_seconds, measured.resident_mib_max
    );
    let steps = measured.steps.iter();
    let steps = steps.map(|(step, ms)| format!("{step} {ms}"));
    println!("    ms: {}", steps.collect::<Vec<_>>().join(", "));
}
