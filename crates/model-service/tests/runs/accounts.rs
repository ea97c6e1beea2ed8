//! Scores of accounts, from the games in a warehouse to whoever reads them.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use test_kit::waiting::wait_for;

use super::{
    DEADLINE,
    world::{FIRST_ACCOUNT, World},
};

/// Status and body.
fn get(address: &str, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("a head")?;
    let status = head.split(' ').nth(1).context("a status")?;
    Ok((status.parse()?, body.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_scored_by_a_run_and_when_somebody_asks() -> Result<()> {
    let world = World::new("accounts").await?;
    let tracked: Vec<u32> = (0..6).map(|number| FIRST_ACCOUNT + number).collect();
    world.track(&tracked).await?;
    let first = world.run(&["run-once"])?;
    ensure!(first.code == Some(0), "{first:?}");
    ensure!(
        first.stdout.contains("6 of 6 accounts are scored"),
        "{first:?}"
    );
    let run = world.published().await?.context("it is published")?;
    let key = format!("pas:account_{FIRST_ACCOUNT}");
    let stored = world.key(&key).await?.context("it is scored")?;
    let scores: Value = serde_json::from_str(&stored)?;
    ensure!(scores["run"] == *run && scores["v"] == 1, "{stored}");
    let heroes = scores["heroes"].as_object().context("heroes")?;
    let games = heroes.values().filter_map(|hero| hero["games"].as_u64());
    ensure!(Some(games.sum()) == scores["games"].as_u64(), "{stored}");
    let untracked = format!("pas:account_{}", FIRST_ACCOUNT + 6);
    ensure!(world.key(&untracked).await?.is_none());

    // Another process computes what the run has computed, to the last digit.
    let mut service = world.serve_without_runs().await?;
    let skill = scores["skill"].as_str().context("a skill")?;
    let path = format!("/api/v1/accounts/{FIRST_ACCOUNT}/pas?skill={skill}");
    let from_redis = wait_for(DEADLINE, "what is published is known", async || {
        let (status, body) = get(service.address(), &path).ok()?;
        (status == 200).then_some(body)
    });
    ensure!(from_redis.await? == stored);
    world.remove(&key).await?;
    let (status, computed) = get(service.address(), &path)?;
    ensure!(status == 200 && computed == stored, "{computed}\n{stored}");
    let other = format!("/api/v1/accounts/{}/pas", FIRST_ACCOUNT + 6);
    let (status, body) = get(service.address(), &other)?;
    ensure!(status == 200, "{body}");
    let (status, body) = get(service.address(), "/api/v1/accounts/999/pas")?;
    ensure!(status == 404 && body.contains("no-data"), "{body}");
    service.signal("TERM")?;
    ensure!(service.exit_code().await? == 0);
    Ok(())
}
