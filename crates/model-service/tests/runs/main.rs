//! Runs of the built program, between a warehouse in its file and a real Redis; and the
//! whole way from a feed to readers, with a real ClickHouse.

mod accounts;
mod beside;
mod faults;
mod whole_way;
mod world;

use std::{process::Stdio, time::Duration};

use anyhow::{Context as _, Result, ensure};
use test_kit::service_process::send_signal;
use tokio::time::{Instant, sleep};

use self::world::World;

/// Long beside any run of these tests.
const DEADLINE: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_run_publishes_and_the_next_one_finds_nothing_new() -> Result<()> {
    let world = World::new("publishes").await?;
    let first = world.run(&["run-once"])?;
    ensure!(first.code == Some(0), "{first:?}");
    ensure!(first.stdout.contains("is published"), "{first:?}");
    let run = world.published().await?.context("it is published")?;
    for key in [
        "draft_model:patch_{}:skill_all",
        "counters:patch_{}:skill_all:hero_1",
    ] {
        let key = key.replace("{}", &world.patch);
        let document = world.key(&key).await?.context(key)?;
        ensure!(document.contains(&run), "{document}");
    }
    let index = world.key("meta:patches").await?.context("the index")?;
    let current = format!(r#""current":"{}""#, world.patch);
    ensure!(index.contains(&current), "{index}");

    let second = world.run(&["run-once", "--progress", "json"])?;
    ensure!(second.code == Some(0), "{second:?}");
    let ended = second.stdout.lines().last().context("it says something")?;
    let ended: serde_json::Value = serde_json::from_str(ended)?;
    ensure!(
        ended["event"] == "ended" && ended["state"] == "unchanged",
        "{ended}"
    );
    ensure!(world.published().await? == Some(run.clone()));

    let list = world.run(&["runs", "list"])?;
    let states: Vec<_> = list
        .stdout
        .lines()
        .map(|line| line.split(' ').nth(2))
        .collect();
    ensure!(states == [Some("unchanged"), Some("published")], "{list:?}");
    let show = world.run(&["runs", "show", &run])?;
    ensure!(
        show.code == Some(0) && show.stdout.contains("verify (1)"),
        "{show:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_worse_is_held_and_an_operator_may_publish_it() -> Result<()> {
    let world = World::new("held").await?;
    let first = world.run(&["run-once"])?;
    ensure!(first.code == Some(0), "{first:?}");
    let published = world.published().await?.context("it is published")?;
    // Somebody has spoilt the days that are fitted to.
    world.play(0..5, |won| !won).await?;

    let dry = world.run(&["run-once", "--dry-run"])?;
    ensure!(dry.code == Some(75), "{dry:?}");
    let held = world.run(&["run-once"])?;
    ensure!(held.code == Some(75), "{held:?}");
    ensure!(world.published().await? == Some(published.clone()));
    let list = world.run(&["runs", "list", "--limit", "1"])?;
    let id = list
        .stdout
        .split(' ')
        .next()
        .context("it is listed")?
        .to_owned();

    let publish = world.run(&["runs", "publish", &id])?;
    ensure!(publish.code == Some(0), "{publish:?}");
    ensure!(world.published().await? == Some(id));
    let back = world.run(&["runs", "publish", &published])?;
    ensure!(back.code == Some(0), "{back:?}");
    ensure!(world.published().await? == Some(published));
    let unknown = world.run(&["runs", "publish", "not-an-id"])?;
    ensure!(unknown.code == Some(2), "{unknown:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_killed_leaves_all_old_or_all_new() -> Result<()> {
    let world = World::new("killed").await?;
    let first = world.run(&["run-once"])?;
    ensure!(first.code == Some(0), "{first:?}");
    let began = Instant::now();
    let whole = world.run(&["run-once", "--force"])?;
    ensure!(whole.code == Some(0), "{whole:?}");
    let took = began.elapsed();
    for part in 1..=8 {
        let mut process = world.start(&["run-once", "--force"])?;
        // The last parts of a run are those in which readers could see something.
        sleep(took * (12 + part) / 20).await;
        process.kill()?;
        process.wait()?;
        world.is_of_one_run().await?;
        // Its lock ends by itself.
        sleep(Duration::from_millis(1_100)).await;
    }
    let after = world.run(&["run-once", "--force"])?;
    ensure!(after.code == Some(0), "{after:?}");
    world.is_of_one_run().await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_or_counters_it_says_so() -> Result<()> {
    let world = World::new("without").await?;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?;
    let url = format!("redis://{}/0", nobody.local_addr()?);
    drop(nobody);
    let away = world.run_with(&["run-once"], &[("REDIS_URL", &url)])?;
    ensure!(away.code == Some(69), "{away:?}");
    let no_file = world.run_with(&["run-once"], &[("WAREHOUSE_DIR", "nowhere")])?;
    ensure!(no_file.code == Some(69), "{no_file:?}");
    let wrong = world.run_with(&["run-once"], &[("MODEL_SCHEDULE", "now")])?;
    ensure!(
        wrong.code == Some(78) && wrong.stderr.contains("MODEL_SCHEDULE"),
        "{wrong:?}"
    );
    let usage = world.run(&["run-once", "--skill", "best"])?;
    ensure!(usage.code == Some(2), "{usage:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_runs_at_its_start_and_ends_well() -> Result<()> {
    let world = World::new("service").await?;
    let mut command = world.command(&["run"], &[]);
    let mut process = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let began = Instant::now();
    while world.published().await?.is_none() {
        ensure!(began.elapsed() < DEADLINE, "nothing was published");
        ensure!(process.try_wait()?.is_none(), "it has ended");
        sleep(Duration::from_millis(50)).await;
    }
    send_signal(process.id(), "TERM")?;
    let ended = process.wait()?;
    ensure!(ended.code() == Some(0), "{ended}");
    Ok(())
}
