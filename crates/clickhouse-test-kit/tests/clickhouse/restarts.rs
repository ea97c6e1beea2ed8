//! An engine that is killed, started again, frozen.

use std::{env, future::pending, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clickhouse_test_kit::ClickHouse;
use test_kit::waiting::wait_until;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
    process::Command,
    time::timeout,
};

use super::{MatchRow, client_of, count, insert};

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() -> Result<()> {
    let engine = ClickHouse::start().await?;
    let client = client_of(&engine).await?;
    let rows: Vec<_> = (1..=1000).map(|id| MatchRow::new(id, 1)).collect();
    for (round, batch) in (1..).zip(rows.chunks(500)) {
        insert(&client, batch).await?;
        engine.kill()?;
        ensure!(insert(&client, batch).await.is_err(), "it is dead");
        engine.restart().await?;
        assert_eq!(count(&client).await?, round * 500);
    }
    let query = client.query("SELECT ?fields FROM matches FINAL ORDER BY match_id");
    assert_eq!(query.fetch_all::<MatchRow>().await?, rows);
    Ok(())
}

#[tokio::test]
async fn a_frozen_engine_takes_connections_and_answers_nobody() -> Result<()> {
    let engine = ClickHouse::start().await?;
    engine.pause()?;
    {
        let mut answer = std::pin::pin!(engine.execute("SELECT 1"));
        let early = timeout(Duration::from_millis(200), &mut answer).await;
        ensure!(early.is_err(), "it answers: {early:?}");
        engine.resume()?;
        ensure!(answer.await? == "1");
    }

    let address = engine.url().trim_start_matches("http://").to_owned();
    drop(engine);
    ensure!(
        TcpStream::connect(address).await.is_err(),
        "it still listens"
    );
    Ok(())
}

#[tokio::test]
async fn an_engine_goes_with_a_test_that_is_killed() -> Result<()> {
    const NAME: &str = "restarts::an_engine_goes_with_a_test_that_is_killed";
    const IS_VICTIM: &str = "TEST_TO_BE_KILLED";
    const PREFIX: &str = "it is at http://";
    if env::var_os(IS_VICTIM).is_some() {
        let engine = ClickHouse::start().await?;
        println!("\nit is at {}", engine.url());
        return pending().await;
    }
    let mut victim = Command::new(env::current_exe()?)
        .args(["--exact", NAME, "--nocapture"])
        .env(IS_VICTIM, "1")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = victim.stdout.take().context("its output is a pipe")?;
    let mut lines = BufReader::new(output).lines();
    let address = loop {
        let line = lines.next_line().await?.context("it has no engine")?;
        if let Some(address) = line.strip_prefix(PREFIX) {
            break address.to_owned();
        }
    };
    ensure!(TcpStream::connect(&address).await.is_ok(), "nobody listens");
    victim.kill().await?;
    let deadline = Duration::from_secs(20);
    wait_until(deadline, "the engine is gone", async || {
        TcpStream::connect(&address).await.is_err()
    })
    .await
}
