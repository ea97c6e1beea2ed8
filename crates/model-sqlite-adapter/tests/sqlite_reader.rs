//! The reader of the embedded warehouse, held to the suite of its ports: what it
//! reads is made, stored and built by who writes the file.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use domain::{CountingRules, Day, Patches};
use etl_application::Answer;
use etl_application::ports::{CounterStore as _, FactStore as _};
use etl_sqlite_adapter::SqliteWarehouse;
use health_kit::SystemClock;
use model_application::Weight;
use model_application::ports::{AccountReader, CounterReader, Part, ReadError};
use model_sqlite_adapter::SqliteReader;
use model_test_support::reader_contract::{self, Defect, Target, many};
use model_test_support::{FIRST_DAY, PlayedMatch};
use sql_kit::{Schema, SqliteFile};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tempfile::TempDir;

struct Warehouse {
    writer: SqliteWarehouse,
    reader: Arc<SqliteReader>,
    path: PathBuf,
    versions: AtomicU64,
    _folder: TempDir,
}

async fn fresh() -> Warehouse {
    let folder = tempfile::tempdir().expect("there is room for tests");
    let path = folder.path().join("dota.db");
    let writer = SqliteWarehouse::open(&path, Arc::new(SystemClock)).await;
    Warehouse {
        writer: writer.expect("the file is made"),
        reader: Arc::new(reader(path.clone())),
        path,
        versions: AtomicU64::new(1),
        _folder: folder,
    }
}

fn reader(path: PathBuf) -> SqliteReader {
    SqliteReader::new(path, Arc::new(SystemClock))
}

impl Warehouse {
    /// Runs a statement behind the writer's back.
    async fn sql(&self, statement: &'static str) {
        let options = SqliteConnectOptions::new().filename(&self.path);
        let other = SqlitePool::connect_with(options).await;
        let other = other.expect("the file is there");
        let run = sqlx::raw_sql(statement).execute(&other).await;
        run.expect("the statement is right");
        other.close().await;
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
        for some in matches.chunks(500) {
            let answers = some.iter().map(|played| Answer {
                summary: played.summary(),
                source: "suite".into(),
                version,
            });
            let answers: Vec<_> = answers.collect();
            let days = self.writer.store(&answers).await;
            let marked = self.writer.mark_dirty(&days.expect("it is stored")).await;
            marked.expect("the days are marked");
        }
    }

    async fn build(&self, day: Day) {
        let (rules, patches) = (CountingRules::default(), Patches::built_in());
        let built = self.writer.build_day(day, &rules, &patches).await;
        built.expect("it adds up");
    }

    async fn spoil(&self, day: Day, defect: Defect) -> bool {
        assert_eq!(day, FIRST_DAY.next(), "what follows speaks of this day");
        self.sql(match defect {
            Defect::HeroStale => {
                "UPDATE hero_days SET build = build - 1 WHERE day = 20171 AND hero = 4"
            }
            Defect::PairStale => {
                "UPDATE pair_days SET build = build - 1 WHERE day = 20171 AND hero = 4 AND other = 7"
            }
            Defect::PairsStale => "UPDATE pair_days SET build = build - 1 WHERE day = 20171",
            Defect::HeroesMissing => "DELETE FROM hero_days WHERE day = 20171",
            Defect::PairsMissing => "DELETE FROM pair_days WHERE day = 20171",
        })
        .await;
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_one_keeps_the_promises_of_the_ports() {
    reader_contract::check(fresh).await;
}

#[tokio::test]
async fn a_file_that_comes_later_is_read_then() {
    let folder = tempfile::tempdir().expect("there is room for tests");
    let path = folder.path().join("dota.db");
    let reader = reader(path.clone());
    for _ in 0..2 {
        let error = reader.check().await.expect_err("there is no file");
        assert_eq!(error.cause(), "missing");
        let text = error.to_string();
        assert!(
            text.contains("the service that writes it makes it"),
            "{text}"
        );
        assert!(!path.exists(), "who reads makes no file");
    }
    let writer = SqliteWarehouse::open(&path, Arc::new(SystemClock)).await;
    let writer = writer.expect("the file is made");
    let trial = reader.check().await.expect("now it is there");
    assert!(trial.place.contains("dota.db"), "{}", trial.place);

    // Somebody removes it, and it is made anew.
    writer.close().await;
    std::fs::remove_dir_all(folder.path()).expect("it is ours");
    let error = reader.newest_day().await.expect_err("it is gone");
    assert_eq!(error.cause(), "missing");
    let writer = SqliteWarehouse::open(&path, Arc::new(SystemClock)).await;
    writer.expect("the file is made again");
    assert_eq!(reader.newest_day().await, Ok(None));
}

#[tokio::test]
async fn a_file_of_another_program_is_refused() {
    const STEP: &str = "SELECT 1";
    let folder = tempfile::tempdir().expect("there is room for tests");
    let check = async |name: &str, schema: Schema, cause: &str, expected: &str| {
        let path = folder.path().join(name);
        let made = SqliteFile::open(&path, schema).await.expect("it is made");
        made.close().await;
        let error = reader(path).check().await.expect_err("it is another one");
        assert_eq!(error.cause(), cause);
        let text = error.to_string();
        assert!(text.contains(expected), "{text}");
    };
    check(
        "older.db",
        Schema(&[STEP]),
        "schema",
        "upgrades it when it starts",
    )
    .await;
    check(
        "newer.db",
        Schema(&[STEP; 9]),
        "unfit",
        "use the newer program",
    )
    .await;
    check(
        "empty.db",
        Schema(&[STEP; 2]),
        "unfit",
        "has no table day_builds, table hero_days",
    )
    .await;
    let path = folder.path().join("letter.db");
    std::fs::write(&path, "Dear reader, ".repeat(1000)).expect("there is room");
    let error = reader(path).check().await.expect_err("it is a letter");
    assert!(matches!(error, ReadError::Unfit { .. }), "{error}");
}

#[tokio::test]
async fn a_column_that_is_missing_is_named() {
    let target = fresh().await;
    target
        .sql("ALTER TABLE match_players DROP COLUMN leaver_status")
        .await;
    let error = target.reader.check().await.expect_err("it is missing");
    let text = error.to_string();
    assert!(
        text.contains("column match_players.leaver_status"),
        "{text}"
    );
    assert!(matches!(error, ReadError::Unfit { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_and_who_reads_do_not_wait_for_each_other() {
    let target = fresh().await;
    let days = [FIRST_DAY, FIRST_DAY.next()];
    target.store(&many(&days, 200)).await;
    for day in days {
        target.build(day).await;
    }
    let writing = async {
        for _ in 0..20 {
            target.build(days[1]).await;
        }
    };
    let reading = async {
        let mut read = 0;
        for _ in 0..20 {
            let builds = target.reader.day_builds(days[0], days[1]).await;
            let builds = builds.expect("it answers");
            let to_read = builds
                .iter()
                .map(|day| day.to_read(Weight::FULL, Part::Fit));
            let to_read: Vec<_> = to_read.collect();
            // A day that was built anew in between has the same mark here, as no match came.
            let counts = target.reader.counts("7.38", &to_read).await;
            read += counts.expect("it is of one moment").matches_read();
        }
        read
    };
    let ((), read) = tokio::join!(writing, reading);
    assert!(read > 0);
}
