//! What exactly-once delivery costs beside at-least-once: the same matches,
//! through the same publisher, to the same Apache Kafka.
//!
//! First the latency at a steady rate, then the processor time at full speed.
//! The broker is a process of its own, so its work is not counted.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, ensure};
use clap::Parser;
use domain::{MatchId, Timestamp};
use health_kit::{Clock, SystemClock};
use ingestion_application::{
    Outcome, Receipt, ReceiptOwner, ReceivedMatch, SourceName,
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
    publish(&publisher, &Arc::new(Stopwatch::new(0)), 1..1_000).await?;
    publisher.flush(PATIENCE).await?;

    let steady_count = u64::from(args.rate * args.seconds);
    let steadily = Arc::new(Stopwatch::new(steady_count));
    let (before, begun) = (Usage::of_process("self")?, Instant::now());
    publish_steadily(args, &publisher, &steadily).await?;
    let steady = Usage::of_process("self")?.cpu_seconds - before.cpu_seconds;
    let steady = steady / begun.elapsed().as_secs_f64();
    publisher.flush(PATIENCE).await?;
    let latencies = steadily.sorted();
    ensure!(latencies.len() as u64 == steady_count, "all are published");

    let at_full_speed = Arc::new(Stopwatch::new(args.count));
    let (before, begun) = (Usage::of_process("self")?, Instant::now());
    publish(
        &publisher,
        &at_full_speed,
        1_000_000..1_000_000 + args.count,
    )
    .await?;
    publisher.flush(PATIENCE).await?;
    let elapsed = begun.elapsed().as_secs_f64();
    let cpu = Usage::of_process("self")?.cpu_seconds - before.cpu_seconds;
    let settled = at_full_speed.lock().len() as u64;
    ensure!(settled == args.count, "all are published");
    stop.cancel();
    running.await??;
    let count = f64::from(u32::try_from(args.count)?);
    Ok(format!(
        "at {}/s p50 {:.1} ms, p99 {:.1} ms, {:.0} % of a core; \
         at full speed {:.0}/s, {:.2} µs of processor time a match",
        args.rate,
        milliseconds(&latencies, 50)?,
        milliseconds(&latencies, 99)?,
        steady * 100.0,
        count / elapsed,
        cpu * 1e6 / count,
    ))
}

fn milliseconds(sorted: &[Duration], percent: usize) -> anyhow::Result<f64> {
    let latency = sorted.get(sorted.len() * percent / 100);
    Ok(latency.context("there were matches")?.as_secs_f64() * 1e3)
}

/// Takes the time from each receipt to its settling.
struct Stopwatch {
    begun: Instant,
    latencies: Mutex<Vec<Duration>>,
}

impl Stopwatch {
    fn new(count: u64) -> Self {
        Self {
            begun: Instant::now(),
            latencies: Mutex::new(Vec::with_capacity(usize::try_from(count).unwrap_or(0))),
        }
    }

    /// A receipt whose key is the time at which it was given out, in microseconds.
    fn start(self: &Arc<Self>) -> anyhow::Result<Receipt> {
        let key = usize::try_from(self.begun.elapsed().as_micros())?;
        let owner: Arc<dyn ReceiptOwner> = Arc::<Self>::clone(self);
        Ok(Receipt::new(owner, key, key as u64))
    }

    fn sorted(&self) -> Vec<Duration> {
        let mut latencies = self.lock().clone();
        latencies.sort_unstable();
        latencies
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Duration>> {
        self.latencies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReceiptOwner for Stopwatch {
    fn settle(&self, key: usize, _: Outcome) {
        let started = Duration::from_micros(key as u64);
        let latency = self.begun.elapsed().saturating_sub(started);
        self.lock().push(latency);
    }

    /// Nobody sends it again: it is missing in the end.
    fn take_back(&self, _: usize) {}
}

async fn publish_steadily(
    args: &Args,
    publisher: &KafkaPublisher,
    stopwatch: &Arc<Stopwatch>,
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
        publish(publisher, stopwatch, ids).await?;
    }
    Ok(())
}

async fn publish(
    publisher: &KafkaPublisher,
    stopwatch: &Arc<Stopwatch>,
    ids: std::ops::Range<u64>,
) -> anyhow::Result<()> {
    for id in ids {
        let message = Message::Match(ReceivedMatch {
            id: MatchId::try_new(i64::try_from(id)?)?,
            source: SOURCE,
            received_at: Timestamp::from_unix_ms(1_763_817_901_040),
        });
        publisher.publish(message, stopwatch.start()?).await?;
    }
    Ok(())
}
