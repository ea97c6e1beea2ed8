//! The warehouse in a SQLite file, held to the suite of its ports.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use contracts::warehouse::{
    BackfillRow, CallBudgetRow, DayBuildRow, DetailWishRow, DirtyDayRow, HeroDayRow, LOADED_AT,
    MatchPlayerRow, MatchPositionRow, MatchRankRow, MatchRow, MatchSourceRow, PairDayRow, PairRow,
    PatchRow, PlayerMatchRow, PositionDayRow, SCHEMA_VERSION, TableRow,
};
use domain::{AccountId, Day, HeroId, MatchId, Slot, Timestamp};
use etl_application::ports::{
    BackfillStore, CallMemory, CounterStore, FactStore, PatchStore, StoreError, WarehouseReader,
    WishQueue, WishStore,
};
use etl_sqlite_adapter::SqliteWarehouse;
use etl_test_support::answers::{DAY, NOON, match_id, said_by, whole, with_players};
use etl_test_support::warehouse_contract::{self, Defect, PositionGames, Target};
use sql_kit::SqliteFile;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tempfile::TempDir;
use test_kit::clock::StoppedClock;

struct Warehouse {
    sqlite: Arc<SqliteWarehouse>,
    /// A connection that owes nothing to the adapter.
    other: SqlitePool,
    path: PathBuf,
    _folder: TempDir,
}

async fn fresh() -> Warehouse {
    let folder = tempfile::tempdir().expect("there is room for tests");
    let path = folder.path().join("dota.db");
    let clock = StoppedClock(Timestamp::from_unix_seconds(NOON));
    let warehouse = SqliteWarehouse::open(&path, Arc::new(clock)).await;
    let options = SqliteConnectOptions::new().filename(&path);
    Warehouse {
        sqlite: Arc::new(warehouse.expect("the file is made")),
        other: SqlitePool::connect_with(options)
            .await
            .expect("it is there"),
        path,
        _folder: folder,
    }
}

#[async_trait]
impl Target for Warehouse {
    fn facts(&self) -> Arc<dyn FactStore> {
        Arc::clone(&self.sqlite) as _
    }

    fn counters(&self) -> Arc<dyn CounterStore> {
        Arc::clone(&self.sqlite) as _
    }

    fn wishes(&self) -> Arc<dyn WishStore> {
        Arc::clone(&self.sqlite) as _
    }

    fn patches(&self) -> Arc<dyn PatchStore> {
        Arc::clone(&self.sqlite) as _
    }

    fn backfills(&self) -> Arc<dyn BackfillStore> {
        Arc::clone(&self.sqlite) as _
    }

    fn wish_queue(&self) -> Arc<dyn WishQueue> {
        Arc::clone(&self.sqlite) as _
    }

    fn calls(&self) -> Arc<dyn CallMemory> {
        Arc::clone(&self.sqlite) as _
    }

    fn reader(&self) -> Arc<dyn WarehouseReader> {
        Arc::clone(&self.sqlite) as _
    }

    async fn player_matches(&self, account: AccountId) -> Vec<(MatchId, Slot, HeroId)> {
        let rows: Vec<(i64, u8, u16)> = sqlx::query_as(
            "SELECT match_id, slot, hero_id FROM player_matches WHERE account_id = $1 \
             ORDER BY match_id",
        )
        .bind(account.get())
        .fetch_all(&self.other)
        .await
        .expect("the file is read");
        let rows = rows.into_iter().map(|(id, slot, hero)| {
            let slot = Slot::try_new(slot).expect("it was one");
            let hero = HeroId::try_new(hero).expect("it was one");
            (match_id(id), slot, hero)
        });
        rows.collect()
    }

    async fn position_games(&self, day: Day) -> Vec<PositionGames> {
        sqlx::query_as(
            "SELECT hero, lane, position, sum(games), sum(wins) FROM position_days \
             WHERE day = $1 GROUP BY hero, lane, position ORDER BY hero, lane, position",
        )
        .bind(day.days_since_epoch())
        .fetch_all(&self.other)
        .await
        .expect("the file is read")
    }

    async fn tamper(&self, day: Day, defect: Defect) -> bool {
        let statement = match defect {
            Defect::HeroMissing => "DELETE FROM hero_days WHERE day = ?1 AND hero = 10",
            Defect::PositionMissing => "DELETE FROM position_days WHERE day = ?1 AND hero = 10",
            Defect::PairMissing => {
                "DELETE FROM pair_days WHERE day = ?1 AND hero = 10 AND other = 112"
            }
            // The key forbids the row itself; this is what its double would add.
            Defect::HeroDoubled => {
                "UPDATE hero_days SET games = 2 * games WHERE day = ?1 AND hero = 10"
            }
            Defect::PairDoubled => {
                "UPDATE pair_days SET games = 2 * games WHERE day = ?1 AND hero = 10 AND other = 112"
            }
            Defect::WrongDay => {
                "UPDATE hero_days SET day = day + 1, game_mode = 99 WHERE day = ?1 AND hero = 10"
            }
            Defect::WrongPatch => {
                "UPDATE hero_days SET patch = '6.66' WHERE day = ?1 AND hero = 10"
            }
            Defect::WinsWrong => {
                "UPDATE pair_days SET wins = wins - 1 WHERE day = ?1 AND hero = 10 AND other = 112"
            }
            Defect::StaleBuild => {
                "UPDATE hero_days SET build = build - 1 WHERE day = ?1 AND hero = 10"
            }
            Defect::PositionsStale => "UPDATE position_days SET build = build - 1 WHERE day = ?1",
            Defect::NotesWrong => "UPDATE day_builds SET matches = matches + 1 WHERE day = ?1",
            Defect::NoteMissing => "DELETE FROM day_builds WHERE day = ?1",
            Defect::NoteAndPairsMissing => {
                "DELETE FROM pair_days WHERE day = ?1; DELETE FROM day_builds WHERE day = ?1"
            }
            Defect::EverythingMissing => {
                "DELETE FROM hero_days WHERE day = ?1; DELETE FROM pair_days WHERE day = ?1; \
                 DELETE FROM position_days WHERE day = ?1; DELETE FROM day_builds WHERE day = ?1"
            }
        };
        let done = sqlx::query(statement)
            .bind(day.days_since_epoch())
            .execute(&self.other)
            .await
            .expect("the file is written");
        assert!(done.rows_affected() > 0, "the defect is planted");
        true
    }
}

#[tokio::test]
async fn the_file_keeps_the_promises_of_the_ports() {
    warehouse_contract::check(fresh).await;
}

async fn columns(warehouse: &Warehouse, table: &str) -> Vec<String> {
    sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
        .bind(table.to_owned())
        .fetch_all(&warehouse.other)
        .await
        .expect("the file is read")
}

#[tokio::test]
async fn tables_have_the_columns_of_the_contract() {
    async fn check<R: TableRow>(warehouse: &Warehouse) {
        let mut found = columns(warehouse, R::TABLE).await;
        found.retain(|column| column != LOADED_AT);
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
    assert!(
        columns(&warehouse, "matches")
            .await
            .contains(&LOADED_AT.to_owned())
    );
}

#[tokio::test]
async fn an_account_is_found_by_its_index() {
    let warehouse = fresh().await;
    let plan: Vec<(i64, i64, i64, String)> =
        sqlx::query_as("EXPLAIN QUERY PLAN SELECT * FROM player_matches WHERE account_id = 1002")
            .fetch_all(&warehouse.other)
            .await
            .expect("the file is read");
    let by_index = |line: &str| line.contains("match_players_by_account (account_id=?)");
    assert!(plan.iter().any(|row| by_index(&row.3)), "{plan:?}");
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let warehouse = fresh().await;
    let answers = [1, 2].map(|id| said_by("a", 1, with_players(whole(id, NOON + id * DAY))));
    let days = warehouse.sqlite.store(&answers).await.expect("it is taken");
    warehouse
        .sqlite
        .mark_dirty(&days)
        .await
        .expect("it is taken");
    let before = warehouse.sqlite.dirty_days(10).await.expect("it answers");
    warehouse.sqlite.close().await;

    // With a clock that was set back.
    let clock = StoppedClock::at_unix_ms(0);
    let again = SqliteWarehouse::open(&warehouse.path, Arc::new(clock)).await;
    let again = again.expect("the file is there");
    assert_eq!(again.dirty_days(10).await, Ok(before.clone()));
    again.mark_dirty(&days).await.expect("it is taken");
    let after = again.dirty_days(10).await.expect("it answers");
    assert!(after[0].mark > before[1].mark, "marks never go back");
    let known = again.match_facts(match_id(2)).await.expect("it answers");
    assert_eq!(known.len(), 3);
}

#[tokio::test]
async fn others_read_the_file_while_it_is_written() {
    let warehouse = fresh().await;
    let reader = SqliteFile::open_read_only(&warehouse.path, SCHEMA_VERSION).await;
    let reader = reader.expect("readers and writers have the same version in mind");
    let answers = [said_by("a", 1, whole(1, NOON))];
    warehouse.sqlite.store(&answers).await.expect("it is taken");
    let heroes: String = sqlx::query_scalar("SELECT radiant FROM matches")
        .fetch_one(reader.readers())
        .await
        .expect("the file is read");
    assert_eq!(heroes, "[10,97,29,86,51]");
}

#[tokio::test]
async fn what_the_file_cannot_hold_is_refused_by_its_match() {
    let warehouse = fresh().await;
    let mut answers = [1, 2, 3].map(|id| said_by("a", 1, whole(id, NOON)));
    answers[1].version = u64::MAX;
    let refused = warehouse.sqlite.store(&answers).await;
    let Err(StoreError::Refused { detail }) = refused else {
        panic!("{refused:?}");
    };
    assert!(detail.contains("match 2"), "{detail}");
    answers[1] = said_by("a", 1, whole(2, -1));
    let refused = warehouse.sqlite.store(&answers).await;
    assert!(matches!(refused, Err(StoreError::Refused { .. })));
}

#[tokio::test]
async fn trouble_has_its_cause_and_names_the_file() {
    let warehouse = fresh().await;
    let answers = [said_by("a", 1, whole(1, NOON))];
    let check = async |expected: &str| {
        let error = warehouse.sqlite.store(&answers).await;
        let error = error.expect_err("it cannot be stored");
        assert_eq!(error.cause(), expected, "{error}");
        assert!(error.to_string().contains("dota.db"), "{error}");
    };
    // Somebody else drops a table, then the rest of the file goes.
    sqlx::raw_sql("DROP INDEX match_sources_by_start; DROP TABLE match_sources")
        .execute(&warehouse.other)
        .await
        .expect("the file is written");
    check("schema").await;
    warehouse.sqlite.close().await;
    check("other").await;
}
