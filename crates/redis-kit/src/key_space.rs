//! What services need of Redis: values under keys, changes in one step, a lock.

use std::{fmt, pin::Pin, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use crate::RedisError;

/// Values under keys, some of which end by themselves.
///
/// A call that fails with a fault that [may pass](RedisError::may_pass) may have
/// had its effect, or may have it later, once: whoever repeats it must be able
/// to tell, or not to mind. Dropping a call before it is answered is the same.
///
/// Durations have whole milliseconds; shorter ones count as one.
#[async_trait]
pub trait KeySpace: Send + Sync {
    /// The value under a key.
    ///
    /// # Errors
    /// There is no answer, or the key holds a list.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, RedisError>;

    /// The values under several keys, all of one instant, in their order.
    ///
    /// # Errors
    /// There is no answer.
    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, RedisError>;

    /// Puts values under keys, each with this end, or without one. Not in one
    /// step: whoever reads meanwhile sees some of them.
    ///
    /// # Errors
    /// Some may have been put and others not.
    async fn set_many(
        &self,
        values: &[(String, Bytes)],
        expiry: Option<Duration>,
    ) -> Result<(), RedisError>;

    /// Removes keys; how many there were. Not in one step.
    ///
    /// # Errors
    /// Some may have been removed and others not.
    async fn delete(&self, keys: &[String]) -> Result<u64, RedisError>;

    /// How long a key has left.
    ///
    /// # Errors
    /// There is no answer.
    async fn time_to_live(&self, key: &str) -> Result<TimeToLive, RedisError>;

    /// Makes a change in one step: nobody ever sees a part of it, and it is made
    /// whole or not at all, whatever becomes of this process.
    ///
    /// # Errors
    /// Nothing has been changed, but where the fault
    /// [may pass](RedisError::may_pass).
    async fn change(&self, change: &Change) -> Result<Outcome, RedisError>;

    /// Puts a value before the others of a list and keeps so many, the newest.
    ///
    /// # Errors
    /// There is no answer, or the key holds a value.
    async fn push(&self, list: &str, value: Bytes, keep: usize) -> Result<(), RedisError>;

    /// The values of a list, the newest first; none if there is no list.
    ///
    /// # Errors
    /// There is no answer, or the key holds a value.
    async fn list(&self, list: &str) -> Result<Vec<Bytes>, RedisError>;

    /// The members of a set, in no order; none if there is no set. Of a larger one,
    /// any so many, so whoever must know asks for one more than it takes.
    ///
    /// # Errors
    /// There is no answer, or the key holds another kind of value.
    async fn members(&self, set: &str, count_max: usize) -> Result<Vec<Bytes>, RedisError>;

    /// Tells those who listen at this moment, and nobody else.
    ///
    /// # Errors
    /// There is no answer.
    async fn publish(&self, channel: &str, message: Bytes) -> Result<(), RedisError>;

    /// Listens to a channel, from now on.
    ///
    /// # Errors
    /// There is no answer.
    async fn subscribe(&self, channel: &str) -> Result<Subscription, RedisError>;

    /// Takes a lock for so long, if it is free or `owner` has it already.
    ///
    /// The [`Epoch`] is higher than all that were given for this lock, also to
    /// those who had lost it before its keys were lost; `None` while another has it.
    /// `owner` is nobody else's, also not that of an earlier run.
    ///
    /// # Errors
    /// There is no answer.
    async fn take_lock(
        &self,
        lock: &Lock,
        owner: &str,
        life: Duration,
    ) -> Result<Option<Epoch>, RedisError>;

    /// Keeps a lock for so long from now on; `false` if `owner` does not have it any more.
    ///
    /// # Errors
    /// There is no answer.
    async fn renew_lock(
        &self,
        lock: &Lock,
        owner: &str,
        life: Duration,
    ) -> Result<bool, RedisError>;

    /// Lets go of a lock; `false` if `owner` does not have it any more.
    ///
    /// # Errors
    /// There is no answer.
    async fn release_lock(&self, lock: &Lock, owner: &str) -> Result<bool, RedisError>;
}

/// A lock: one key says who has it, another how often it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Holds the owner while the lock is taken.
    pub owner_key: String,
    /// Holds the newest epoch.
    pub epoch_key: String,
}

/// The number of a taking of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How long a key has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeToLive {
    /// There is no such key.
    Missing,
    /// It does not end by itself.
    Endless,
    /// So long.
    Left(Duration),
}

/// What changes in one step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Under which condition; none for whoever shares nothing.
    pub guard: Option<Guard>,
    /// The parts, in their order. No key is in two of them.
    pub steps: Vec<Step>,
}

/// The condition that nobody has taken the lock since `owner` took it: the epoch
/// is still this one, and the lock is the owner's or nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// The lock.
    pub lock: Lock,
    /// Who took it.
    pub owner: String,
    /// What it was given then.
    pub epoch: Epoch,
}

/// A part of a change. Where an expiry is `None`, the key does not end by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Moves a value, which must be there, over whatever is under the other key.
    Rename {
        /// Where it is.
        from: String,
        /// Where it goes.
        to: String,
        /// When it ends there.
        expiry: Option<Duration>,
    },
    /// Puts a value under a key.
    Set {
        /// The key.
        key: String,
        /// The value.
        value: Bytes,
        /// When it ends.
        expiry: Option<Duration>,
    },
    /// Gives a key, which must be there, another end.
    Renew {
        /// The key.
        key: String,
        /// When it ends.
        expiry: Option<Duration>,
    },
    /// Removes a key, if it is there.
    Delete {
        /// The key.
        key: String,
    },
    /// Tells those who listen, after everything else.
    Publish {
        /// Where they listen.
        channel: String,
        /// What they hear.
        message: Bytes,
    },
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is made.
    Made,
    /// Nothing has changed: the lock was taken since, or its keys are lost.
    Fenced,
    /// Nothing has changed: this key, which must be there, is not.
    Missing(String),
}

/// Messages of a channel, as long as the connection lasts.
///
/// They are hints: what is said while nobody listens, or while the server
/// hangs, is not heard. Whoever needs to know asks from time to time as well.
pub struct Subscription(Pin<Box<dyn Stream<Item = Bytes> + Send>>);

impl Subscription {
    pub(crate) fn new(messages: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self(Box::pin(messages))
    }

    /// The next message; `None` when the connection is lost. Dropping it loses nothing.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.0.next().await
    }
}

/// In whole milliseconds, at least one: Redis refuses an end that is now.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    // Redis adds it to the time of day, in a signed number.
    ms.clamp(1, u64::from(u32::MAX) * 1_000)
}
