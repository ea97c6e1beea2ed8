//! What a match costs: the service beside the least that writes the same records.
//!
//! Both take the same number of frames from the simulated feed, as fast as
//! they come, into the same real Kafka, in turn, so that a machine whose speed
//! drifts is unfair to neither. Both are release builds beside this binary.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use feed_simulator::{Config, Rows, RunningSimulator, Simulator};
use ingestion_benchmarks::{RunningService, Usage, binaries_folder};
use kafka_test_kit::{KafkaCluster, unique_topic};
use tokio::time::Instant;

const PARTITIONS: usize = 12;
const RUN_TIME_MAX: Duration = Duration::from_mins(2);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// Started, connected to nothing it could read from, and at rest.
const IDLE_AFTER: Duration = Duration::from_secs(3);

#[derive(Parser)]
struct Args {
    /// Matches a run.
    #[arg(long, default_value_t = 1_000_000)]
    count: u64,
    /// Runs of each.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Rows of about 300 bytes instead of bare ids.
    #[arg(long)]
    realistic: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let folder = binaries_folder()?;
    let cluster = KafkaCluster::start(1).await?;
    let bench = Bench {
        args,
        folder,
        cluster,
    };

    let idle = bench.idle().await?;
    println!(
        "idle, empty window: {:.1} MiB resident\n",
        idle.resident_mib_max
    );
    println!(
        "{:>5}  {:>24}  {:>24}  {:>7}",
        "round", "baseline", "service", "ratio"
    );
    let mut ratios = Vec::new();
    for round in 1..=bench.args.rounds {
        let baseline = bench.baseline().await?;
        let service = bench.service().await?;
        let ratio = service.cpu_seconds / baseline.cpu_seconds;
        println!(
            "{round:>5}  {}  {}  {ratio:>7.2}",
            bench.cell(baseline),
            bench.cell(service)
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "\nprocessor time of the service is {:.2} times that of the baseline (median of {})",
        ratios[ratios.len() / 2],
        ratios.len()
    );
    Ok(())
}

struct Bench {
    args: Args,
    folder: PathBuf,
    cluster: KafkaCluster,
}

impl Bench {
    async fn baseline(&self) -> Result<Usage> {
        let feed = self.feed().await?;
        let topic = self.topic().await?;
        let run = Command::new(self.folder.join("bench-baseline"))
            .args(["--feed", &feed.websocket_address().to_string()])
            .args(["--bootstrap-servers", self.cluster.bootstrap_servers()])
            .args(["--topic", &topic, "--count", &self.args.count.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .context("bench-baseline is not beside this binary")?;
        let output = tokio::task::spawn_blocking(|| run.wait_with_output()).await??;
        ensure!(output.status.success(), "the baseline failed");
        let numbers: Vec<f64> = String::from_utf8(output.stdout)?
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        let [cpu_seconds, resident_mib_max] = numbers[..] else {
            anyhow::bail!("the baseline prints two numbers")
        };
        Ok(Usage {
            cpu_seconds,
            resident_mib_max,
        })
    }

    async fn service(&self) -> Result<Usage> {
        let feed = self.feed().await?;
        let run = self.start_service(&feed).await?;
        let begun = Instant::now();
        while run.published().await.unwrap_or(0) < self.args.count {
            ensure!(
                begun.elapsed() < RUN_TIME_MAX,
                "the service is not done after {RUN_TIME_MAX:?}"
            );
            tokio::time::sleep(ASK_AGAIN_AFTER).await;
        }
        run.usage()
    }

    /// A service with a feed that sends nothing.
    async fn idle(&self) -> Result<Usage> {
        let feed = Simulator::start(Config {
            count: Some(0),
            ..Config::default()
        })
        .await?;
        let run = self.start_service(&feed).await?;
        tokio::time::sleep(IDLE_AFTER).await;
        run.usage()
    }

    async fn start_service(&self, feed: &RunningSimulator) -> Result<RunningService> {
        let topic = self.topic().await?;
        let servers = self.cluster.bootstrap_servers();
        RunningService::start(&self.folder, servers, &feed.websocket_url(), &topic, &[])
    }

    async fn feed(&self) -> Result<RunningSimulator> {
        let rows = if self.args.realistic {
            Rows::Realistic
        } else {
            Rows::Bare
        };
        Ok(Simulator::start(Config {
            rows,
            count: Some(self.args.count),
            ..Config::default()
        })
        .await?)
    }

    async fn topic(&self) -> Result<String> {
        let topic = unique_topic("bench");
        self.cluster.create_topic(&topic, PARTITIONS, &[]).await?;
        Ok(topic)
    }

    fn cell(&self, usage: Usage) -> String {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let per_million = usage.cpu_seconds / self.args.count as f64 * 1e6;
        format!(
            "{per_million:>6.2} s/M  {:>6.1} MiB",
            usage.resident_mib_max
        )
    }
}
