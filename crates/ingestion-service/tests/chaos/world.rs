//! What the lanes of a run share: brokers, feed, the clock, and what was seen.

use std::{
    collections::BTreeMap,
    fmt::Display,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;
use feed_simulator::{Config, Rows, RunningSimulator, Simulator};
use kafka_test_kit::{KafkaCluster, unique_topic};
use tokio::sync::watch;

use crate::{options::Options, schedule::BROKERS};

/// Partitions of the topic for matches, as in production.
const PARTITIONS: usize = 12;
/// Matches a second, bursts aside.
pub(crate) const RATE: f64 = 300.0;
/// Repeated on purpose, also over restarts.
const DUPLICATE_FRACTION: f64 = 0.02;
/// For the dead-letter topic.
const INVALID_FRACTION: f64 = 0.01;
/// A run that fails everywhere is not to fill the memory with complaints.
const FINDINGS_MAX: usize = 200;
const TOPIC_ATTEMPTS_MAX: u32 = 5;

/// Everything around the service.
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) cluster: KafkaCluster,
    pub(crate) feed: RunningSimulator,
    pub(crate) topic: String,
    pub(crate) dead_letter_topic: String,
    /// The process that the monitor asks, once it has an address.
    pub(crate) current: watch::Sender<Option<Target>>,
    /// When processes were killed with SIGKILL, by their number.
    kills_ms: Mutex<BTreeMap<u32, u64>>,
    incidents: Mutex<Vec<Incident>>,
    findings: Mutex<Vec<String>>,
}

/// A service process that can be asked.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Processes are counted from 1.
    pub(crate) number: u32,
    pub(crate) pid: u32,
    pub(crate) address: String,
    /// When it was started.
    pub(crate) started_ms: u64,
}

/// A fault that took place; all times since the feed began.
#[derive(Clone, Debug)]
pub(crate) struct Incident {
    pub(crate) kind: String,
    pub(crate) begun_ms: u64,
    pub(crate) healed_ms: Option<u64>,
    /// Matches were seen to be published after it was healed.
    pub(crate) recovered_ms: Option<u64>,
}

impl World {
    /// Starts brokers and feed.
    pub(crate) async fn start(options: Options) -> Result<Self> {
        let cluster = KafkaCluster::start(BROKERS).await?;
        let topic = new_topic(&cluster, "match_ids_raw", PARTITIONS).await?;
        let dead_letter_topic = new_topic(&cluster, "match_ids_dead_letter", 1).await?;
        let feed = Simulator::start(Config {
            seed: options.seed,
            rows: Rows::Realistic,
            rate: RATE,
            duplicate_fraction: DUPLICATE_FRACTION,
            invalid_fraction: INVALID_FRACTION,
            record_ids: true,
            record_proofs: true,
            ..Config::default()
        })
        .await?;
        Ok(Self {
            options,
            cluster,
            feed,
            topic,
            dead_letter_topic,
            current: watch::Sender::new(None),
            kills_ms: Mutex::default(),
            incidents: Mutex::default(),
            findings: Mutex::default(),
        })
    }

    /// The clock of everything that is noted.
    pub(crate) fn now_ms(&self) -> u64 {
        self.feed.elapsed_ms()
    }

    /// Notes that a promise was broken; the run goes on and fails at its end.
    pub(crate) fn finding(&self, text: impl Display) {
        let text = format!("{}: {text}", seconds(self.now_ms()));
        eprintln!("FINDING at {text}");
        let mut findings = lock(&self.findings);
        if findings.len() < FINDINGS_MAX {
            findings.push(text);
        }
    }

    pub(crate) fn findings(&self) -> Vec<String> {
        lock(&self.findings).clone()
    }

    /// Notes the begin of a fault; what it returns is for [`healed`](Self::healed).
    pub(crate) fn begun(&self, kind: impl Display) -> usize {
        let mut incidents = lock(&self.incidents);
        incidents.push(Incident {
            kind: kind.to_string(),
            begun_ms: self.now_ms(),
            healed_ms: None,
            recovered_ms: None,
        });
        incidents.len() - 1
    }

    /// Notes that the cause of a fault is gone.
    pub(crate) fn healed(&self, incident: usize) {
        lock(&self.incidents)[incident].healed_ms = Some(self.now_ms());
    }

    /// Notes that matches were published between two moments.
    pub(crate) fn published_between(&self, from_ms: u64, to_ms: u64) {
        for incident in lock(&self.incidents).iter_mut() {
            let was_healed = incident.healed_ms.is_some_and(|healed| healed <= from_ms);
            if was_healed && incident.recovered_ms.is_none() {
                incident.recovered_ms = Some(to_ms);
            }
        }
    }

    pub(crate) fn incidents(&self) -> Vec<Incident> {
        lock(&self.incidents).clone()
    }

    /// Notes that a process is killed now.
    pub(crate) fn killed(&self, number: u32) {
        let now_ms = self.now_ms();
        lock(&self.kills_ms).insert(number, now_ms);
    }

    pub(crate) fn kills_ms(&self) -> BTreeMap<u32, u64> {
        lock(&self.kills_ms).clone()
    }

    /// The address a process connects to: connections tell by it whose they are.
    pub(crate) fn feed_url(&self, number: u32) -> String {
        format!("{}?process={number}", self.feed.websocket_url())
    }

    /// The process behind each connection to the feed that became a websocket.
    pub(crate) fn process_of_connections(&self) -> Vec<Option<u32>> {
        let connections = self.feed.truth().connections;
        let process = |path: &String| path.rsplit_once("process=")?.1.parse().ok();
        connections
            .iter()
            .map(|connection| connection.path.as_ref().and_then(process))
            .collect()
    }

    /// A file in the folder of the report.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.options.folder().join(name)
    }
}

/// Makes a topic. While the client learns of the brokers it may give up a request with
/// the connection it was for; whether the topic is there then is not known.
async fn new_topic(cluster: &KafkaCluster, prefix: &str, partitions: usize) -> Result<String> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let name = unique_topic(prefix);
        match cluster.create_topic(&name, partitions, &[]).await {
            Ok(()) => return Ok(name),
            Err(error) if attempts == TOPIC_ATTEMPTS_MAX => return Err(error),
            Err(error) => eprintln!("{error:#}"),
        }
    }
}

/// As reports write moments and durations.
pub(crate) fn seconds(millis: u64) -> String {
    format!("{}.{:03} s", millis / 1_000, millis % 1_000)
}

/// What is locked is simple data, as good after a panic as before.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
