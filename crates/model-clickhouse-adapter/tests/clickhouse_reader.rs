//! The reader of the warehouse on a real ClickHouse, held to the suite of its ports:
//! what it reads is made, stored and built by who writes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use clickhouse_test_kit::{ClickHouse, shared_clickhouse};
use domain::{CountingRules, Day, Patches};
use etl_application::Answer;
use etl_application::ports::{CounterStore as _, FactStore as _};
use etl_clickhouse_adapter::{ClickHouseWarehouse, TableOptions, WarehouseOptions};
use model_application::ports::{AccountReader, CounterReader, ReadError};
use model_clickhouse_adapter::{ClickHouseReader, Limits};
use model_test_support::PlayedMatch;
use model_test_support::reader_contract::{self, Defect, Target};
use warehouse_kit::{WarehousePlace, WarehouseSettings};

struct Warehouse {
    writer: ClickHouseWarehouse,
    reader: Arc<ClickHouseReader>,
    engine: &'static ClickHouse,
    database: String,
    versions: AtomicU64,
}

async fn fresh() -> Warehouse {
    let engine = shared_clickhouse().await.expect("there is an engine");
    let database = engine.create_database("model").await;
    let database = database.expect("the engine makes databases");
    let client = client(engine.url(), &database, "default");
    let options = WarehouseOptions {
        tables: TableOptions {
            fsync: false,
            players_ttl: None,
        },
        ..WarehouseOptions::default()
    };
    let writer = ClickHouseWarehouse::new(client.clone(), options);
    writer.migrate().await.expect("the tables are made");
    Warehouse {
        writer,
        reader: Arc::new(ClickHouseReader::new(client, Limits::default())),
        engine,
        database,
        versions: AtomicU64::new(1),
    }
}

fn client(url: &str, database: &str, user: &str) -> clickhouse::Client {
    let settings = WarehouseSettings {
        place: WarehousePlace::Server(url.to_owned()),
        dir: "unused".into(),
        database: database.to_owned(),
        user: user.to_owned(),
        password: None,
        ca_file: None,
    };
    warehouse_kit::client(&settings).expect("no certificates are needed")
}

impl Warehouse {
    /// Runs a statement behind the writer's back; `$` is the database.
    async fn sql(&self, statement: &str) {
        let statement = statement.replace('$', &self.database);
        let run = self.engine.execute(&statement).await;
        run.expect("the statement is right");
    }
}

#[async_trait]
impl Target for Warehouse {
    fn counters(&self) -> Arc<dyn CounterReader> {
        Arc::clone(&self.reader) as _
    }

    fn accounts(&self) -> Arc<dyn AccountReader> {
        Arc::clone(&self.reader) as _
    }

    async fn store(&self, matches: &[PlayedMatch]) {
        let version = self.versions.fetch_add(1, Ordering::Relaxed) << 16;
        let answers = matches.iter().map(|played| Answer {
            summary: played.summary(),
            source: "suite".into(),
            version,
        });
        let answers: Vec<_> = answers.collect();
        let days = self.writer.store(&answers).await;
        let marked = self.writer.mark_dirty(&days.expect("it is stored")).await;
        marked.expect("the days are marked");
    }

    async fn build(&self, day: Day) {
        let (rules, patches) = (CountingRules::default(), Patches::built_in());
        let built = self.writer.build_day(day, &rules, &patches).await;
        built.expect("it adds up");
    }

    async fn spoil(&self, day: Day, defect: Defect) -> bool {
        let stale = |table: &str, rows: &str| {
            format!(
                "ALTER TABLE $.{table} UPDATE build = build - 1 WHERE day = '{day}' AND {rows} \
                 SETTINGS mutations_sync = 2"
            )
        };
        let statement = match defect {
            Defect::HeroStale => stale("hero_days", "hero = 4"),
            Defect::PairStale => stale("pair_days", "hero = 4 AND other = 7"),
            Defect::PairsStale => stale("pair_days", "true"),
            Defect::HeroesMissing => format!("ALTER TABLE $.hero_days DROP PARTITION '{day}'"),
            Defect::PairsMissing => format!("ALTER TABLE $.pair_days DROP PARTITION '{day}'"),
        };
        self.sql(&statement).await;
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_on_a_server_keeps_the_promises_of_the_ports() {
    reader_contract::check(fresh).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named() {
    let target = fresh().await;
    let trial = target.reader.check().await.expect("everything is there");
    assert!(trial.place.contains(&target.database), "{}", trial.place);
    assert!(trial.now.as_unix_ms() > 1_700_000_000_000);
    target.sql("DROP TABLE $.player_matches").await;
    target
        .sql("ALTER TABLE $.match_players DROP COLUMN leaver_status")
        .await;
    let error = target.reader.check().await.expect_err("they are missing");
    assert!(matches!(error, ReadError::Unfit { .. }), "{error}");
    let text = error.to_string();
    for expected in [
        "column match_players.leaver_status, table player_matches",
        "etl-service migrate",
        &target.database,
    ] {
        assert!(text.contains(expected), "{text}");
    }
    let empty = ClickHouseReader::new(
        client(target.engine.url(), "no_such_database", "default"),
        Limits::default(),
    );
    let error = empty.check().await.expect_err("there is no database");
    assert!(matches!(error, ReadError::Unfit { .. }), "{error}");
    assert!(error.to_string().contains("etl-service migrate"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_may_come_back() {
    let limits = Limits {
        answer: Duration::from_secs(1),
        read: Duration::from_secs(1),
    };
    // Nobody listens at port 1.
    let reader = ClickHouseReader::new(client("http://127.0.0.1:1", "dota", "default"), limits);
    let error = reader.check().await.expect_err("nobody answers");
    assert_eq!(error.cause(), "network", "{error}");
}
