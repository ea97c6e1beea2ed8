//! How long inserts take is told, table by table.

use std::sync::Arc;

use etl_application::{LoadStatus, ports::FactStore as _};
use etl_test_support::answers::{NOON, said_by, whole};
use health_kit::{Clock, SystemClock};

use super::target::fresh;

#[tokio::test]
async fn each_insert_that_was_acknowledged_is_told_by_table() {
    let warehouse = fresh().await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let status = Arc::new(LoadStatus::new(&clock));
    warehouse.house.tell(Arc::clone(&status));
    for version in 1..=2 {
        let answers = [said_by("a", version, whole(1, NOON))];
        warehouse.house.store(&answers).await.expect("it is taken");
    }
    // An insert that fails counts nowhere.
    warehouse.sql("DROP TABLE $.match_ranks").await;
    let mut ranked = whole(1, NOON);
    ranked.avg_rank_tier = Some(80);
    let stored = warehouse.house.store(&[said_by("a", 3, ranked)]).await;
    stored.expect_err("a table is missing");

    let inserts = status.figures().inserts;
    assert_eq!(inserts["match_sources"].count(), 2);
    assert_eq!(inserts["matches"].count(), 2);
    for nothing_in in ["match_ranks", "player_matches"] {
        assert!(!inserts.contains_key(nothing_in), "{nothing_in}");
    }
}
