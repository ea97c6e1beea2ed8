//! Bugs, to show that the tests find them.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use redis_kit::{
    Change, Epoch, KeySpace, Lock, Outcome, RedisError, Step, Subscription, TimeToLive,
};

/// A mistake that somebody could make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Bug {
    /// A change does not look whether another has taken the lock.
    EpochNotCompared,
    /// What is renamed is renamed key by key, outside the change.
    RenamesApart,
    /// What is staged never ends.
    StagingWithoutEnd,
}

/// A space of keys with a bug.
pub struct Planted {
    keys: Arc<dyn KeySpace>,
    bug: Bug,
}

impl Planted {
    /// The same keys, with this bug.
    #[must_use]
    pub fn new(keys: Arc<dyn KeySpace>, bug: Bug) -> Self {
        Self { keys, bug }
    }
}

#[async_trait]
impl KeySpace for Planted {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, RedisError> {
        self.keys.get(key).await
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, RedisError> {
        self.keys.get_many(keys).await
    }

    async fn set_many(
        &self,
        values: &[(String, Bytes)],
        expiry: Option<Duration>,
    ) -> Result<(), RedisError> {
        let expiry = expiry.filter(|_| self.bug != Bug::StagingWithoutEnd);
        self.keys.set_many(values, expiry).await
    }

    async fn delete(&self, keys: &[String]) -> Result<u64, RedisError> {
        self.keys.delete(keys).await
    }

    async fn time_to_live(&self, key: &str) -> Result<TimeToLive, RedisError> {
        self.keys.time_to_live(key).await
    }

    async fn change(&self, change: &Change) -> Result<Outcome, RedisError> {
        let mut change = change.clone();
        if self.bug == Bug::EpochNotCompared {
            change.guard = None;
        }
        if self.bug == Bug::RenamesApart {
            let is_rename = |step: &Step| matches!(step, Step::Rename { .. });
            let (renames, others) = change.steps.into_iter().partition(is_rename);
            change.steps = others;
            let renames: Vec<_> = renames;
            for rename in renames {
                let apart = Change {
                    guard: change.guard.clone(),
                    steps: vec![rename],
                };
                let outcome = self.keys.change(&apart).await?;
                if outcome != Outcome::Made {
                    return Ok(outcome);
                }
            }
        }
        self.keys.change(&change).await
    }

    async fn push(&self, list: &str, value: Bytes, keep: usize) -> Result<(), RedisError> {
        self.keys.push(list, value, keep).await
    }

    async fn list(&self, list: &str) -> Result<Vec<Bytes>, RedisError> {
        self.keys.list(list).await
    }

    async fn members(&self, set: &str, count_max: usize) -> Result<Vec<Bytes>, RedisError> {
        self.keys.members(set, count_max).await
    }

    async fn publish(&self, channel: &str, message: Bytes) -> Result<(), RedisError> {
        self.keys.publish(channel, message).await
    }

    async fn subscribe(&self, channel: &str) -> Result<Subscription, RedisError> {
        self.keys.subscribe(channel).await
    }

    async fn take_lock(
        &self,
        lock: &Lock,
        owner: &str,
        life: Duration,
    ) -> Result<Option<Epoch>, RedisError> {
        self.keys.take_lock(lock, owner, life).await
    }

    async fn renew_lock(
        &self,
        lock: &Lock,
        owner: &str,
        life: Duration,
    ) -> Result<bool, RedisError> {
        self.keys.renew_lock(lock, owner, life).await
    }

    async fn release_lock(&self, lock: &Lock, owner: &str) -> Result<bool, RedisError> {
        self.keys.release_lock(lock, owner).await
    }
}
