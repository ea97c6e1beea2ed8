//! A leader that is paused, and learns too late that there is another.

use std::time::Duration;

use anyhow::{Result, ensure};
use model_test_support::Bug;
use redis_test_kit::Redis;
use test_kit::waiting::wait_for;
use tokio::time::sleep;

use super::{
    DEADLINE,
    process::{PublisherProcess, let_lock_end},
    reader, setting,
};

#[tokio::test]
async fn a_paused_leader_is_refused() -> Result<()> {
    run(None).await
}

/// Pauses a leader before its switch until another has published, and lets it go on.
///
/// # Errors
/// A reader has seen what must not be seen.
pub(crate) async fn run(bug: Option<Bug>) -> Result<()> {
    let redis = Redis::start().await?;
    let mut reader = reader(&redis)?;
    let old = PublisherProcess::gated(&redis, bug)?;
    old.start()?;
    old.wait_until_it_says(&["staged 1"]).await?;
    old.pause()?;
    let_lock_end(&redis).await?;

    let new = PublisherProcess::new(&redis, bug)?;
    new.start()?;
    let is_newer = async || match reader.read().await {
        Ok(newest) => (newest >= Some(2)).then_some(Ok(())),
        Err(error) => Some(Err(error)),
    };
    wait_for(DEADLINE, "the new one publishes", is_newer).await??;
    sleep(Duration::from_secs(setting("PUBLISH_PAUSE_SECONDS", 0)?)).await;
    new.kill()?;
    let newest = reader.read().await?;

    // Nobody but the epoch knows better.
    old.open_gate()?;
    old.resume()?;
    let said = old.wait_until_it_says(&["fenced", "published"]).await?;
    let now = reader.read().await?;
    ensure!(said == "fenced with 1", "it says {said:?}");
    ensure!(now == newest, "{newest:?} became {now:?}");
    Ok(())
}
