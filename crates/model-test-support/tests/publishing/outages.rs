//! A Redis that is frozen in a switch, and one that comes back empty.

use std::time::Duration;

use anyhow::{Result, ensure};
use model_application::ports::{Publication, PublishError};
use model_test_support::{Numbered, Reader};
use redis_test_kit::Redis;
use test_kit::waiting::wait_for;
use tokio::time::sleep;

use super::{DEADLINE, process::PublisherProcess, publisher, reader, setting};

/// For a frozen server.
const IMPATIENT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_switch_on_a_frozen_redis_is_made_once() -> Result<()> {
    let redis = Redis::start().await?;
    let mut reader = reader(&redis)?;
    let publisher = publisher(&redis, IMPATIENT)?;
    let first = publication(1);
    publisher.stage(&first).await?;
    publisher.switch(&first, None).await?;
    for number in 2..5 {
        let next = publication(number);
        publisher.stage(&next).await?;
        redis.pause()?;
        let asked = publisher.switch(&next, None).await;
        ensure!(
            matches!(asked, Err(PublishError::Unavailable { .. })),
            "{asked:?}"
        );
        sleep(Duration::from_secs(setting("PUBLISH_FREEZE_SECONDS", 0)?)).await;
        redis.resume()?;
        // What waited at its door, or not; then what is asked again.
        let seen = reader.read().await?;
        ensure!(seen == Some(number - 1) || seen == Some(number), "{seen:?}");
        publisher.switch(&next, None).await?;
        publisher.verify(&next).await?;
        ensure!(reader.read().await? == Some(number));
    }
    Ok(())
}

#[tokio::test]
async fn an_emptied_redis_is_filled_with_whole_runs() -> Result<()> {
    let redis = Redis::start().await?;
    let mut reader = reader(&redis)?;
    let process = PublisherProcess::new(&redis, None)?;
    process.start()?;
    for _ in 0..3 {
        wait_for_newer(&mut reader).await?;
        redis.kill()?;
        redis.restart().await?;
        reader.forget();
        wait_for_newer(&mut reader).await?;
    }
    Ok(())
}

fn publication(number: u64) -> Publication {
    Numbered { number, by: 1 }.publication()
}

/// Reads until there is a run that is newer than the newest so far.
async fn wait_for_newer(reader: &mut Reader) -> Result<()> {
    let before = reader.seen().newest;
    let found = async || match reader.read().await {
        Ok(Some(number)) => (number > before).then_some(Ok(())),
        Ok(None) => None,
        // The connection of before the restart.
        Err(error) if is_outage(&error) => None,
        Err(error) => Some(Err(error)),
    };
    wait_for(DEADLINE, "something is published", found).await?
}

fn is_outage(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref();
    matches!(error, Some(PublishError::Unavailable { .. }))
}
