//! The service with its embedded warehouse is killed: the facts are those of the topic.
//!
//! Brokers, a server and a second instance are killed in [`chaos`](crate::chaos).

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use feed_simulator::{
    World,
    summaries::{Knowledge, SummariesConfig},
};
use kafka_test_kit::shared_broker;
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
    for _ in 0..KILLS {
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
