//! One writer at a time.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use model_application::ports::{LeaderLock, Leadership, PublishError};
use redis_kit::{Epoch, Guard, KeySpace, Lock, TimeToLive};

use crate::{keys::leader_lock, publish_error};

/// The lock under two keys.
pub struct RedisLeaderLock {
    keys: Arc<dyn KeySpace>,
    lock: Lock,
}

impl RedisLeaderLock {
    /// The lock in this space of keys.
    #[must_use]
    pub fn new(keys: Arc<dyn KeySpace>) -> Self {
        Self {
            keys,
            lock: leader_lock(),
        }
    }
}

#[async_trait]
impl LeaderLock for RedisLeaderLock {
    async fn take(&self, owner: &str, life: Duration) -> Result<Option<Leadership>, PublishError> {
        let taken = self.keys.take_lock(&self.lock, owner, life).await;
        let epoch = taken.map_err(|error| publish_error(&error))?;
        Ok(epoch.map(|Epoch(epoch)| Leadership {
            owner: owner.to_owned(),
            epoch,
        }))
    }

    async fn renew(&self, leadership: &Leadership, life: Duration) -> Result<bool, PublishError> {
        let owner = &leadership.owner;
        let renewed = self.keys.renew_lock(&self.lock, owner, life).await;
        renewed.map_err(|error| publish_error(&error))
    }

    async fn release(&self, leadership: &Leadership) -> Result<bool, PublishError> {
        let released = self.keys.release_lock(&self.lock, &leadership.owner).await;
        released.map_err(|error| publish_error(&error))
    }

    async fn leader(&self) -> Result<Option<String>, PublishError> {
        let owner = self.keys.get(&self.lock.owner_key).await;
        let Some(owner) = owner.map_err(|error| publish_error(&error))? else {
            return Ok(None);
        };
        let owner = String::from_utf8_lossy(&owner).into_owned();
        let key = &self.lock.owner_key;
        let left = self.keys.time_to_live(key).await;
        match left.map_err(|error| publish_error(&error))? {
            TimeToLive::Endless => Err(PublishError::Refused {
                reason: format!(
                    "the lock under {key} is held by {owner} and never ends, which none of ours \
                     does; if no such process runs, remove that key from Redis"
                ),
            }),
            _ => Ok(Some(owner)),
        }
    }
}

/// The condition that nobody has taken the lock since.
pub(crate) fn guard(leadership: &Leadership) -> Guard {
    Guard {
        lock: leader_lock(),
        owner: leadership.owner.clone(),
        epoch: Epoch(leadership.epoch),
    }
}
