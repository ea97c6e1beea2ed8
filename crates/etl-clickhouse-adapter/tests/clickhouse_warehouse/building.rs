//! What building needs a real server for.

use domain::{CountingRules, Day, MatchSummary, Patches, Timestamp};
use etl_application::ports::{BuildError, CounterStore, DayBuild, FactStore, WarehouseReader};
use etl_test_support::answers::{DAY, NOON, match_id, said_by, whole, with_positions};
use etl_test_support::warehouse_contract::Target as _;
use tokio::join;

use super::target::{Warehouse, fresh, open, open_with};

async fn load(warehouse: &Warehouse, fetched: u64, summary: MatchSummary) {
    let days = warehouse
        .house
        .store(&[said_by("a", fetched, summary)])
        .await;
    let days = days.expect("it is taken");
    warehouse
        .house
        .mark_dirty(&days)
        .await
        .expect("it is taken");
}

async fn build(warehouse: &Warehouse, day: Day) -> DayBuild {
    let (rules, patches) = (CountingRules::default(), Patches::built_in());
    let built = warehouse.house.build_day(day, &rules, &patches).await;
    built.expect("it adds up")
}

fn day(started: i64) -> Day {
    Day::of(Timestamp::from_unix_seconds(started))
}

async fn stages(warehouse: &Warehouse) -> String {
    let stages = "SELECT name FROM system.tables WHERE database = '$' AND name LIKE 'stage%'";
    warehouse.sql(stages).await
}

/// A server skips partitions by a condition on the start, also with FINAL.
#[tokio::test]
async fn a_match_that_is_dated_into_another_month_counts_once() {
    let warehouse = fresh().await;
    let (march, april) = (NOON, NOON + 20 * DAY);
    for (version, started) in [(1, march), (2, april)] {
        load(&warehouse, version, whole(1, started)).await;
    }
    assert_eq!(build(&warehouse, day(march)).await.matches, 0);
    assert_eq!(build(&warehouse, day(april)).await.counted, 1);
    let known = warehouse.house.days(day(march), day(april)).await;
    let known: Vec<_> = known
        .expect("it answers")
        .iter()
        .map(|one| one.day)
        .collect();
    assert_eq!(known, [day(april)]);
    let facts = warehouse.house.match_facts(match_id(1)).await;
    assert_eq!(facts.expect("it answers").len(), 2);
}

/// Positions of some matches only: lists of different lengths are not joined,
/// also on a server that filters no earlier than it is told.
#[tokio::test]
async fn positions_are_counted_on_a_server_that_moves_no_filter() {
    let warehouse = fresh().await;
    load(&warehouse, 1, with_positions(whole(1, NOON))).await;
    load(&warehouse, 1, whole(2, NOON)).await;
    let unhelpful = [
        ("query_plan_filter_push_down", "0"),
        ("optimize_move_to_prewhere", "0"),
    ];
    let house = open_with(warehouse.engine.url(), &warehouse.database, &unhelpful);
    let (rules, patches) = (CountingRules::default(), Patches::built_in());
    let built = house.build_day(day(NOON), &rules, &patches).await;
    assert_eq!(built.expect("it adds up").counted, 2);
    let games = warehouse.position_games(day(NOON)).await;
    assert_eq!(games.len(), 10);
}

/// Who stored it has died before marking; who repeats it finds the earlier rows gone.
#[tokio::test]
async fn a_day_that_was_left_is_known_when_its_rows_are_merged_away() {
    let warehouse = fresh().await;
    load(&warehouse, 1, whole(1, NOON)).await;
    build(&warehouse, day(NOON)).await;
    let moved = [said_by("a", 2, whole(1, NOON + DAY))];
    warehouse.house.store(&moved).await.expect("it is taken");
    for table in ["matches", "match_sources"] {
        warehouse
            .sql(&format!("OPTIMIZE TABLE $.{table} FINAL"))
            .await;
    }
    load(&warehouse, 2, whole(1, NOON + DAY)).await;
    let dirty = warehouse.house.dirty_days(10).await.expect("it answers");
    let dirty: Vec<_> = dirty.iter().map(|one| one.day).collect();
    assert_eq!(dirty, [day(NOON), day(NOON + DAY)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_builders_of_a_day_do_no_harm() {
    let warehouse = fresh().await;
    for id in 1..=5 {
        load(&warehouse, 1, whole(id, NOON)).await;
    }
    let other = open(warehouse.engine.url(), &warehouse.database);
    let (rules, patches) = (CountingRules::default(), Patches::built_in());
    for _ in 0..3 {
        let (one, two) = join!(
            warehouse.house.build_day(day(NOON), &rules, &patches),
            other.build_day(day(NOON), &rules, &patches),
        );
        assert_eq!(one.expect("it adds up"), two.expect("it adds up"));
    }
    let differences = other.verify_day(day(NOON), &rules, &patches).await;
    assert_eq!(differences, Ok(vec![]));
    assert_eq!(other.dirty_days(10).await, Ok(vec![]));
    assert_eq!(stages(&warehouse).await, "", "nothing is left behind");
}

/// The builder that saw the earlier mark is last.
#[tokio::test]
async fn a_builder_that_was_overtaken_leaves_the_day_dirty() {
    let warehouse = fresh().await;
    load(&warehouse, 1, whole(1, NOON)).await;
    build(&warehouse, day(NOON)).await;
    warehouse.sql("CREATE TABLE $.saved AS $.pair_days").await;
    let number = day(NOON);
    let take = format!("ALTER TABLE $.saved REPLACE PARTITION '{number}' FROM $.pair_days");
    warehouse.sql(&take).await;
    load(&warehouse, 1, whole(2, NOON)).await;
    build(&warehouse, day(NOON)).await;
    assert_eq!(warehouse.house.dirty_days(10).await, Ok(vec![]));

    let back = format!("ALTER TABLE $.pair_days REPLACE PARTITION '{number}' FROM $.saved");
    warehouse.sql(&back).await;
    let dirty = warehouse.house.dirty_days(10).await.expect("it answers");
    assert_eq!(dirty.len(), 1, "one table is behind");
    build(&warehouse, day(NOON)).await;
    assert_eq!(warehouse.house.dirty_days(10).await, Ok(vec![]));
}

#[tokio::test]
async fn stages_that_were_left_behind_are_removed_when_they_are_old() {
    let warehouse = fresh().await;
    let now = warehouse.sql("SELECT toUnixTimestamp(now())").await;
    let young = format!("stage_{now}_ab_heroes");
    for stage in ["stage_1_ab_heroes", &young] {
        warehouse
            .sql(&format!("CREATE TABLE $.{stage} AS $.hero_days"))
            .await;
    }
    build(&warehouse, day(NOON)).await;
    assert_eq!(stages(&warehouse).await, young);
}

#[tokio::test]
async fn a_day_that_no_column_holds_is_not_built() {
    let warehouse = fresh().await;
    let (rules, patches) = (CountingRules::default(), Patches::built_in());
    for number in [-1, 65_536] {
        let outside = Day::from_days_since_epoch(number);
        let built = warehouse.house.build_day(outside, &rules, &patches).await;
        assert!(
            matches!(built, Err(BuildError::Unavailable(_))),
            "{built:?}"
        );
    }
}
