//! One suite for publishing, in the process and on a server.

mod accounts;
mod leading;
mod renewing;
mod switching;

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use async_trait::async_trait;
use bytes::Bytes;
use domain::Timestamp;
use model_application::ports::{Document, ModelPublisher as _, Publication, RunId};
use model_redis_adapter::{RedisAccounts, RedisLeaderLock, RedisPublisher};
use redis_kit::{KeySpace, MemoryKeySpace, RedisPlace, RedisSettings, ServerKeySpace};
use redis_test_kit::{Redis, shared_redis};
use test_kit::clock::RunningClock;
use uuid::Uuid;

const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);
/// Long beside any answer.
const DEADLINE: Duration = Duration::from_secs(30);

/// Where a check publishes, and how time passes there.
struct Place {
    keys: Arc<dyn KeySpace>,
    publisher: RedisPublisher,
    accounts: RedisAccounts,
    lock: RedisLeaderLock,
    time: Box<dyn Time>,
}

#[async_trait]
trait Time: Send + Sync {
    async fn pass(&self, time: Duration) -> Result<()>;

    /// Adds members to a set, as somebody else does.
    async fn add_members(&self, set: &str, members: &[&str]) -> Result<()>;
}

struct InProcess(MemoryKeySpace);

#[async_trait]
impl Time for InProcess {
    async fn pass(&self, time: Duration) -> Result<()> {
        tokio::time::advance(time).await;
        Ok(())
    }

    async fn add_members(&self, set: &str, members: &[&str]) -> Result<()> {
        let members = members.iter().map(|it| Bytes::from((*it).to_owned()));
        Ok(self.0.add_members(set, members)?)
    }
}

struct OnServer {
    redis: &'static Redis,
    prefix: String,
}

#[async_trait]
impl Time for OnServer {
    async fn pass(&self, time: Duration) -> Result<()> {
        self.redis.let_time_pass(&self.prefix, time).await
    }

    async fn add_members(&self, set: &str, members: &[&str]) -> Result<()> {
        let key = format!("{}{set}", self.prefix);
        let mut add = vec!["SADD", &key];
        add.extend(members);
        self.redis.ask::<u64>(&add).await?;
        Ok(())
    }
}

impl Place {
    /// Documents live for a day.
    fn new(keys: Arc<dyn KeySpace>, time: Box<dyn Time>) -> Self {
        Self {
            publisher: RedisPublisher::new(Arc::clone(&keys), Some(DAY)),
            accounts: RedisAccounts::new(Arc::clone(&keys), Some(DAY)),
            lock: RedisLeaderLock::new(Arc::clone(&keys)),
            keys,
            time,
        }
    }

    fn in_process() -> Self {
        let clock = Arc::new(RunningClock::from(Timestamp::from_unix_ms(
            1_719_700_000_000,
        )));
        let keys = MemoryKeySpace::new(clock);
        Self::new(Arc::new(keys.clone()), Box::new(InProcess(keys)))
    }

    async fn on_server() -> Result<Self> {
        let redis = shared_redis().await?;
        let prefix = redis.fresh_prefix("publishing").await?;
        let settings = RedisSettings {
            place: RedisPlace::try_new(redis.url()).map_err(anyhow::Error::msg)?,
            key_prefix: prefix.clone(),
        };
        let keys = Arc::new(ServerKeySpace::new(&settings, DEADLINE));
        Ok(Self::new(keys, Box::new(OnServer { redis, prefix })))
    }

    /// The values under these keys, `-` for none.
    async fn shown(&self, keys: &[&str]) -> Result<String> {
        let keys: Vec<_> = keys.iter().map(|&key| key.to_owned()).collect();
        let values = self.publisher.published(&keys).await?;
        let texts = values.iter().map(|value| match value {
            Some(value) => String::from_utf8_lossy(value).into_owned(),
            None => "-".to_owned(),
        });
        Ok(texts.collect::<Vec<_>>().join(" "))
    }
}

/// A check of every place.
macro_rules! checks {
    ($($module:ident::$check:ident,)*) => {
        mod in_process {
            $(#[tokio::test(start_paused = true)]
            async fn $check() -> anyhow::Result<()> {
                super::$module::$check(&super::Place::in_process()).await
            })*
        }
        mod on_server {
            $(#[tokio::test]
            async fn $check() -> anyhow::Result<()> {
                super::$module::$check(&super::Place::on_server().await?).await
            })*
        }
    };
}

checks! {
    switching::readers_see_nothing_of_what_is_staged_and_then_all_of_it,
    switching::what_a_patch_has_no_more_is_gone_and_other_patches_stay,
    switching::a_switch_may_be_repeated,
    switching::what_was_staged_too_long_ago_is_staged_again,
    switching::those_who_listen_are_told,
    switching::what_is_not_as_it_was_published_is_found,
    renewing::what_has_not_changed_lives_on,
    renewing::what_is_partly_gone_is_not_renewed,
    renewing::the_last_fifty_runs_are_kept,
    leading::a_leader_that_was_paused_changes_nothing,
    accounts::scores_are_seen_and_end_by_themselves,
    accounts::a_leader_that_was_paused_puts_nothing,
    accounts::those_that_are_tracked_are_known,
    accounts::the_spread_is_kept_to_the_last_digit,
    leading::whoever_lets_go_lets_the_next_one_in,
}

/// A publication of a run that has these documents, with the number of the run in each.
fn publication(run: u128, patch: &str, keys: &[&str]) -> Publication {
    Publication {
        run: RunId(Uuid::from_u128(run)),
        patch: patch.to_owned(),
        keys: keys.iter().map(|&key| key.to_owned()).collect(),
        documents: keys.iter().map(|key| document(key, run)).collect(),
        overview: document(&format!("meta:patch_{patch}"), run),
        index: document("meta:patches", run),
    }
}

fn document(key: &str, run: u128) -> Document {
    Document {
        key: key.to_owned(),
        json: Bytes::from(run.to_string()),
    }
}
