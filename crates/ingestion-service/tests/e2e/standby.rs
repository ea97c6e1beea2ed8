//! Three instances, of which the active one is killed or suspended again and again.
//!
//! `STANDBY_MINUTES` makes it last longer than the three times of every run.

mod account;

use std::{env, process::Command, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use feed_simulator::Broadcast;
use kafka_test_kit::KafkaCluster;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    task::JoinHandle,
    time::{Instant, interval, sleep},
};

use self::account::Account;
use crate::support::{DEADLINE, PARTITIONS, Service, Topics, wait_until, wait_until_within};

/// A session of six seconds, what the others need to hear of its end, and what
/// the next one needs to know all that was published.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(10);
/// For as long the active one is suspended: a session is over by then, and
/// somebody else is active.
const SUSPENDED_SECONDS: std::ops::Range<u64> = 9..14;
/// Between two matches of the feed.
const PACE: Duration = Duration::from_millis(40);
/// A match id of our day.
const FIRST_ID: i64 = 8_500_000_000;
const TIMES: usize = 3;
const SEED: u64 = 6;

const SETTINGS: [(&str, &str); 3] = [
    ("INGESTION_STANDBY", "on"),
    ("OPENDOTA_STREAM_BACKOFF_MAX", "1s"),
    ("API_TOKEN", "an-example-token"),
];

/// What becomes of the active instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Killed,
    Suspended,
}

struct Instances {
    feed: Arc<Broadcast>,
    topics: Topics,
    running: Vec<Service>,
}

impl Instances {
    async fn start(feed: Arc<Broadcast>, topics: Topics) -> Result<Self> {
        let mut this = Self {
            feed,
            topics,
            running: Vec::new(),
        };
        for _ in 0..3 {
            let instance = this.spawn(Arc::new(TempDir::new()?)).await?;
            this.running.push(instance);
        }
        Ok(this)
    }

    async fn spawn(&self, folder: Arc<TempDir>) -> Result<Service> {
        let program = Command::new(env!("CARGO_BIN_EXE_ingestion-service"));
        let url = self.feed.websocket_url();
        Service::start_in(folder, program, &url, &self.topics, &SETTINGS).await
    }

    /// Waits until one is active and all are well; which one.
    async fn settled(&self) -> usize {
        let mut active = None;
        let all = self.running.len();
        wait_until(
            "one is active, and all are connected and well",
            async || {
                let mut active_ones = Vec::new();
                for (nth, instance) in self.running.iter().enumerate() {
                    match instance.metric("ingestion_active").await {
                        Ok(1) => active_ones.push(nth),
                        Ok(_) => {}
                        Err(_) => return false,
                    }
                    if !instance
                        .health()
                        .await
                        .is_ok_and(|(status, _)| status == 200)
                    {
                        return false;
                    }
                }
                active = active_ones.first().copied();
                active_ones.len() == 1 && self.feed.connections() == all
            },
        )
        .await;
        active.expect("it was waited for")
    }

    /// Kills or suspends the active one, and sees that another takes over in time.
    async fn strike(
        &mut self,
        fate: Fate,
        account: &Account,
        dice: &mut StdRng,
    ) -> Result<Duration> {
        let active = self.settled().await;
        let last_sent = *self.feed.ids_sent().last().context("some were sent")?;
        let begun = Instant::now();
        let victim = &self.running[active];
        match fate {
            Fate::Killed => victim.signal("KILL")?,
            Fate::Suspended => victim.signal("STOP")?,
        }
        let what = format!("a match is published that was sent after one was {fate:?}");
        wait_until_within(TAKEN_OVER_WITHIN, &what, async || {
            account.highest() > last_sent
        })
        .await;
        let took = begun.elapsed();
        match fate {
            Fate::Killed => {
                sleep(Duration::from_millis(dice.random_range(0..2_000))).await;
                let folder = self.running[active].folder();
                // What is left of the process is waited for.
                drop(self.running.remove(active));
                let instance = self.spawn(folder).await?;
                self.running.push(instance);
            }
            Fate::Suspended => {
                let suspended = Duration::from_secs(dice.random_range(SUSPENDED_SECONDS));
                sleep(suspended.saturating_sub(took)).await;
                let victim = &self.running[active];
                victim.signal("CONT")?;
                let what = "the one that was suspended stands by";
                wait_until_within(TAKEN_OVER_WITHIN, what, async || {
                    victim
                        .metric("ingestion_active")
                        .await
                        .is_ok_and(|it| it == 0)
                })
                .await;
            }
        }
        Ok(took)
    }

    /// Ends one after the other, so that each publishes what only it has.
    async fn end(mut self) -> Result<()> {
        while !self.running.is_empty() {
            let active = self.settled().await;
            self.running[active].wait_for_figure("pending", 0).await;
            let last = self.running.len() == 1;
            let mut ending = self.running.remove(active);
            ending.signal("TERM")?;
            assert_eq!(ending.exit_code().await?, 0, "{:#?}", ending.log());
            assert!(!last || ending.errors().is_empty(), "{:?}", ending.errors());
        }
        Ok(())
    }
}

/// Sends a match every now and then, until it is dropped.
fn send_for_ever(feed: Arc<Broadcast>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut pace = interval(PACE);
        let mut id = FIRST_ID;
        loop {
            pace.tick().await;
            id += 1;
            feed.send(id);
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_becomes_of_the_active_instance_another_takes_over_and_every_match_is_published_once()
-> Result<()> {
    let cluster = KafkaCluster::start(1).await?;
    let topics = Topics::create_on(&cluster).await?;
    let account = Account::open(&topics)?;
    let feed = Broadcast::start().await?;
    let mut instances = Instances::start(Arc::clone(&feed), topics).await?;
    let first = instances.settled().await;
    assert_eq!(first, 0, "whoever came first");
    check_answers(&instances).await?;

    let sending = send_for_ever(Arc::clone(&feed));
    let minutes = env::var("STANDBY_MINUTES").ok();
    let minutes: Option<u64> = minutes.map(|text| text.parse()).transpose()?;
    let begun = Instant::now();
    let mut dice = StdRng::seed_from_u64(SEED);
    let mut took = Vec::new();
    let is_enough = |times: usize| match minutes {
        Some(minutes) => begun.elapsed() >= Duration::from_secs(60 * minutes),
        None => times == TIMES,
    };
    while !is_enough(took.len()) {
        sleep(Duration::from_millis(dice.random_range(500..2_500))).await;
        let fate = [Fate::Killed, Fate::Suspended][took.len() % 2];
        took.push((fate, instances.strike(fate, &account, &mut dice).await?));
    }
    instances.settled().await;
    sending.abort();
    let topic = instances.topics.publish.clone();
    instances.end().await?;

    println!("taken over: {took:?}");
    account.check(&feed.ids_sent()).await;
    check_epochs(&cluster, &topic, took.len())
}

/// What a standby says of itself, and what it does not take.
async fn check_answers(instances: &Instances) -> Result<()> {
    for (nth, instance) in instances.running.iter().enumerate() {
        let role = if nth == 0 { "active" } else { "standby" };
        let (status, figures) = instance.get("/api/v1/ingestion").await?;
        let figures: Value = serde_json::from_str(&figures)?;
        assert_eq!((status, &figures["role"]), (200, &Value::from(role)));
        assert_eq!(instance.get("/readyz").await?.0, 200, "a standby is ready");
        let expected = if nth == 0 {
            "this instance is active"
        } else {
            "standby: ingestion-service@"
        };
        wait_until_within(DEADLINE, "health says who is active", async || {
            instance.health().await.is_ok_and(|(_, health)| {
                let checks = health["checks"].as_array().cloned().unwrap_or_default();
                let said = checks.iter().find(|check| check["name"] == "standby");
                let said = said.and_then(|check| check["reason"].as_str());
                said.is_some_and(|said| said.starts_with(expected))
            })
        })
        .await;
    }
    let refused = reqwest::Client::builder()
        .no_proxy()
        .build()?
        .post(format!(
            "http://{}/api/v1/replay",
            instances.running[1].address()
        ))
        .bearer_auth("an-example-token")
        .header("content-type", "application/jsonl")
        .body("{\"match_id\":1}\n")
        .send()
        .await?;
    assert_eq!(refused.status(), 503);
    let problem: Value = refused.json().await?;
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("this instance is a standby"), "{problem}");
    assert_eq!(problem["taken"], 0);
    Ok(())
}

/// As the broker has it on its disk: no producer has written after a later one.
fn check_epochs(cluster: &KafkaCluster, topic: &str, times: usize) -> Result<()> {
    let mut epochs = std::collections::BTreeSet::new();
    for partition in 0..PARTITIONS {
        let batches = cluster.batches(topic, partition)?;
        let writers: Vec<_> = batches.iter().map(|it| (it.producer, it.epoch)).collect();
        assert!(writers.is_sorted(), "partition {partition}: {batches:?}");
        epochs.extend(writers);
    }
    let found = epochs.len();
    assert!(found > times, "{found} producers for {times} take-overs");
    Ok(())
}
