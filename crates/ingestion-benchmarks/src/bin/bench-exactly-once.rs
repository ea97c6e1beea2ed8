//! What journal and exactly-once delivery cost, beside delivery at least once.
//!
//! Two figures, each from runs in turn against the same real Kafka, so that a
//! machine whose speed drifts is unfair to neither: processor time per match
//! at full speed, and the median from receipt to acknowledgement at a steady
//! rate. With a healthy broker nothing reaches the journal's disk; that is
//! checked. `--baseline` names another binary to stand for delivery at least
//! once, such as one built without a journal.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use feed_simulator::{Config, RunningSimulator, Simulator};
use ingestion_benchmarks::{RunningService, Usage, binaries_folder};
use kafka_test_kit::{KafkaCluster, unique_topic};
use tokio::time::{Instant, sleep};

const PARTITIONS: usize = 12;
const RUN_TIME_MAX: Duration = Duration::from_mins(2);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(20);

#[derive(Parser)]
struct Args {
    /// Matches a run at full speed.
    #[arg(long, default_value_t = 1_000_000)]
    count: u64,
    /// Matches a second of the steady runs.
    #[arg(long, default_value_t = 1000.0)]
    rate: f64,
    /// How long a steady run takes, in seconds.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Runs of each.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// A folder with another `ingestion-service` to compare with.
    #[arg(long)]
    baseline: Option<PathBuf>,
}

struct Bench {
    args: Args,
    binaries: PathBuf,
    cluster: KafkaCluster,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let binaries = binaries_folder()?;
    let cluster = KafkaCluster::start(1).await?;
    let bench = Bench {
        args,
        binaries,
        cluster,
    };
    println!(
        "{:>5}  {:>16} {:>16} {:>6}  {:>14} {:>14} {:>9}",
        "round", "at least once", "exactly once", "ratio", "at least once", "exactly once", "more"
    );
    let (mut ratios, mut differences) = (Vec::new(), Vec::new());
    for round in 1..=bench.args.rounds {
        let least = bench.full_speed("at_least_once").await?;
        let exact = bench.full_speed("exactly_once").await?;
        let ratio = exact.cpu_seconds / least.cpu_seconds;
        let least_ms = bench.median_ms("at_least_once").await?;
        let exact_ms = bench.median_ms("exactly_once").await?;
        println!(
            "{round:>5}  {:>12.2} s/M {:>12.2} s/M {ratio:>6.2}  {least_ms:>11.1} ms {exact_ms:>11.1} ms {:>6.1} ms",
            bench.per_million(least),
            bench.per_million(exact),
            exact_ms - least_ms
        );
        ratios.push(ratio);
        differences.push(exact_ms - least_ms);
    }
    println!(
        "\nexactly once takes {:.2} times the processor time and {:.1} ms more to the median (medians of {})",
        median(&mut ratios),
        median(&mut differences),
        bench.args.rounds
    );
    Ok(())
}

impl Bench {
    async fn full_speed(&self, delivery: &str) -> Result<Usage> {
        let feed = Simulator::start(Config {
            count: Some(self.args.count),
            ..Config::default()
        })
        .await?;
        let run = self.start(&feed, delivery).await?;
        let begun = Instant::now();
        while run.published().await.unwrap_or(0) < self.args.count {
            ensure!(
                begun.elapsed() < RUN_TIME_MAX,
                "the service is not done after {RUN_TIME_MAX:?}"
            );
            sleep(ASK_AGAIN_AFTER).await;
        }
        run.usage()
    }

    async fn median_ms(&self, delivery: &str) -> Result<f64> {
        let feed = Simulator::start(Config {
            rate: self.args.rate,
            ..Config::default()
        })
        .await?;
        let run = self.start(&feed, delivery).await?;
        sleep(Duration::from_secs(self.args.seconds)).await;
        let answer = run.ingestion().await?;
        let journal_bytes = answer["journal"]["bytes"].as_u64().unwrap_or(0);
        ensure!(
            journal_bytes < 100_000,
            "the journal has {journal_bytes} bytes though the broker is healthy"
        );
        let seconds = answer["latency"]["p50_seconds"].as_f64();
        Ok(seconds.context("no match was acknowledged")? * 1000.0)
    }

    async fn start(&self, feed: &RunningSimulator, delivery: &str) -> Result<RunningService> {
        let topic = unique_topic("bench");
        self.cluster.create_topic(&topic, PARTITIONS, &[]).await?;
        let binaries = match &self.args.baseline {
            Some(baseline) if delivery == "at_least_once" => baseline,
            _ => &self.binaries,
        };
        RunningService::start(
            binaries,
            self.cluster.bootstrap_servers(),
            &feed.websocket_url(),
            &topic,
            &[("KAFKA_DELIVERY", delivery)],
        )
    }

    fn per_million(&self, usage: Usage) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let millions = self.args.count as f64 / 1e6;
        usage.cpu_seconds / millions
    }
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
