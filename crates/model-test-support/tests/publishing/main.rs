//! Readers that ask for all heroes at once, while publishers are killed,
//! paused and fenced and Redis is frozen and emptied: what they see is of one
//! run, whole, and never goes back.
//!
//! Short in every run; `just publish-kills` makes it long.

mod kills;
mod leaders;
mod outages;
mod planted;
mod process;
mod staging;

use std::{env, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use model_application::ports::ModelPublisher;
use model_redis_adapter::RedisPublisher;
use model_test_support::Reader;
use redis_kit::{RedisPlace, RedisSettings, ServerKeySpace};
use redis_test_kit::Redis;

/// Long beside any answer of a server that is not frozen.
const DEADLINE: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_hours(1);

/// A variable that makes a test longer, or what it is without.
fn setting(variable: &str, default: u64) -> Result<u64> {
    match env::var(variable) {
        Ok(text) => text.parse().with_context(|| format!("{variable}={text}")),
        Err(_) => Ok(default),
    }
}

/// A publisher over a connection of its own.
fn publisher(redis: &Redis, deadline: Duration) -> Result<Arc<dyn ModelPublisher>> {
    let keys = Arc::new(key_space(redis, deadline)?);
    Ok(Arc::new(RedisPublisher::new(keys, Some(24 * HOUR))))
}

fn key_space(redis: &Redis, deadline: Duration) -> Result<ServerKeySpace> {
    let settings = RedisSettings {
        place: RedisPlace::try_new(redis.url()).map_err(anyhow::Error::msg)?,
        key_prefix: String::new(),
    };
    Ok(ServerKeySpace::new(&settings, deadline))
}

fn reader(redis: &Redis) -> Result<Reader> {
    Ok(Reader::new(publisher(redis, DEADLINE)?))
}
