//! The service as a whole: records from Kafka to the warehouse.

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clickhouse_test_kit::ClickHouse;
use kafka_test_kit::{KafkaCluster, unique_topic};
use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;
use test_kit::{
    service_process::ServiceProcess,
    usage::{Usage, memory_kib},
};
use tokio::time::{Instant, sleep};

use crate::memory::{Database, engine_usage};

const PARTITIONS: usize = 12;
const RUN_TIME_MAX: Duration = Duration::from_mins(5);
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);
/// Started, in its group, and at rest.
const IDLE_AFTER: Duration = Duration::from_secs(8);

/// The topics of the measurements, on a broker of their own.
pub struct Kafka {
    cluster: KafkaCluster,
    /// Of summaries.
    pub summaries: String,
    dead_letters: String,
    empty: String,
}

/// What it took the service to load a topic.
#[derive(Debug, Clone, Copy)]
pub struct LoadedByService {
    /// How many matches in a second, from the start of the process until all
    /// were stored and committed.
    pub per_second: f64,
    /// The same from the first record that was read.
    pub per_second_from_first: f64,
    /// What the service used.
    pub usage: Usage,
    /// Processor time of the engine, in seconds.
    pub engine_cpu_seconds: f64,
}

impl Kafka {
    /// Starts a broker and creates the topics.
    ///
    /// # Errors
    /// There is no broker to be had.
    pub async fn start() -> Result<Self> {
        let cluster = KafkaCluster::start(1).await?;
        let kafka = Self {
            cluster,
            summaries: unique_topic("match_summaries"),
            dead_letters: unique_topic("etl_dead_letter"),
            empty: unique_topic("match_summaries"),
        };
        for topic in [&kafka.summaries, &kafka.empty] {
            kafka.cluster.create_topic(topic, PARTITIONS, &[]).await?;
        }
        kafka
            .cluster
            .create_topic(&kafka.dead_letters, 1, &[])
            .await?;
        Ok(kafka)
    }

    /// Where it is.
    #[must_use]
    pub fn bootstrap_servers(&self) -> &str {
        self.cluster.bootstrap_servers()
    }

    /// The release build of the service beside this binary, with default
    /// settings wherever there is a choice.
    async fn service(
        &self,
        binaries: &Path,
        topic: &str,
        engine: &ClickHouse,
        database: &Database,
    ) -> Result<ServiceProcess> {
        let group = unique_topic("etl-service");
        let settings = [
            ("KAFKA_BOOTSTRAP_SERVERS", self.bootstrap_servers()),
            ("KAFKA_MATCH_SUMMARY_TOPIC", topic),
            ("KAFKA_MATCH_ID_TOPIC", ""),
            ("KAFKA_DEAD_LETTER_TOPIC", &self.dead_letters),
            ("KAFKA_GROUP_ID", &group),
            // Nobody of the world outside is asked.
            ("DETAILS_FOR", "none"),
            ("WAREHOUSE_URL", engine.url()),
            ("WAREHOUSE_DATABASE", &database.name),
            ("API_HOST", "127.0.0.1"),
            ("API_PORT", "0"),
        ];
        let program = Command::new(binaries.join("etl-service"));
        let folder = Arc::new(TempDir::new()?);
        let started = ServiceProcess::start(program, &settings, folder).await;
        started.context("etl-service is not beside this binary, or does not start")
    }
}

/// Memory of a service that has nothing to do, in MiB: what is resident then,
/// and the most that ever was.
///
/// # Errors
/// It does not start.
pub async fn idle(
    kafka: &Kafka,
    binaries: &Path,
    engine: &ClickHouse,
    database: &Database,
) -> Result<(f64, f64)> {
    let service = kafka
        .service(binaries, &kafka.empty, engine, database)
        .await?;
    sleep(IDLE_AFTER).await;
    let kib = memory_kib(&service.id().to_string(), "VmRSS")?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let resident_mib = kib as f64 / 1024.0;
    Ok((resident_mib, service.usage()?.resident_mib_max))
}

/// Has the service load `count` summaries, which are in the topic.
///
/// # Errors
/// It does not start, does not come to an end, or has not loaded them.
pub async fn load(
    kafka: &Kafka,
    count: u64,
    binaries: &Path,
    engine: &ClickHouse,
    database: &Database,
) -> Result<LoadedByService> {
    let engine_before = engine_usage(engine)?.cpu_seconds;
    let begun = Instant::now();
    let service = kafka
        .service(binaries, &kafka.summaries, engine, database)
        .await?;
    let client = Client::builder()
        .no_proxy()
        .timeout(ANSWER_TIME_MAX)
        .build()?;
    let url = format!("http://{}/api/v1/etl", service.address());
    let mut first = None;
    loop {
        let etl: Value = client.get(&url).send().await?.json().await?;
        if first.is_none() && etl["ledger"]["consumed"] != 0 {
            first = Some(Instant::now());
        }
        if is_done(&etl, count) {
            break;
        }
        ensure!(
            begun.elapsed() < RUN_TIME_MAX,
            "not done after {RUN_TIME_MAX:?}: {etl}"
        );
        sleep(ASK_AGAIN_AFTER).await;
    }
    let (done, usage) = (Instant::now(), service.usage()?);
    let engine_cpu_seconds = engine_usage(engine)?.cpu_seconds - engine_before;
    drop(service);
    database.expect_matches(engine, count).await?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let per_second = |from: Instant| count as f64 / done.duration_since(from).as_secs_f64();
    Ok(LoadedByService {
        per_second: per_second(begun),
        per_second_from_first: per_second(first.unwrap_or(begun)),
        usage,
        engine_cpu_seconds,
    })
}

/// All is stored, and all is committed.
fn is_done(etl: &Value, count: u64) -> bool {
    let partitions = etl["partitions"].as_array();
    let is_committed = |one: &Value| one["lag"] == 0 || one["high_watermark"] == 0;
    etl["ledger"]["loaded"] == count
        && partitions.is_some_and(|all| all.len() == PARTITIONS && all.iter().all(is_committed))
}
