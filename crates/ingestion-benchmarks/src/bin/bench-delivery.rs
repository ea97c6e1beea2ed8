//! What exactly-once delivery costs beside at-least-once: the same matches,
//! through the same publisher, to the same Apache Kafka.
//!
//! First the latency at a steady rate, then the processor time at full speed.
//! The broker is a process of its own, so its work is not counted.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use clap::Parser;
use domain::{MatchId, Timestamp};
use health_kit::{Clock, SystemClock};
use ingestion_application::{
    Ledger, ReceivedMatch, SourceName,
    ports::{Message, MessagePublisher},
};
use ingestion_benchmarks::Usage;
use ingestion_kafka_adapter::{Delivery, KafkaPublisher, KafkaSettings};
use kafka_test_kit::{KafkaCluster, unique_topic};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

const SOURCE: SourceName = SourceName::new("benchmark");
const PATIENCE: Duration = Duration::from_mins(1);
const TICK: Duration = Duration::from_millis(1);

#[derive(Parser)]
struct Args {
    /// Matches a second in the run at a steady rate.
    #[arg(long, default_value_t = 1_000)]
    rate: u32,
    /// Seconds of the run at a steady rate.
    #[arg(long, default_value_t = 15)]
    seconds: u32,
    /// Matches in the run at full speed.
    #[arg(long, default_value_t = 1_000_000)]
    count: u64,
    /// Partitions of the topic.
    #[arg(long, default_value_t = 12)]
    partitions: usize,
    /// How long a match waits for company.
    #[arg(long, default_value_t = 10)]
    linger_ms: u64,
    /// How often each delivery is measured.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let cluster = KafkaCluster::start(1).await?;
    for round in 1..=args.rounds {
        for delivery in [Delivery::AtLeastOnce, Delivery::ExactlyOnce] {
            let figures = measure(&args, &cluster, delivery).await?;
            println!("round {round} {delivery:?}: {figures}");
        }
    }
    Ok(())
}

async fn measure(
    args: &Args,
    cluster: &KafkaCluster,
    delivery: Delivery,
) -> anyhow::Result<String> {
    let (matches, letters) = (unique_topic("matches"), unique_topic("letters"));
    cluster.create_topic(&matches, args.partitions, &[]).await?;
    cluster.create_topic(&letters, 1, &[]).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let settings = KafkaSettings {
        transactional_id: matches.clone(),
        publish_topic: matches,
        dead_letter_topic: letters,
        delivery,
        linger: Duration::from_millis(args.linger_ms),
        ..KafkaSettings::at(cluster.bootstrap_servers())
    };
    let publisher = Arc::new(KafkaPublisher::try_new(&settings, &clock)?);
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (publisher, stop) = (Arc::clone(&publisher), stop.clone());
        async move { publisher.run(stop).await }
    });
    // Connected, and open for transactions.
    publisher.published(1).await?;
    let ledger = Arc::new(Ledger::new(Arc::clone(&clock)));
    publish(&publisher, &ledger, 1..1_000).await?;
    publisher.flush(PATIENCE).await?;

    let ledger = Arc::new(Ledger::new(Arc::clone(&clock)));
    let (before, begun) = (Usage::of_process("self")?, Instant::now());
    publish_steadily(args, &publisher, &ledger).await?;
    let steady = Usage::of_process("self")?.cpu_seconds - before.cpu_seconds;
    let steady = steady / begun.elapsed().as_secs_f64();
    publisher.flush(PATIENCE).await?;
    let latency = ledger.snapshot().latency;

    let (before, begun) = (Usage::of_process("self")?, Instant::now());
    publish(&publisher, &ledger, 1_000_000..1_000_000 + args.count).await?;
    publisher.flush(PATIENCE).await?;
    let elapsed = begun.elapsed().as_secs_f64();
    let cpu = Usage::of_process("self")?.cpu_seconds - before.cpu_seconds;
    ensure!(ledger.figures().pending == 0, "everything is settled");
    stop.cancel();
    running.await??;
    let count = f64::from(u32::try_from(args.count)?);
    Ok(format!(
        "at {}/s p50 {:.1} ms, p99 {:.1} ms, {:.0} % of a core; \
         at full speed {:.0}/s, {:.2} µs of processor time a match",
        args.rate,
        milliseconds(latency.p50)?,
        milliseconds(latency.p99)?,
        steady * 100.0,
        count / elapsed,
        cpu * 1e6 / count,
    ))
}

fn milliseconds(latency: Option<Duration>) -> anyhow::Result<f64> {
    Ok(latency.context("there were matches")?.as_secs_f64() * 1e3)
}

async fn publish_steadily(
    args: &Args,
    publisher: &KafkaPublisher,
    ledger: &Arc<Ledger>,
) -> anyhow::Result<()> {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (total, begun) = (args.rate * args.seconds, Instant::now());
    let mut sent = 0;
    while sent < total {
        ticks.tick().await;
        let due = begun.elapsed().as_secs_f64() * f64::from(args.rate);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and at most the total"
        )]
        let due = due.min(f64::from(total)) as u32;
        let ids = 10_000 + u64::from(sent)..10_000 + u64::from(due.max(sent));
        sent = due.max(sent);
        publish(publisher, ledger, ids).await?;
    }
    Ok(())
}

async fn publish(
    publisher: &KafkaPublisher,
    ledger: &Arc<Ledger>,
    ids: std::ops::Range<u64>,
) -> anyhow::Result<()> {
    const STEP: usize = 100;
    let mut ids = ids.peekable();
    while ids.peek().is_some() {
        let step: Vec<_> = ids.by_ref().take(STEP).collect();
        let receipts = ledger.receive(SOURCE, step.len(), 0, Instant::now());
        for (id, receipt) in step.into_iter().zip(receipts) {
            let message = Message::Match(ReceivedMatch {
                id: MatchId::try_new(i64::try_from(id)?)?,
                source: SOURCE,
                received_at: Timestamp::from_unix_ms(1_763_817_901_040),
            });
            publisher.publish(message, receipt).await?;
        }
    }
    Ok(())
}
