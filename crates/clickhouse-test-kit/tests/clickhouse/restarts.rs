//! An engine that is killed, started again, frozen.

use std::{env, future::pending, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clickhouse::Client;
use clickhouse_test_kit::ClickHouse;
use test_kit::waiting::wait_until;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
    process::Command,
    sync::watch,
    time::timeout,
};

use super::{MatchRow, client_of, count, insert};

const BATCH_ROWS: u64 = 2000;

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

/// Writes batch after batch until the engine is gone; how many were
/// acknowledged is in `acknowledged`.
async fn write_until_it_dies(client: Client, acknowledged: watch::Sender<u64>) {
    loop {
        let batch = *acknowledged.borrow();
        let rows: Vec<_> = (0..BATCH_ROWS)
            .map(|row| MatchRow::new(batch * BATCH_ROWS + row, 1))
            .collect();
        if insert(&client, &rows).await.is_err() {
            return;
        }
        acknowledged.send_modify(|count| *count += 1);
    }
}

#[tokio::test]
async fn a_kill_amid_inserts_loses_nothing_acknowledged() -> Result<()> {
    let engine = ClickHouse::start().await?;
    let client = client_of(&engine).await?;
    let acknowledged = watch::Sender::new(0);
    for round in 1..=4 {
        let writing = tokio::spawn(write_until_it_dies(client.clone(), acknowledged.clone()));
        acknowledged
            .subscribe()
            .wait_for(|count| *count >= round * 3)
            .await?;
        engine.kill()?;
        writing.await?;
        engine.restart().await?;
        let rows = *acknowledged.borrow() * BATCH_ROWS;
        let query = client.query("SELECT count() FROM matches FINAL WHERE match_id < ?");
        let found: u64 = query.bind(rows).fetch_one().await?;
        assert_eq!(found, rows);
        // The batch that was under way is there as a whole or not at all.
        let all = count(&client).await?;
        ensure!(all == rows || all == rows + BATCH_ROWS, "{all} of {rows}");
    }
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
