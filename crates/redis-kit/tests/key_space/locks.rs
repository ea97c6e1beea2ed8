//! The lock: one at a time, and each taking has a number.

use anyhow::{Context as _, Result, ensure};
use redis_kit::Lock;

use super::{MINUTE, Target, shown};

pub(super) async fn check(make: impl AsyncFn() -> Result<Box<dyn Target>>) -> Result<()> {
    one_has_it_at_a_time(&*make().await?).await?;
    whoever_renews_it_keeps_it(&*make().await?).await?;
    epochs_rise_over_a_loss_of_all_keys(&*make().await?).await
}

fn lock() -> Lock {
    Lock {
        owner_key: "leader".to_owned(),
        epoch_key: "epoch".to_owned(),
    }
}

async fn one_has_it_at_a_time(target: &dyn Target) -> Result<()> {
    let keys = target.keys();
    let lock = lock();
    let first = keys.take_lock(&lock, "a", MINUTE).await?;
    let first = first.context("it is free")?;
    ensure!(keys.take_lock(&lock, "b", MINUTE).await?.is_none());
    ensure!(!keys.renew_lock(&lock, "b", MINUTE).await?);
    ensure!(!keys.release_lock(&lock, "b").await?);
    ensure!(shown(&*keys, &["leader"]).await? == "a");
    ensure!(shown(&*keys, &["epoch"]).await? == first.to_string());
    // Who has not heard that it was given asks again.
    ensure!(keys.take_lock(&lock, "a", MINUTE).await? == Some(first));

    ensure!(keys.release_lock(&lock, "a").await?);
    ensure!(!keys.release_lock(&lock, "a").await?);
    let second = keys.take_lock(&lock, "b", MINUTE).await?;
    ensure!(second > Some(first), "{second:?} is not above {first:?}");
    Ok(())
}

async fn whoever_renews_it_keeps_it(target: &dyn Target) -> Result<()> {
    let keys = target.keys();
    let lock = lock();
    let first = keys.take_lock(&lock, "a", MINUTE).await?;
    for _ in 0..3 {
        target.pass(MINUTE / 2).await?;
        ensure!(keys.renew_lock(&lock, "a", MINUTE).await?);
        ensure!(keys.take_lock(&lock, "b", MINUTE).await?.is_none());
    }
    target.pass(MINUTE).await?;
    ensure!(!keys.renew_lock(&lock, "a", MINUTE).await?, "it has ended");
    let second = keys.take_lock(&lock, "b", MINUTE).await?;
    ensure!(second > first, "{second:?} is not above {first:?}");
    Ok(())
}

async fn epochs_rise_over_a_loss_of_all_keys(target: &dyn Target) -> Result<()> {
    let keys = target.keys();
    let lock = lock();
    let before = keys.take_lock(&lock, "a", MINUTE).await?;
    let before = before.context("it is free")?;
    // The number of seconds since 1970, so that no loss of keys brings a number again.
    ensure!(before.0 > 1_700_000_000, "{before}");
    target.clear().await?;
    let after = keys.take_lock(&lock, "b", MINUTE).await?;
    ensure!(after >= Some(before), "{after:?} is below {before:?}");
    Ok(())
}
