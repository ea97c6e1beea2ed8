//! A warehouse under test.

use std::sync::Arc;

use async_trait::async_trait;
use clickhouse_test_kit::{ClickHouse, shared_clickhouse};
use domain::{AccountId, Day, HeroId, MatchId, Slot};
use etl_application::ports::{
    BackfillStore, CallMemory, CounterStore, FactStore, NewWish, PatchStore, WarehouseReader,
    WishQueue, WishStore,
};
use etl_clickhouse_adapter::{ClickHouseWarehouse, TableOptions, WarehouseOptions};
use etl_test_support::answers::{hero, match_id};
use etl_test_support::warehouse_contract::{Defect, PositionGames, Target};
use warehouse_kit::{WarehousePlace, WarehouseSettings};

/// A warehouse in a database of its own.
pub(crate) struct Warehouse {
    pub(crate) house: Arc<ClickHouseWarehouse>,
    pub(crate) engine: &'static ClickHouse,
    pub(crate) database: String,
}

/// An empty one. Tests need no disk that has heard of everything.
pub(crate) async fn fresh() -> Warehouse {
    let engine = shared_clickhouse().await.expect("there is an engine");
    let database = engine.create_database("etl").await;
    let database = database.expect("the engine makes databases");
    let house = open(engine.url(), &database);
    house.migrate().await.expect("the tables are made");
    Warehouse {
        house: Arc::new(house),
        engine,
        database,
    }
}

/// Speaks to a database at a URL.
pub(crate) fn open(url: &str, database: &str) -> ClickHouseWarehouse {
    open_with(url, database, &[])
}

/// The same with settings of the server.
pub(crate) fn open_with(
    url: &str,
    database: &str,
    server_settings: &[(&str, &str)],
) -> ClickHouseWarehouse {
    let settings = WarehouseSettings {
        place: WarehousePlace::Server(url.to_owned()),
        dir: "unused".into(),
        database: database.to_owned(),
        user: "default".to_owned(),
        password: None,
        ca_file: None,
    };
    let mut client = warehouse_kit::client(&settings).expect("no certificates are needed");
    for (name, value) in server_settings {
        client = client.with_setting(*name, *value);
    }
    let options = WarehouseOptions {
        tables: TableOptions {
            fsync: false,
            players_ttl: None,
        },
        ..WarehouseOptions::default()
    };
    ClickHouseWarehouse::new(client, options)
}

impl Warehouse {
    /// Runs a statement behind the adapter's back; `$` is the database.
    pub(crate) async fn sql(&self, statement: &str) -> String {
        let statement = statement.replace('$', &self.database);
        let answer = self.engine.execute(&statement).await;
        answer.expect("the statement is right")
    }
}

#[async_trait]
impl Target for Warehouse {
    fn facts(&self) -> Arc<dyn FactStore> {
        Arc::clone(&self.house) as _
    }

    fn counters(&self) -> Arc<dyn CounterStore> {
        Arc::clone(&self.house) as _
    }

    fn wishes(&self) -> Arc<dyn WishStore> {
        Arc::clone(&self.house) as _
    }

    fn patches(&self) -> Arc<dyn PatchStore> {
        Arc::clone(&self.house) as _
    }

    fn backfills(&self) -> Arc<dyn BackfillStore> {
        Arc::clone(&self.house) as _
    }

    fn wish_queue(&self) -> Arc<dyn WishQueue> {
        Arc::clone(&self.house) as _
    }

    async fn wish_late(&self, wish: NewWish) {
        let NewWish {
            match_id,
            reason,
            first_try,
        } = wish;
        self.sql(&format!(
            "INSERT INTO $.detail_wishes VALUES ({match_id}, '{reason}', {}, 0, 'waiting', {}, {})",
            reason.priority(),
            first_try.unix_seconds(),
            wish.version()
        ))
        .await;
    }

    fn calls(&self) -> Arc<dyn CallMemory> {
        Arc::clone(&self.house) as _
    }

    fn reader(&self) -> Arc<dyn WarehouseReader> {
        Arc::clone(&self.house) as _
    }

    async fn player_matches(&self, account: AccountId) -> Vec<(MatchId, Slot, HeroId)> {
        let rows = format!(
            "SELECT match_id, slot, hero_id FROM $.player_matches FINAL \
             WHERE account_id = {} ORDER BY match_id",
            account.get()
        );
        let rows = self.sql(&rows).await;
        let row = |line: &str| {
            let columns: Vec<i64> = line
                .split('\t')
                .map(|column| column.parse().expect("a number"))
                .collect();
            let slot = u8::try_from(columns[1]).expect("a slot");
            let raw = u16::try_from(columns[2]).expect("a hero");
            let slot = Slot::try_new(slot).expect("it was one");
            (match_id(columns[0]), slot, hero(raw))
        };
        rows.lines().map(row).collect()
    }

    async fn position_games(&self, day: Day) -> Vec<PositionGames> {
        let rows = format!(
            "SELECT hero, lane, position, sum(games), sum(wins) FROM $.position_days \
             WHERE toUInt16(day) = {} GROUP BY hero, lane, position ORDER BY hero, lane, position",
            day.days_since_epoch()
        );
        let rows = self.sql(&rows).await;
        let row = |line: &str| {
            let columns: Vec<u32> = line
                .split('\t')
                .map(|column| column.parse().expect("a number"))
                .collect();
            let small = |place: usize| u8::try_from(columns[place]).expect("a small number");
            let hero = u16::try_from(columns[0]).expect("a hero");
            (hero, small(1), small(2), columns[3], columns[4])
        };
        rows.lines().map(row).collect()
    }

    async fn tamper(&self, day: Day, defect: Defect) -> bool {
        let day = day.days_since_epoch();
        let hero = format!("toUInt16(day) = {day} AND hero = 10");
        let pair = format!("{hero} AND other = 112");
        let update = |table: &str, set: &str, row: &str| {
            format!("ALTER TABLE $.{table} UPDATE {set} WHERE {row} SETTINGS mutations_sync = 2")
        };
        let statements = match defect {
            Defect::HeroMissing => vec![format!("DELETE FROM $.hero_days WHERE {hero}")],
            Defect::PositionMissing => {
                vec![format!("DELETE FROM $.position_days WHERE {hero}")]
            }
            Defect::PairMissing => vec![format!("DELETE FROM $.pair_days WHERE {pair}")],
            Defect::HeroDoubled => {
                vec![format!(
                    "INSERT INTO $.hero_days SELECT * FROM $.hero_days WHERE {hero}"
                )]
            }
            Defect::PairDoubled => {
                vec![format!(
                    "INSERT INTO $.pair_days SELECT * FROM $.pair_days WHERE {pair}"
                )]
            }
            Defect::WrongDay => vec![
                format!(
                    "INSERT INTO $.hero_days SELECT day + 1, * EXCEPT day FROM $.hero_days WHERE {hero}"
                ),
                format!("DELETE FROM $.hero_days WHERE {hero}"),
            ],
            Defect::WrongPatch => vec![
                format!(
                    "INSERT INTO $.hero_days SELECT * REPLACE '6.66' AS patch FROM $.hero_days WHERE {hero}"
                ),
                format!("DELETE FROM $.hero_days WHERE {hero} AND patch != '6.66'"),
            ],
            Defect::WinsWrong => vec![update("pair_days", "wins = wins - 1", &pair)],
            Defect::StaleBuild => vec![update("hero_days", "build = build - 1", &hero)],
            Defect::PositionsStale => {
                let row = format!("toUInt16(day) = {day}");
                vec![update("position_days", "build = build - 1", &row)]
            }
            Defect::NotesWrong => {
                let row = format!("toUInt16(day) = {day}");
                vec![update("day_builds", "matches = matches + 1", &row)]
            }
            Defect::NoteMissing => {
                vec![format!(
                    "DELETE FROM $.day_builds WHERE toUInt16(day) = {day}"
                )]
            }
            Defect::NoteAndPairsMissing => ["pair_days", "day_builds"]
                .map(|table| format!("DELETE FROM $.{table} WHERE toUInt16(day) = {day}"))
                .into(),
            Defect::EverythingMissing => ["hero_days", "position_days", "pair_days", "day_builds"]
                .map(|table| format!("DELETE FROM $.{table} WHERE toUInt16(day) = {day}"))
                .into(),
        };
        for statement in statements {
            self.sql(&statement).await;
        }
        true
    }
}
