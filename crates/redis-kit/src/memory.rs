//! A space of keys in the process.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use health_kit::Clock;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{
    Change, Epoch, Fault, KeySpace, Lock, Outcome, RedisError, Step, Subscription, TimeToLive,
    key_space::milliseconds,
};

/// Messages that a listener may be behind; the oldest are lost first.
const MESSAGES_MAX: usize = 1_024;
const WRONG_TYPE: &str = "the key holds another kind of value";

/// Keys that live as long as the process, for demos, tests, and services that
/// share a process; clones share them.
///
/// Keys end by the clock that is passed in. A mutex makes a step of each call, so
/// nothing is ever seen half done.
#[derive(Clone)]
pub struct MemoryKeySpace {
    clock: Arc<dyn Clock>,
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    keys: BTreeMap<String, Entry>,
    /// No key ends before.
    first_end_ms: Option<i64>,
    channels: HashMap<String, broadcast::Sender<Bytes>>,
}

struct Entry {
    value: Value,
    /// None for never.
    ends_at_ms: Option<i64>,
}

enum Value {
    Text(Bytes),
    List(VecDeque<Bytes>),
    Set(BTreeSet<Bytes>),
}

impl MemoryKeySpace {
    /// Without any key.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            held: Arc::default(),
        }
    }

    /// Removes all keys, as a server does that is started again; listeners stay.
    pub fn clear(&self) {
        self.now().held.keys.clear();
    }

    /// Adds members to a set, as others do to whom a server belongs too.
    ///
    /// # Errors
    /// The key holds another kind of value.
    pub fn add_members(
        &self,
        set: &str,
        members: impl IntoIterator<Item = Bytes>,
    ) -> Result<(), RedisError> {
        let mut now = self.now();
        let entry = now.held.keys.entry(set.to_owned());
        let entry = entry.or_insert_with(|| Entry {
            value: Value::Set(BTreeSet::new()),
            ends_at_ms: None,
        });
        let Value::Set(all) = &mut entry.value else {
            return Err(wrong_type());
        };
        all.extend(members);
        Ok(())
    }

    /// What is held now, without what has ended.
    fn now(&self) -> Now<'_> {
        let now_ms = self.clock.now().as_unix_ms();
        // Every change leaves a whole behind, so a panic elsewhere spoils nothing.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.first_end_ms.is_some_and(|end| end <= now_ms) {
            held.remove_ended(now_ms);
        }
        Now { held, now_ms }
    }
}

impl Held {
    fn remove_ended(&mut self, now_ms: i64) {
        let is_over = |entry: &Entry| entry.ends_at_ms.is_some_and(|end| end <= now_ms);
        self.keys.retain(|_, entry| !is_over(entry));
        let ends = self.keys.values().filter_map(|entry| entry.ends_at_ms);
        self.first_end_ms = ends.min();
    }
}

/// The keys at a moment.
struct Now<'a> {
    held: MutexGuard<'a, Held>,
    now_ms: i64,
}

impl Now<'_> {
    fn text(&self, key: &str) -> Result<Option<Bytes>, RedisError> {
        match self.held.keys.get(key).map(|entry| &entry.value) {
            Some(Value::Text(text)) => Ok(Some(text.clone())),
            Some(Value::List(_) | Value::Set(_)) => Err(wrong_type()),
            None => Ok(None),
        }
    }

    fn has(&self, key: &str) -> bool {
        self.held.keys.contains_key(key)
    }

    fn put(&mut self, key: &str, text: Bytes, expiry: Option<Duration>) {
        let entry = Entry {
            value: Value::Text(text),
            ends_at_ms: self.end(expiry),
        };
        self.held.keys.insert(key.to_owned(), entry);
    }

    fn renew(&mut self, key: &str, expiry: Option<Duration>) {
        let end = self.end(expiry);
        if let Some(entry) = self.held.keys.get_mut(key) {
            entry.ends_at_ms = end;
        }
    }

    fn remove(&mut self, key: &str) -> bool {
        self.held.keys.remove(key).is_some()
    }

    fn end(&mut self, expiry: Option<Duration>) -> Option<i64> {
        let left_ms = i64::try_from(milliseconds(expiry?)).unwrap_or(i64::MAX);
        let end_ms = self.now_ms.saturating_add(left_ms);
        let first = self
            .held
            .first_end_ms
            .map_or(end_ms, |first| first.min(end_ms));
        self.held.first_end_ms = Some(first);
        Some(end_ms)
    }

    /// Whether `owner` has the lock.
    fn holds(&self, lock: &Lock, owner: &str) -> Result<bool, RedisError> {
        let holder = self.text(&lock.owner_key)?;
        Ok(holder.is_some_and(|holder| holder == owner))
    }

    fn epoch(&self, lock: &Lock) -> Result<Option<Epoch>, RedisError> {
        let Some(text) = self.text(&lock.epoch_key)? else {
            return Ok(None);
        };
        let number = std::str::from_utf8(&text).ok();
        let number = number.and_then(|number| number.parse().ok());
        let number = number.ok_or_else(|| RedisError::new(Fault::Other, "no number"))?;
        Ok(Some(Epoch(number)))
    }

    /// What is in the way of a change, if anything is.
    fn obstacle(&self, change: &Change) -> Result<Option<Outcome>, RedisError> {
        if let Some(guard) = &change.guard {
            let is_taken = self.has(&guard.lock.owner_key);
            let is_anothers = is_taken && !self.holds(&guard.lock, &guard.owner)?;
            if is_anothers || self.epoch(&guard.lock)? != Some(guard.epoch) {
                return Ok(Some(Outcome::Fenced));
            }
        }
        let mut needed = change.steps.iter().filter_map(|step| match step {
            Step::Rename { from: key, .. } | Step::Renew { key, .. } => Some(key),
            Step::Set { .. } | Step::Delete { .. } | Step::Publish { .. } => None,
        });
        let missing = needed.find(|key| !self.has(key));
        Ok(missing.map(|key| Outcome::Missing(key.clone())))
    }

    fn make(&mut self, step: &Step) {
        match step {
            Step::Rename { from, to, expiry } => {
                if let Some(entry) = self.held.keys.remove(from) {
                    self.held.keys.insert(to.clone(), entry);
                }
                self.renew(to, *expiry);
            }
            Step::Set { key, value, expiry } => self.put(key, value.clone(), *expiry),
            Step::Renew { key, expiry } => self.renew(key, *expiry),
            Step::Delete { key } => {
                self.remove(key);
            }
            Step::Publish { channel, message } => self.tell(channel, message),
        }
    }

    fn tell(&mut self, channel: &str, message: &Bytes) {
        let listeners = self.held.channels.get(channel);
        // An error says that nobody listens any more.
        if listeners.is_some_and(|listeners| listeners.send(message.clone()).is_err()) {
            self.held.channels.remove(channel);
        }
    }
}

#[async_trait]
impl KeySpace for MemoryKeySpace {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, RedisError> {
        self.now().text(key)
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, RedisError> {
        let now = self.now();
        // As MGET does, which takes a list for nothing.
        let texts = keys.iter().map(|key| now.text(key).unwrap_or_default());
        Ok(texts.collect())
    }

    async fn set_many(
        &self,
        values: &[(String, Bytes)],
        expiry: Option<Duration>,
    ) -> Result<(), RedisError> {
        let mut now = self.now();
        for (key, value) in values {
            now.put(key, value.clone(), expiry);
        }
        Ok(())
    }

    async fn delete(&self, keys: &[String]) -> Result<u64, RedisError> {
        let mut now = self.now();
        Ok(keys.iter().map(|key| u64::from(now.remove(key))).sum())
    }

    async fn time_to_live(&self, key: &str) -> Result<TimeToLive, RedisError> {
        let now = self.now();
        let Some(entry) = now.held.keys.get(key) else {
            return Ok(TimeToLive::Missing);
        };
        let Some(end_ms) = entry.ends_at_ms else {
            return Ok(TimeToLive::Endless);
        };
        let left_ms = u64::try_from(end_ms - now.now_ms).unwrap_or_default();
        Ok(TimeToLive::Left(Duration::from_millis(left_ms)))
    }

    async fn change(&self, change: &Change) -> Result<Outcome, RedisError> {
        let mut now = self.now();
        if let Some(obstacle) = now.obstacle(change)? {
            return Ok(obstacle);
        }
        let is_told = |step: &&Step| matches!(step, Step::Publish { .. });
        for step in change.steps.iter().filter(|step| !is_told(step)) {
            now.make(step);
        }
        for step in change.steps.iter().filter(is_told) {
            now.make(step);
        }
        Ok(Outcome::Made)
    }

    async fn push(&self, list: &str, value: Bytes, keep: usize) -> Result<(), RedisError> {
        let mut now = self.now();
        let entry = now.held.keys.entry(list.to_owned());
        let entry = entry.or_insert_with(|| Entry {
            value: Value::List(VecDeque::new()),
            ends_at_ms: None,
        });
        let Value::List(values) = &mut entry.value else {
            return Err(wrong_type());
        };
        values.push_front(value);
        values.truncate(keep);
        if values.is_empty() {
            now.remove(list);
        }
        Ok(())
    }

    async fn list(&self, list: &str) -> Result<Vec<Bytes>, RedisError> {
        match self.now().held.keys.get(list).map(|entry| &entry.value) {
            Some(Value::List(values)) => Ok(values.iter().cloned().collect()),
            Some(Value::Text(_) | Value::Set(_)) => Err(wrong_type()),
            None => Ok(Vec::new()),
        }
    }

    async fn members(&self, set: &str, count_max: usize) -> Result<Vec<Bytes>, RedisError> {
        match self.now().held.keys.get(set).map(|entry| &entry.value) {
            Some(Value::Set(members)) => Ok(members.iter().take(count_max).cloned().collect()),
            Some(Value::Text(_) | Value::List(_)) => Err(wrong_type()),
            None => Ok(Vec::new()),
        }
    }

    async fn publish(&self, channel: &str, message: Bytes) -> Result<(), RedisError> {
        self.now().tell(channel, &message);
        Ok(())
    }

    async fn subscribe(&self, channel: &str) -> Result<Subscription, RedisError> {
        let mut now = self.now();
        let listeners = now.held.channels.entry(channel.to_owned());
        let listeners = listeners.or_insert_with(|| broadcast::channel(MESSAGES_MAX).0);
        let heard = listeners.subscribe();
        Ok(Subscription::new(stream::unfold(
            heard,
            |mut heard| async {
                loop {
                    match heard.recv().await {
                        Ok(message) => return Some((message, heard)),
                        Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => return None,
                    }
                }
            },
        )))
    }

    async fn take_lock(
        &self,
        lock: &Lock,
        owner: &str,
        life: Duration,
    ) -> Result<Option<Epoch>, RedisError> {
        let mut now = self.now();
        if now.holds(lock, owner)? {
            now.renew(&lock.owner_key, Some(life));
            return now.epoch(lock);
        }
        if now.has(&lock.owner_key) {
            return Ok(None);
        }
        // Where there is none, epochs of before may still be about; seconds are higher.
        let seconds = u64::try_from(now.now_ms / 1_000).unwrap_or_default();
        let newest = now.epoch(lock)?.map_or(seconds, |epoch| epoch.0);
        let epoch = Epoch(newest + 1);
        now.put(&lock.epoch_key, epoch.to_string().into(), None);
        now.put(&lock.owner_key, owner.to_owned().into(), Some(life));
        Ok(Some(epoch))
    }

    async fn renew_lock(
        &self,
        lock: &Lock,
        owner: &str,
        life: Duration,
    ) -> Result<bool, RedisError> {
        let mut now = self.now();
        let holds = now.holds(lock, owner)?;
        if holds {
            now.renew(&lock.owner_key, Some(life));
        }
        Ok(holds)
    }

    async fn release_lock(&self, lock: &Lock, owner: &str) -> Result<bool, RedisError> {
        let mut now = self.now();
        Ok(now.holds(lock, owner)? && now.remove(&lock.owner_key))
    }
}

fn wrong_type() -> RedisError {
    RedisError::new(Fault::Other, WRONG_TYPE)
}
