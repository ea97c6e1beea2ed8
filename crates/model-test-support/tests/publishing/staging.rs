//! What a publisher leaves behind that is killed before its switch.

use anyhow::{Result, ensure};
use model_redis_adapter::STAGING_LIFE;
use model_test_support::Bug;
use redis_kit::{KeySpace, TimeToLive};
use redis_test_kit::Redis;

use super::{DEADLINE, key_space, process::PublisherProcess};

#[tokio::test]
async fn what_is_staged_by_whoever_is_killed_ends() -> Result<()> {
    run(None).await
}

/// Kills a publisher that has staged everything, and looks what becomes of it.
///
/// # Errors
/// Something stays for ever.
pub(crate) async fn run(bug: Option<Bug>) -> Result<()> {
    let redis = Redis::start().await?;
    let process = PublisherProcess::gated(&redis, bug)?;
    process.start()?;
    process.wait_until_it_says(&["staged 1"]).await?;
    process.kill()?;
    let staged = redis.keys("staging:").await?.len();
    ensure!(staged == 255, "{staged} keys are staged");
    all_ends(&redis, &key_space(&redis, DEADLINE)?).await
}

/// Looks at what is staged and left behind: all of it ends within an hour.
pub(crate) async fn all_ends(redis: &Redis, keys: &dyn KeySpace) -> Result<()> {
    for key in redis.keys("staging:").await? {
        let left = keys.time_to_live(&key).await?;
        let ends = matches!(left, TimeToLive::Left(left) if left <= STAGING_LIFE);
        ensure!(ends, "{key} ends {left:?}");
    }
    redis.let_time_pass("staging:", STAGING_LIFE).await?;
    let stay = redis.keys("staging:").await?;
    ensure!(stay.is_empty(), "{} staged keys stay", stay.len());
    Ok(())
}
