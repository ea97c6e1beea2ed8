//! What tests rely on when they hurt a server.

use std::time::Duration;

use anyhow::{Result, ensure};
use redis_test_kit::{Redis, shared_redis};
use tokio::time::timeout;

const SOON: Duration = Duration::from_millis(300);

#[tokio::test]
async fn tests_share_a_server_and_no_key() -> Result<()> {
    let redis = shared_redis().await?;
    let (ours, theirs) = (
        redis.fresh_prefix("a").await?,
        redis.fresh_prefix("a").await?,
    );
    ensure!(ours != theirs);
    redis
        .ask::<String>(&["SET", &format!("{ours}key"), "1"])
        .await?;
    ensure!(redis.keys(&ours).await? == [format!("{ours}key")]);
    ensure!(redis.keys(&theirs).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn time_passes_for_keys_that_end() -> Result<()> {
    let redis = shared_redis().await?;
    let prefix = redis.fresh_prefix("time").await?;
    let [short, long, endless] = ["short", "long", "endless"].map(|key| format!("{prefix}{key}"));
    redis
        .ask::<String>(&["SET", &short, "1", "EX", "100"])
        .await?;
    redis
        .ask::<String>(&["SET", &long, "1", "EX", "300"])
        .await?;
    redis.ask::<String>(&["SET", &endless, "1"]).await?;
    redis
        .let_time_pass(&prefix, Duration::from_secs(100))
        .await?;
    ensure!(redis.keys(&prefix).await? == [endless.clone(), long.clone()]);
    let left_ms: i64 = redis.ask(&["PTTL", &long]).await?;
    ensure!((1..=200_000).contains(&left_ms), "{left_ms}");
    Ok(())
}

#[tokio::test]
async fn a_killed_server_comes_back_empty_at_its_port() -> Result<()> {
    let redis = Redis::start().await?;
    let process = redis.process_id();
    redis.ask::<String>(&["SET", "key", "1"]).await?;
    redis.kill()?;
    ensure!(redis.ask::<String>(&["PING"]).await.is_err());
    redis.restart().await?;
    ensure!(redis.process_id() != process);
    let value: Option<String> = redis.ask(&["GET", "key"]).await?;
    ensure!(value.is_none(), "it kept {value:?}");
    Ok(())
}

#[tokio::test]
async fn a_frozen_server_takes_connections_and_goes_on_where_it_was() -> Result<()> {
    let redis = Redis::start().await?;
    redis.ask::<String>(&["SET", "key", "1"]).await?;
    redis.pause()?;
    let asked = timeout(SOON, redis.ask::<String>(&["GET", "key"])).await;
    ensure!(asked.is_err(), "it answers");
    redis.resume()?;
    ensure!(redis.ask::<String>(&["GET", "key"]).await? == "1");
    Ok(())
}

#[tokio::test]
async fn a_sentinel_knows_its_master() -> Result<()> {
    let master = Redis::start().await?;
    let sentinel = Redis::start_sentinel("ours", &master).await?;
    let address: Vec<String> = sentinel
        .ask(&["SENTINEL", "get-master-addr-by-name", "ours"])
        .await?;
    ensure!(address.join(":") == master.address());
    Ok(())
}
