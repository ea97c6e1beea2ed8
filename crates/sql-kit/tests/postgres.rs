//! PostgreSQL as its users meet it, on a real server.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use health_kit::{HealthReporter as _, HealthStatus};
use service_kit::{
    config::{Section as _, SettingsReader, Sources, WrongSettings},
    exit_code::ExitCode,
};
use sql_kit::{
    CallError, DatabaseSection, DatabaseSettings, Migrate, MigrateError, PostgresDatabase,
    PostgresHealth, PostgresSchema, Schema,
};
use sql_test_kit::{Postgres, shared_postgres};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use test_kit::{clock::StoppedClock, waiting::wait_until};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

static SECTION: DatabaseSection = DatabaseSection::DEFAULT.with_timeout("1s");
const DEADLINE: Duration = Duration::from_secs(30);
/// A machine that compiles at the same time takes its time.
const SLACK: Duration = Duration::from_secs(2);

const FIRST: PostgresSchema = PostgresSchema {
    name: "tides",
    steps: Schema(&["CREATE TABLE tides.heights (height integer NOT NULL)"]),
};
const SECOND: PostgresSchema = PostgresSchema {
    name: "tides",
    steps: Schema(&[
        "CREATE TABLE tides.heights (height integer NOT NULL)",
        "ALTER TABLE tides.heights ADD COLUMN place text; INSERT INTO tides.heights VALUES (1, 'Brest')",
    ]),
};
const BROKEN: PostgresSchema = PostgresSchema {
    name: "tides",
    steps: Schema(&[
        "CREATE TABLE tides.heights (height integer NOT NULL)",
        "CREATE TABLE tides.moons (phase integer); CREATE TABLE tides.heights (height integer)",
    ]),
};

fn settings(given: &[(&str, &str)]) -> Result<DatabaseSettings, WrongSettings> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let sources = Sources::variables(given, folder.path());
    let mut reader = SettingsReader::new(SECTION.declarations(), &sources);
    let settings = SECTION.read(&mut reader);
    reader.finish().map(|_| settings)
}

fn database(url: &str) -> Result<PostgresDatabase> {
    let settings = settings(&[
        ("DATABASE_URL", url),
        ("DATABASE_STATEMENT_TIMEOUT", "500ms"),
    ])?;
    let place = settings.place.clone().context("it was given")?;
    Ok(PostgresDatabase::new(&settings, place, "test"))
}

async fn count(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM tides.heights")
        .fetch_one(connection)
        .await
}

async fn one(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar("SELECT 1").fetch_one(connection).await
}

#[test]
fn what_is_not_given_has_its_default_and_what_is_wrong_is_named() {
    let defaults = settings(&[]).expect("the defaults are right");
    assert!(defaults.place.is_none());
    assert_eq!(defaults.connections_max, 10);
    assert_eq!(defaults.timeout, Duration::from_secs(1));
    assert_eq!(defaults.statement_timeout, Duration::from_secs(2));
    assert_eq!(defaults.migrate, Migrate::Auto);
    let refuse = settings(&[("DATABASE_MIGRATE", "refuse")]).expect("it is right");
    assert_eq!(refuse.migrate, Migrate::Refuse);
    for (variable, text) in [
        ("DATABASE_URL", "mysql://me:zQz@db/a"),
        ("DATABASE_URL", "postgresql://me:zQz@db"),
        ("DATABASE_CONNECTIONS_MAX", "0"),
        ("DATABASE_TIMEOUT", "0s"),
        ("DATABASE_MIGRATE", "yes"),
    ] {
        let wrong = settings(&[(variable, text)])
            .expect_err("it is wrong")
            .to_string();
        assert!(
            wrong.contains(variable) && !wrong.contains("zQz"),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn a_schema_grows_and_never_shrinks() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("schema").await?;
    let database = database(&url)?;
    let older = database.migrate(FIRST, Migrate::Refuse).await;
    ensure!(matches!(
        older,
        Err(MigrateError::Older {
            found: 0,
            known: 1,
            ..
        })
    ));
    database.migrate(FIRST, Migrate::Auto).await?;
    database.migrate(FIRST, Migrate::Refuse).await?;
    let older = database.migrate(SECOND, Migrate::Refuse).await;
    ensure!(matches!(
        older,
        Err(MigrateError::Older {
            found: 1,
            known: 2,
            ..
        })
    ));
    ensure!(database.migrate(BROKEN, Migrate::Auto).await.is_err());
    // Whoever comes at the same time waits; a step is taken once.
    let all = (0..8).map(|_| database.migrate(SECOND, Migrate::Auto));
    for migrated in futures_util::future::join_all(all).await {
        migrated?;
    }
    ensure!(database.call(count).await? == 1);
    for how in [Migrate::Auto, Migrate::Refuse] {
        let newer = database.migrate(FIRST, how).await;
        ensure!(matches!(
            newer,
            Err(MigrateError::Newer {
                found: 2,
                known: 1,
                ..
            })
        ));
    }
    let moons = "SELECT to_regclass('tides.moons') IS NULL";
    let none: bool = database
        .call(async |it| sqlx::query_scalar(moons).fetch_one(it).await)
        .await?;
    ensure!(none, "no part of a broken step was taken");
    Ok(())
}

/// Somebody else is taking steps: one waits, also for longer than a statement may take.
#[tokio::test]
async fn who_takes_steps_waits_for_whoever_does() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("lock").await?;
    let other = database(&url)?;
    let database = database(&url)?;
    database.migrate(FIRST, Migrate::Auto).await?;
    let mut connection = PgConnection::connect(&url).await?;
    let mut transaction = connection.begin().await?;
    let table = "LOCK TABLE tides.schema_steps IN ACCESS EXCLUSIVE MODE";
    sqlx::query(table).execute(&mut *transaction).await?;
    // The first one holds the lock and waits for the table, the second one waits for the first.
    let steps = async {
        tokio::join!(
            database.migrate(SECOND, Migrate::Auto),
            other.migrate(SECOND, Migrate::Auto)
        )
    };
    let release = async {
        let waits = async || {
            let waiting =
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
            let found = sqlx::query_scalar::<_, i64>(waiting);
            found
                .fetch_one(&mut *transaction)
                .await
                .is_ok_and(|count| count == 1)
        };
        wait_until(DEADLINE, "one waits for the other", waits).await?;
        anyhow::Ok(transaction.rollback().await?)
    };
    let ((first, second), released) = tokio::join!(steps, release);
    released?;
    first?;
    second?;
    ensure!(database.call(count).await? == 1, "a step is taken once");
    Ok(())
}

#[tokio::test]
async fn what_takes_too_long_is_cut_off_and_others_go_on() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("slow").await?;
    let database = database(&url)?;
    let slow = database.call(async |it| sqlx::query("SELECT pg_sleep(60)").execute(it).await);
    let slow = slow.await.map(drop);
    ensure!(matches!(slow, Err(CallError::Busy { .. })), "{slow:?}");
    // Whoever calls may be a task of its own.
    let database = Arc::new(database);
    let called = Arc::clone(&database);
    let task = tokio::spawn(async move { called.call(async |it| one(it).await).await });
    ensure!(task.await?? == 1);
    let wrong = database
        .call(async |it| sqlx::query("SELECT 1 / 0").execute(it).await)
        .await;
    ensure!(wrong.is_err_and(|error| !error.is_passing()));
    let missing = database
        .call(async |it| sqlx::query("SELECT * FROM tides.heights").execute(it).await)
        .await;
    ensure!(
        matches!(missing, Err(CallError::Unprepared { .. })),
        "{:?}",
        missing.map(drop)
    );
    // A server that follows another one until it takes over.
    let follower = crate::database(&url)?;
    let write = async |it: &mut PgConnection| {
        let only_read = "SET default_transaction_read_only = on";
        sqlx::raw_sql(only_read).execute(&mut *it).await?;
        let write = "CREATE TABLE winds (speed integer)";
        sqlx::raw_sql(write).execute(it).await
    };
    let refused = follower.call(write).await.map(drop);
    ensure!(
        matches!(refused, Err(CallError::Busy { .. })),
        "{refused:?}"
    );
    let denied = crate::database(&url.replace("slow", "gone"))?
        .call(one)
        .await;
    ensure!(
        matches!(denied, Err(CallError::Denied { .. })),
        "{denied:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_frozen_or_gone_is_not_waited_for_and_found_again() -> Result<()> {
    let server = Postgres::start().await?;
    let database = database(&server.fresh_database("away").await?)?;
    let health = PostgresHealth::new(database.clone(), Arc::new(StoppedClock::at_unix_ms(0)));
    let status = || health.checks()[0].status;
    ensure!(status() == HealthStatus::Unhealthy, "nothing is known yet");
    health.look().await;
    ensure!(status() == HealthStatus::Healthy, "{:?}", health.checks());
    database.migrate(SECOND, Migrate::Auto).await?;

    for hurt in [Postgres::pause, Postgres::kill] {
        hurt(&server)?;
        let begun = Instant::now();
        let answer = database.call(one).await;
        ensure!(
            answer.as_ref().is_err_and(CallError::is_passing),
            "{answer:?}"
        );
        // A second for a connection, and half a one for the statement.
        let took = begun.elapsed();
        ensure!(took < Duration::from_millis(1_700) + SLACK, "{took:?}");
        health.look().await;
        ensure!(status() == HealthStatus::Unhealthy);
        if server.process_id().is_some() {
            server.resume()?;
        } else {
            server.restart().await?;
        }
        let is_back = async || database.call(one).await.is_ok();
        wait_until(DEADLINE, "the database answers", is_back).await?;
        ensure!(
            database.call(count).await? == 1,
            "what was committed is there"
        );
    }
    Ok(())
}

fn looked_after(url: &str, schema: PostgresSchema, how: Migrate) -> Result<PostgresHealth> {
    let clock = Arc::new(StoppedClock::at_unix_ms(0));
    Ok(PostgresHealth::new(database(url)?, clock).with_tables(schema, how))
}

#[tokio::test]
async fn tables_are_brought_up_to_date_as_soon_as_the_server_is_there() -> Result<()> {
    let server = Postgres::start().await?;
    let url = server.fresh_database("tables").await?;
    server.kill()?;
    let health = looked_after(&url, FIRST, Migrate::Auto)?;
    let waiting = looked_after(&url, FIRST, Migrate::Refuse)?;
    let is_healthy = |health: &PostgresHealth| health.checks()[0].status == HealthStatus::Healthy;
    health.look().await;
    ensure!(!is_healthy(&health), "it is away");
    server.restart().await?;
    waiting.look().await;
    let reason = waiting.checks()[0].reason.clone();
    ensure!(
        !is_healthy(&waiting) && reason.contains("run `migrate`"),
        "{reason}"
    );
    health.look().await;
    ensure!(is_healthy(&health), "{:?}", health.checks());
    waiting.look().await;
    ensure!(is_healthy(&waiting), "somebody else has done it");

    // An empty copy in its place is filled again.
    let database = database(&url)?;
    let drop =
        async |it: &mut PgConnection| sqlx::query("DROP SCHEMA tides CASCADE").execute(it).await;
    database.call(drop).await?;
    health.look().await;
    ensure!(is_healthy(&health) && database.call(count).await? == 0);

    // A newer program may come while this one runs, not before.
    database.migrate(SECOND, Migrate::Auto).await?;
    health.look().await;
    ensure!(is_healthy(&health) && health.in_the_way().is_none());
    let late = looked_after(&url, FIRST, Migrate::Auto)?;
    let late = Arc::new(late);
    let watched = Arc::clone(&late);
    let watching = tokio::spawn(async move { watched.watch(CancellationToken::new()).await });
    let ended = watching.await?;
    ensure!(
        matches!(
            ended,
            Err(MigrateError::Newer {
                found: 2,
                known: 1,
                ..
            })
        ),
        "{ended:?}"
    );
    ensure!(late.in_the_way().is_some() && !is_healthy(&late));
    ensure!(database.call(count).await? == 1, "nothing was touched");
    Ok(())
}

#[tokio::test]
async fn whoever_asks_is_told_what_is_wrong_with_a_database() -> Result<()> {
    let url = shared_postgres().await?.fresh_database("asked").await?;
    let database = database(&url)?;
    let found = database
        .examine_server()
        .await
        .map_err(anyhow::Error::msg)?;
    ensure!(found.contains("PostgreSQL 1"), "{found}");
    let clock = StoppedClock::at_unix_ms(0);
    let ahead = database.examine_clock(&clock).await;
    ensure!(ahead.is_ok_and(|ahead| ahead > 1_700_000_000_000));
    let missing = database.examine_tables(FIRST).await;
    ensure!(
        missing
            .as_ref()
            .is_err_and(|error| error.contains("run `migrate`")),
        "{missing:?}"
    );

    let (code, said) = database.migrate_command(FIRST, true).await;
    ensure!(
        code == ExitCode::Unavailable && said.contains("version 0"),
        "{said}"
    );
    let (code, said) = database.migrate_command(FIRST, false).await;
    ensure!(code == ExitCode::Ok && said.contains("version 1"), "{said}");
    let (code, said) = database.migrate_command(FIRST, true).await;
    ensure!(code == ExitCode::Ok, "{said}");
    database
        .examine_tables(FIRST)
        .await
        .map_err(anyhow::Error::msg)?;

    database.migrate(SECOND, Migrate::Auto).await?;
    for is_check in [true, false] {
        let (code, said) = database.migrate_command(FIRST, is_check).await;
        ensure!(
            code == ExitCode::Config && said.contains("newer program"),
            "{said}"
        );
    }
    let gone = crate::database(&url.replace("asked", "gone"))?;
    let (code, said) = gone.migrate_command(FIRST, false).await;
    ensure!(
        code == ExitCode::Unavailable && said.contains("DATABASE_URL"),
        "{said}"
    );
    ensure!(gone.examine_server().await.is_err());

    // A user who may log in, and nothing else.
    let role = format!("guest_{}", std::process::id());
    let other = url.replace("//postgres@", &format!("//{role}@"));
    let make = format!("CREATE ROLE {role} LOGIN");
    let make = async |it: &mut PgConnection| sqlx::raw_sql(AssertSqlSafe(make)).execute(it).await;
    database.call(make).await?;
    let poor = crate::database(&other)?.examine_tables(SECOND).await;
    let unmake = format!("DROP ROLE {role}");
    let unmake =
        async |it: &mut PgConnection| sqlx::raw_sql(AssertSqlSafe(unmake)).execute(it).await;
    database.call(unmake).await?;
    ensure!(
        poor.as_ref().is_err_and(|error| error.contains("right")),
        "{poor:?}"
    );
    Ok(())
}

/// A statement that is under way when the server freezes ends too, and its connection is not used again.
#[tokio::test]
async fn a_statement_on_a_frozen_server_ends() -> Result<()> {
    let server = Postgres::start().await?;
    let database = database(&server.fresh_database("frozen").await?)?;
    let frozen = database.call(async |connection| {
        one(&mut *connection).await?;
        server
            .pause()
            .map_err(|error| sqlx::Error::Configuration(error.into()))?;
        one(connection).await
    });
    let frozen = frozen.await;
    ensure!(
        matches!(frozen, Err(CallError::Silent { .. })),
        "{frozen:?}"
    );
    ensure!(database.in_use() == 0);
    server.resume()?;
    ensure!(database.call(one).await? == 1);
    Ok(())
}
