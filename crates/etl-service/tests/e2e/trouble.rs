//! What is missing at a start, and what cannot be loaded.

use std::sync::Arc;

use anyhow::Result;
use feed_simulator::{World, summaries::SummariesConfig};
use kafka_test_kit::shared_broker;
use tempfile::TempDir;
use test_kit::waiting::wait_until;

use crate::support::{DEADLINE, Service, Topics};

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_loaded_is_set_aside_by_reason_and_its_neighbours_are_loaded() -> Result<()>
{
    let topics = Topics::create_on(shared_broker().await?).await?;
    let sent = topics
        .fill(SummariesConfig {
            invalid_fraction: 0.2,
            ..SummariesConfig::new(World::new(2), 500)
        })
        .await?;
    let folder = Arc::new(TempDir::new()?);
    let service = Service::start(&topics, &folder, &[]).await?;
    service.wait_until_loaded(&sent).await?;
    assert_eq!(service.figure("dead_lettered").await?, sent.invalid_total());
    let metrics = service.text("/metrics").await;
    for (reason, count) in &sent.invalid {
        let line = format!(r#"etl_dead_lettered_total{{reason="{reason}"}} {count}"#);
        assert!(metrics.contains(&line), "{line} in\n{metrics}");
    }
    service.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_starts_without_kafka_says_what_is_missing_and_is_alive() -> Result<()> {
    let topics = Topics {
        bootstrap_servers: "127.0.0.1:1".to_owned(),
        summaries: "match_summaries".to_owned(),
        ids: "match_ids_raw".to_owned(),
        dead_letters: "etl_dead_letter".to_owned(),
        group: "etl-service".to_owned(),
    };
    let folder = Arc::new(TempDir::new()?);
    let service = Service::start(&topics, &folder, &[]).await?;
    wait_until(DEADLINE, "health names the brokers", async || {
        let health = service.text("/api/v1/health").await;
        health.contains("no broker of 127.0.0.1:1 answers")
    })
    .await?;
    // Its main work waits for everything else.
    for path in ["/livez", "/readyz"] {
        assert!(!service.text(path).await.contains("problem"), "{path}");
    }
    service.stop().await
}
