//! Whatever is killed, and whatever is read again: the facts are those of the topic.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use feed_simulator::{
    World,
    summaries::{Knowledge, SummariesConfig},
};
use kafka_test_kit::{KafkaCluster, shared_broker};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;
use test_kit::waiting::wait_until;

use crate::support::{DEADLINE, Service, Topics, run};

/// Small batches, so that there are many moments to be killed at, and a member
/// that is killed is missed as soon as brokers allow.
const SMALL_BATCHES: [(&str, &str); 3] = [
    ("WAREHOUSE_BATCH_ROWS", "200"),
    ("WAREHOUSE_BATCH_WAIT", "50ms"),
    ("KAFKA_PROPERTIES", "session.timeout.ms=6000"),
];
/// Kills in each run of the tests; `ETL_KILLS` says how many in a longer one.
const KILLS: usize = 5;

/// Summaries of two sources, repeated, corrected and invalid ones among them, over three days.
fn mixed(count: u64) -> SummariesConfig {
    SummariesConfig {
        sources: vec![Knowledge::Pages, Knowledge::Sequence],
        span: Some(Duration::from_hours(72)),
        repeat_fraction: 0.1,
        correct_fraction: 0.05,
        invalid_fraction: 0.01,
        ..SummariesConfig::new(World::new(1), count)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_and_counters_are_those_of_the_topic_however_often_the_service_is_killed()
-> Result<()> {
    let topics = Topics::create_on(shared_broker().await?).await?;
    let sent = topics.fill(mixed(6000)).await?;
    let mut folder = Arc::new(TempDir::new()?);
    let mut random = StdRng::seed_from_u64(1);
    let kills = std::env::var("ETL_KILLS").map_or(Ok(KILLS), |text| text.parse())?;
    for _ in 0..kills {
        let service = Service::start(&topics, &folder, &SMALL_BATCHES).await?;
        // At once, or with something under way.
        let consumed_min = random.random_range(0..800);
        wait_until(DEADLINE, "some has been consumed", async || {
            let consumed = service.figure("consumed").await;
            consumed.is_ok_and(|consumed| consumed >= consumed_min)
        })
        .await?;
        folder = service.kill().await?;
    }
    let service = Service::start(&topics, &folder, &SMALL_BATCHES).await?;
    service.wait_until_loaded(&sent).await?;
    service.stop().await?;

    let verified = run(&["verify"], &folder).await?;
    assert_eq!(verified.exit_code, Some(0), "{verified:?}");
    assert!(verified.stdout.contains(" 0 differences"), "{verified:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_load_the_same_as_one_also_when_one_of_them_is_killed() -> Result<()> {
    let topics = Topics::create_on(shared_broker().await?).await?;
    let folder = Arc::new(TempDir::new()?);
    let sent = topics.fill(mixed(3000)).await?;
    let first = Service::start(&topics, &folder, &SMALL_BATCHES).await?;
    let second = Service::start(&topics, &folder, &SMALL_BATCHES).await?;
    wait_until(DEADLINE, "both have partitions", async || {
        let has_some = async |service: &Service| {
            let etl = service.json("/api/v1/etl").await;
            etl.is_ok_and(|etl| {
                etl["partitions"]
                    .as_array()
                    .is_some_and(|all| !all.is_empty())
            })
        };
        has_some(&first).await && has_some(&second).await
    })
    .await?;
    second.kill().await?;
    first.wait_until_loaded(&sent).await?;
    first.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_costs_nothing_but_time() -> Result<()> {
    let cluster = KafkaCluster::start(1).await?;
    let topics = Topics::create_on(&cluster).await?;
    let sent = topics.fill(mixed(3000)).await?;
    let folder = Arc::new(TempDir::new()?);
    let service = Service::start(&topics, &folder, &SMALL_BATCHES).await?;
    wait_until(DEADLINE, "some has been loaded", async || {
        service
            .figure("loaded")
            .await
            .is_ok_and(|loaded| loaded > 0)
    })
    .await?;
    cluster.kill(0)?;
    cluster.restart(0)?;
    cluster.wait_until_it_answers().await?;
    service.wait_until_loaded(&sent).await?;
    service.stop().await
}
