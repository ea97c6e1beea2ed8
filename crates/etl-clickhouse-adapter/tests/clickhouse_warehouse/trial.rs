//! What the service needs of a server, tried without leaving anything behind.

use health_kit::SystemClock;

use super::target::{fresh, open};

#[tokio::test]
async fn inserts_are_tried_and_no_row_is_left() {
    let warehouse = fresh().await;
    let tried = warehouse.house.try_inserts().await;
    assert_eq!(tried, Ok(10));
    let parts =
        "SELECT count() FROM system.parts WHERE database = '$' AND table != 'schema_versions'";
    assert_eq!(warehouse.sql(parts).await, "0");

    warehouse.sql("DROP TABLE $.match_ranks").await;
    let missing = warehouse.house.try_inserts().await;
    let missing = missing.expect_err("a table is missing").to_string();
    assert!(missing.contains("match_ranks"), "{missing}");
    assert!(missing.contains("etl-service migrate"), "{missing}");
}

#[tokio::test]
async fn a_server_tells_its_version_its_disks_and_its_time_without_our_database() {
    let warehouse = fresh().await;
    let house = open(warehouse.engine.url(), "not_there");
    let version = house.server_version().await.expect("it answers");
    assert!(version.starts_with("26."), "{version}");
    let disks = house.disks().await.expect("it tells");
    assert!(!disks.is_empty());
    assert!(disks.iter().all(|disk| disk.free <= disk.size), "{disks:?}");
    let ahead_ms = house.clock_ahead_ms(&SystemClock).await.expect("it tells");
    assert!(
        ahead_ms.abs() < 1000,
        "the engine is on this machine: {ahead_ms}"
    );
}
