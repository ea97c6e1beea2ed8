//! What tests rely on when they hurt a server.

use std::time::Duration;

use anyhow::{Result, ensure};
use sql_test_kit::{Postgres, shared_postgres};
use sqlx::{Connection as _, PgConnection};
use test_kit::waiting::wait_until;
use tokio::{task::JoinSet, time::timeout};

const SOON: Duration = Duration::from_millis(300);
const DEADLINE: Duration = Duration::from_secs(30);

async fn connect(url: &str) -> Result<PgConnection> {
    Ok(PgConnection::connect(url).await?)
}

#[tokio::test]
async fn tests_share_a_server_and_no_database() -> Result<()> {
    let postgres = shared_postgres().await?;
    let ours = postgres.fresh_database("a").await?;
    let theirs = postgres.fresh_database("a").await?;
    ensure!(ours != theirs);
    let create = "CREATE TABLE tides (height integer)";
    sqlx::raw_sql(create)
        .execute(&mut connect(&ours).await?)
        .await?;
    sqlx::raw_sql(create)
        .execute(&mut connect(&theirs).await?)
        .await?;
    Ok(())
}

#[tokio::test]
async fn what_was_committed_survives_a_kill_and_nobody_answers_while_it_is_frozen() -> Result<()> {
    let postgres = Postgres::start().await?;
    let url = postgres.fresh_database("a").await?;
    let mut connection = connect(&url).await?;
    let create = "CREATE TABLE tides (height integer); INSERT INTO tides VALUES (3)";
    sqlx::raw_sql(create).execute(&mut connection).await?;

    postgres.pause()?;
    let asked = timeout(SOON, sqlx::query("SELECT 1").execute(&mut connection)).await;
    ensure!(asked.is_err(), "it answers where it was connected before");
    ensure!(
        timeout(SOON, connect(&url)).await.is_err(),
        "it answers a new connection"
    );
    postgres.resume()?;
    connect(&url).await?;

    let first = postgres.process_id();
    postgres.kill()?;
    ensure!(connect(&url).await.is_err() && postgres.process_id().is_none());
    postgres.restart().await?;
    ensure!(postgres.process_id() != first);
    let height: i32 = sqlx::query_scalar("SELECT height FROM tides")
        .fetch_one(&mut connect(&url).await?)
        .await?;
    ensure!(height == 3);
    Ok(())
}

/// Whoever is killed in the midst of something, or was just born, holds the server's shared memory for a moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_server_is_killed_and_started_again_and_again() -> Result<()> {
    let postgres = Postgres::start_with(&["fsync=on"]).await?;
    let url = postgres.fresh_database("busy").await?;
    let create = "CREATE TABLE tides (height integer)";
    sqlx::raw_sql(create)
        .execute(&mut connect(&url).await?)
        .await?;
    for _ in 0..8 {
        let mut busy = JoinSet::new();
        for _ in 0..8 {
            let url = url.clone();
            busy.spawn(async move {
                // Until the server is gone.
                while let Ok(mut connection) = connect(&url).await {
                    let insert = "INSERT INTO tides SELECT * FROM generate_series(1, 1000)";
                    let _ = sqlx::raw_sql(insert).execute(&mut connection).await;
                }
            });
        }
        let is_busy = async || {
            let count = "SELECT count(*) > 1000 FROM tides";
            let mut connection = connect(&url).await?;
            let count: bool = sqlx::query_scalar(count).fetch_one(&mut connection).await?;
            anyhow::Ok(count)
        };
        wait_until(DEADLINE, "somebody writes", async || {
            is_busy().await.unwrap_or(false)
        })
        .await?;
        postgres.kill()?;
        busy.join_all().await;
        postgres.restart().await?;
    }
    Ok(())
}
