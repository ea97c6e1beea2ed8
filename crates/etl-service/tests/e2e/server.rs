//! The warehouse on a real ClickHouse, from its first tables on.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use clickhouse_test_kit::shared_clickhouse;
use feed_simulator::{
    World,
    summaries::{Knowledge, SummariesConfig},
};
use kafka_test_kit::{shared_broker, unique_topic};
use tempfile::TempDir;
use test_kit::{service_process::run_to_end, waiting::wait_until};

use crate::support::{DEADLINE, Service, Topics};

const PROGRAM: &str = env!("CARGO_BIN_EXE_etl-service");

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_migrated_and_loaded_and_health_says_what_its_tables_need() -> Result<()> {
    let engine = shared_clickhouse().await?;
    let topics = Topics::create_on(shared_broker().await?).await?;
    let sent = topics
        .fill(SummariesConfig {
            sources: vec![Knowledge::Pages, Knowledge::Sequence],
            span: Some(Duration::from_hours(48)),
            repeat_fraction: 0.1,
            correct_fraction: 0.05,
            ..SummariesConfig::new(World::new(4), 3000)
        })
        .await?;
    let folder = Arc::new(TempDir::new()?);
    let database = unique_topic("dota").replace(['-', '.'], "_");
    let warehouse = [
        ("WAREHOUSE_URL", engine.url()),
        ("WAREHOUSE_DATABASE", database.as_str()),
        ("WAREHOUSE_BATCH_ROWS", "2000"),
        ("WAREHOUSE_BATCH_WAIT", "100ms"),
        ("KAFKA_PROPERTIES", "session.timeout.ms=6000"),
    ];

    // Before the tables are there the service says what makes them, and waits.
    let service = Service::start(&topics, &folder, &warehouse).await?;
    wait_until(DEADLINE, "health names the command", async || {
        let health = service.text("/api/v1/health").await;
        health.contains("etl-service migrate")
    })
    .await?;
    let migrated = run_to_end(PROGRAM, &["migrate"], &warehouse, folder.path()).await?;
    assert_eq!(migrated.exit_code, Some(0), "{migrated:?}");
    wait_until(DEADLINE, "some has been loaded", async || {
        service
            .figure("loaded")
            .await
            .is_ok_and(|loaded| loaded > 0)
    })
    .await?;
    service.wait_until_loaded(&sent).await?;
    let metrics = service.text("/metrics").await;
    for table in ["matches", "match_sources", "match_ranks", "match_players"] {
        let timed = format!(r#"etl_insert_seconds_count{{table="{table}"}}"#);
        assert!(metrics.contains(&timed), "{timed} in\n{metrics}");
    }

    // Tables of an older program take all of this too, and are not healthy.
    let versions = format!("{database}.schema_versions");
    engine
        .execute(&format!("TRUNCATE TABLE {versions}"))
        .await?;
    service.stop().await?;
    let service = Service::start(&topics, &folder, &warehouse).await?;
    wait_until(DEADLINE, "health names the command again", async || {
        let health = service.text("/api/v1/health").await;
        health.contains("are of version 0") && health.contains("etl-service migrate")
    })
    .await?;
    let migrated = run_to_end(PROGRAM, &["migrate"], &warehouse, folder.path()).await?;
    assert_eq!(migrated.exit_code, Some(0), "{migrated:?}");
    wait_until(DEADLINE, "the tables fit", async || {
        let health = service.text("/api/v1/health").await;
        health.contains("the tables are as this program needs them")
    })
    .await?;
    service.stop().await?;

    let verified = run_to_end(PROGRAM, &["verify"], &warehouse, folder.path()).await?;
    assert_eq!(verified.exit_code, Some(0), "{verified:?}");
    assert!(verified.stdout.contains(" 0 differences"), "{verified:?}");
    Ok(())
}
