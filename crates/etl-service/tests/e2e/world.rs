//! The newcomer's way: the simulator with its broker, nothing installed, and a hero's counters.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use feed_simulator::{
    World,
    summaries::{Knowledge, Summaries, SummariesConfig, SummaryProducer},
};
use tempfile::TempDir;
use test_kit::waiting::wait_until;

use crate::support::{DEADLINE, Service, Topics};

#[tokio::test(flavor = "multi_thread")]
async fn a_heros_counters_are_there_soon_with_embedded_parts_alone() -> Result<()> {
    let (_broker, topics) = Topics::create_embedded()?;
    let mut summaries = Summaries::try_new(SummariesConfig {
        sources: vec![Knowledge::Everything],
        ..SummariesConfig::new(World::new(1), 1000)
    })?;
    let producer = SummaryProducer::try_new(&topics.bootstrap_servers, &topics.summaries)?;
    producer.send_all(&mut summaries, 0.0).await?;
    producer.flush().await?;

    let folder = Arc::new(TempDir::new()?);
    let begun = tokio::time::Instant::now();
    let service = Service::start(&topics, &folder, &[]).await?;
    wait_until(DEADLINE, "a hero has counters", async || {
        let pairs = service.json("/api/v1/stats/pairs?hero=1").await;
        pairs.is_ok_and(|pairs| pairs["pairs"].as_array().is_some_and(|all| !all.is_empty()))
    })
    .await?;
    // Not a limit to be proud of: it tells a service that waits from one that works.
    assert!(begun.elapsed() < Duration::from_mins(1));
    service.wait_until_loaded(&summaries.into_sent()).await?;
    service.stop().await
}
