//! Tables, and whether they fit.

use contracts::warehouse::{
    BackfillRow, CallBudgetRow, DayBuildRow, DetailWishRow, DirtyDayRow, HeroDayRow, LOADED_AT,
    MatchPlayerRow, MatchPositionRow, MatchRankRow, MatchRow, MatchSourceRow, PairDayRow, PairRow,
    PatchRow, PlayerMatchRow, PositionDayRow, TableRow,
};
use etl_application::ports::{FactStore, StoreError};
use etl_clickhouse_adapter::SchemaError;
use etl_test_support::answers::{NOON, said_by, whole};

use super::target::{Warehouse, fresh, open};

#[tokio::test]
async fn tables_have_the_columns_of_the_contract() {
    async fn check<R: TableRow>(warehouse: &Warehouse) {
        let found = format!("DESCRIBE $.{}", R::TABLE);
        let found = warehouse.sql(&found).await;
        let found = found.lines().filter_map(|line| line.split('\t').next());
        let found: Vec<_> = found.filter(|column| *column != LOADED_AT).collect();
        assert_eq!(found, R::COLUMNS, "{}", R::TABLE);
    }
    let warehouse = fresh().await;
    check::<MatchRow>(&warehouse).await;
    check::<MatchSourceRow>(&warehouse).await;
    check::<MatchRankRow>(&warehouse).await;
    check::<MatchPlayerRow>(&warehouse).await;
    check::<PlayerMatchRow>(&warehouse).await;
    check::<MatchPositionRow>(&warehouse).await;
    check::<HeroDayRow>(&warehouse).await;
    check::<PositionDayRow>(&warehouse).await;
    check::<PairDayRow>(&warehouse).await;
    check::<PairRow>(&warehouse).await;
    check::<PatchRow>(&warehouse).await;
    check::<DirtyDayRow>(&warehouse).await;
    check::<DayBuildRow>(&warehouse).await;
    check::<DetailWishRow>(&warehouse).await;
    check::<CallBudgetRow>(&warehouse).await;
    check::<BackfillRow>(&warehouse).await;
}

#[tokio::test]
async fn a_database_is_made_with_its_tables_and_stays_as_it_is() {
    let warehouse = fresh().await;
    let database = format!("{}_new", warehouse.database);
    let house = open(warehouse.engine.url(), &database);
    let missing = house.check_schema().await;
    assert!(missing.is_err(), "there is no database");
    house.migrate().await.expect("it is made");
    house.migrate().await.expect("it is there");
    house.check_schema().await.expect("it fits");
    let versions = "SELECT count() FROM $_new.schema_versions";
    assert_eq!(warehouse.sql(versions).await, "1", "nothing is done twice");
}

#[tokio::test]
async fn tables_that_do_not_fit_are_told_apart() {
    let warehouse = fresh().await;
    let check = async || warehouse.house.check_schema().await;
    assert_eq!(check().await, Ok(()));

    warehouse.sql("DROP TABLE $.match_ranks").await;
    let missing = check().await.expect_err("a table is missing").to_string();
    assert!(
        missing.contains("match_ranks; run `etl-service migrate`"),
        "{missing}"
    );
    warehouse.house.migrate().await.expect("it is made again");

    warehouse.sql("TRUNCATE TABLE $.schema_versions").await;
    assert!(matches!(
        check().await,
        Err(SchemaError::Older { found: 0, .. })
    ));

    warehouse
        .sql("INSERT INTO $.schema_versions (version) VALUES (99)")
        .await;
    assert!(matches!(
        check().await,
        Err(SchemaError::Newer { found: 99, .. })
    ));
    let refused = warehouse.house.migrate().await;
    assert!(
        matches!(refused, Err(SchemaError::Newer { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_table_or_column_that_is_missing_is_a_matter_of_the_schema() {
    let warehouse = fresh().await;
    let answers = [said_by("a", 1, whole(1, NOON))];
    let stored = async || warehouse.house.store(&answers).await;
    stored().await.expect("it is taken");
    for spoil in [
        "ALTER TABLE $.matches DROP COLUMN lobby_type",
        "DROP TABLE $.matches",
    ] {
        warehouse.sql(spoil).await;
        let refused = stored().await;
        let Err(StoreError::Schema { detail }) = refused else {
            panic!("{spoil}: {refused:?}");
        };
        assert!(detail.contains("etl-service migrate"), "{detail}");
    }
    warehouse.house.migrate().await.expect("it is made again");
    stored().await.expect("it is taken again");
}
