//! An engine that is killed, started again, frozen.

use std::time::Duration;

use anyhow::{Result, ensure};
use clickhouse_test_kit::ClickHouse;
use tokio::{net::TcpStream, time::timeout};

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
