//! The space of keys on a server.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use redis::{Cmd, Pipeline, cmd};

use crate::{
    Change, Epoch, Fault, KeySpace, Lock, Outcome, RedisError, RedisServer, RedisSettings, Step,
    Subscription, TimeToLive,
    key_space::milliseconds,
    scripts::{CHANGE, RELEASE_LOCK, RENEW_LOCK, TAKE_LOCK},
};

/// A pipeline is complete with so many keys …
const PIPELINE_KEYS_MAX: usize = 128;
/// … or with so many bytes, which also a slow network takes within a deadline.
const PIPELINE_BYTES_MAX: usize = 128 * 1024;

/// A change of more keys is so large that its connection is not used again.
const CHANGE_KEYS_KEPT: usize = 1024;

/// The keys on a server that begin with a prefix; whoever uses it never sees the prefix.
#[derive(Clone)]
pub struct ServerKeySpace {
    server: RedisServer,
    prefix: String,
}

impl ServerKeySpace {
    /// The keys that the settings name; each call ends by `deadline`.
    #[must_use]
    pub fn new(settings: &RedisSettings, deadline: Duration) -> Self {
        Self {
            server: RedisServer::new(settings.place.clone(), deadline),
            prefix: settings.key_prefix.clone(),
        }
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &RedisServer {
        &self.server
    }

    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn of_key(&self, name: &str, key: &str) -> Cmd {
        let mut command = cmd(name);
        command.arg(self.full(key));
        command
    }

    fn of_keys(&self, name: &str, keys: &[String]) -> Cmd {
        let mut command = cmd(name);
        for key in keys {
            command.arg(self.full(key));
        }
        command
    }

    /// A script with its keys; arguments follow.
    fn script(&self, script: &str, keys: &[&str]) -> Cmd {
        let mut command = cmd("EVAL");
        command.arg(script).arg(keys.len());
        for key in keys {
            command.arg(self.full(key));
        }
        command
    }

    async fn set_some(
        &self,
        values: &[(String, Bytes)],
        expiry: Option<Duration>,
    ) -> Result<(), RedisError> {
        let mut pipeline = Pipeline::with_capacity(values.len());
        for (key, value) in values {
            let mut command = self.of_key("SET", key);
            command.arg(&value[..]);
            if let Some(expiry) = expiry {
                command.arg("PX").arg(milliseconds(expiry));
            }
            pipeline.add_command(command).ignore();
        }
        self.server.pipeline(&pipeline).await
    }
}

#[async_trait]
impl KeySpace for ServerKeySpace {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, RedisError> {
        let value: Option<Vec<u8>> = self.server.command(&self.of_key("GET", key)).await?;
        Ok(value.map(Bytes::from))
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, RedisError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let values: Vec<Option<Vec<u8>>> = self.server.command(&self.of_keys("MGET", keys)).await?;
        Ok(values
            .into_iter()
            .map(|value| value.map(Bytes::from))
            .collect())
    }

    async fn set_many(
        &self,
        values: &[(String, Bytes)],
        expiry: Option<Duration>,
    ) -> Result<(), RedisError> {
        let mut rest = values;
        while !rest.is_empty() {
            let (some, others) = rest.split_at(fit_into_pipeline(rest));
            self.set_some(some, expiry).await?;
            rest = others;
        }
        Ok(())
    }

    async fn delete(&self, keys: &[String]) -> Result<u64, RedisError> {
        let mut count = 0;
        for some in keys.chunks(PIPELINE_KEYS_MAX) {
            count += self
                .server
                .command::<u64>(&self.of_keys("DEL", some))
                .await?;
        }
        Ok(count)
    }

    async fn time_to_live(&self, key: &str) -> Result<TimeToLive, RedisError> {
        let left_ms: i64 = self.server.command(&self.of_key("PTTL", key)).await?;
        Ok(match u64::try_from(left_ms) {
            Ok(left_ms) => TimeToLive::Left(Duration::from_millis(left_ms)),
            Err(_) if left_ms == -1 => TimeToLive::Endless,
            Err(_) => TimeToLive::Missing,
        })
    }

    async fn change(&self, change: &Change) -> Result<Outcome, RedisError> {
        let mut written = Written {
            prefix: &self.prefix,
            keys: Vec::new(),
            arguments: Vec::new(),
        };
        written.write(change);
        let mut command = self.script(CHANGE, &written.keys);
        for argument in written.arguments {
            command.arg(&argument[..]);
        }
        let answer: Vec<String> = self.server.command(&command).await?;
        if written.keys.len() > CHANGE_KEYS_KEPT {
            self.server.renew_connection().await;
        }
        let answer: Vec<_> = answer.iter().map(String::as_str).collect();
        match answer[..] {
            ["made"] => Ok(Outcome::Made),
            ["fenced"] => Ok(Outcome::Fenced),
            ["missing", key] => {
                let key = key.strip_prefix(&self.prefix).unwrap_or(key);
                Ok(Outcome::Missing(key.to_owned()))
            }
            _ => Err(RedisError::new(
                Fault::Other,
                format!("a script answered {answer:?}"),
            )),
        }
    }

    async fn push(&self, list: &str, value: Bytes, keep: usize) -> Result<(), RedisError> {
        let mut push = self.of_key("LPUSH", list);
        push.arg(&value[..]);
        let mut trim = self.of_key("LTRIM", list);
        match keep.checked_sub(1) {
            Some(end) => trim.arg(0).arg(end),
            // From the second to the first is nothing.
            None => trim.arg(1).arg(0),
        };
        let mut pipeline = Pipeline::new();
        pipeline.atomic().add_command(push).ignore();
        pipeline.add_command(trim).ignore();
        self.server.pipeline(&pipeline).await
    }

    async fn list(&self, list: &str) -> Result<Vec<Bytes>, RedisError> {
        let mut range = self.of_key("LRANGE", list);
        range.arg(0).arg(-1);
        let values: Vec<Vec<u8>> = self.server.command(&range).await?;
        Ok(values.into_iter().map(Bytes::from).collect())
    }

    async fn members(&self, set: &str, count_max: usize) -> Result<Vec<Bytes>, RedisError> {
        // Unlike SMEMBERS it has a limit; up to that it answers the whole set.
        let mut members = self.of_key("SRANDMEMBER", set);
        members.arg(count_max);
        let members: Vec<Vec<u8>> = self.server.command(&members).await?;
        Ok(members.into_iter().map(Bytes::from).collect())
    }

    async fn publish(&self, channel: &str, message: Bytes) -> Result<(), RedisError> {
        let mut publish = self.of_key("PUBLISH", channel);
        publish.arg(&message[..]);
        // Nobody needs to listen.
        self.server.command::<u64>(&publish).await.map(|_| ())
    }

    async fn subscribe(&self, channel: &str) -> Result<Subscription, RedisError> {
        let messages = self.server.listen(&self.full(channel)).await?;
        let messages = messages.into_on_message();
        Ok(Subscription::new(messages.map(|message| {
            Bytes::copy_from_slice(message.get_payload_bytes())
        })))
    }

    async fn take_lock(
        &self,
        lock: &Lock,
        owner: &str,
        life: Duration,
    ) -> Result<Option<Epoch>, RedisError> {
        let mut take = self.script(TAKE_LOCK, &[&lock.owner_key, &lock.epoch_key]);
        take.arg(owner).arg(milliseconds(life));
        let epoch: Option<u64> = self.server.command(&take).await?;
        Ok(epoch.map(Epoch))
    }

    async fn renew_lock(
        &self,
        lock: &Lock,
        owner: &str,
        life: Duration,
    ) -> Result<bool, RedisError> {
        let mut renew = self.script(RENEW_LOCK, &[&lock.owner_key]);
        renew.arg(owner).arg(milliseconds(life));
        self.server.command(&renew).await
    }

    async fn release_lock(&self, lock: &Lock, owner: &str) -> Result<bool, RedisError> {
        let mut release = self.script(RELEASE_LOCK, &[&lock.owner_key]);
        release.arg(owner);
        self.server.command(&release).await
    }
}

/// How many of these values, at least one, make a pipeline.
fn fit_into_pipeline(values: &[(String, Bytes)]) -> usize {
    let mut bytes = 0;
    let fitting = values
        .iter()
        .take(PIPELINE_KEYS_MAX)
        .take_while(|(_, value)| {
            bytes += value.len();
            bytes <= PIPELINE_BYTES_MAX
        });
    fitting.count().max(1)
}

/// A change as its script reads it.
struct Written<'a> {
    prefix: &'a str,
    keys: Vec<&'a str>,
    arguments: Vec<Bytes>,
}

impl<'a> Written<'a> {
    fn write(&mut self, change: &'a Change) {
        let (owner, epoch) = match &change.guard {
            Some(guard) => {
                self.keys
                    .extend([&*guard.lock.owner_key, &*guard.lock.epoch_key]);
                (guard.owner.clone(), guard.epoch.to_string())
            }
            None => (String::new(), String::new()),
        };
        self.arguments.extend([owner.into(), epoch.into()]);
        for step in &change.steps {
            self.write_step(step);
        }
    }

    fn write_step(&mut self, step: &'a Step) {
        match step {
            Step::Rename { from, to, expiry } => {
                self.keys.extend([&**from, &**to]);
                self.arguments.extend([name("rename"), end(*expiry)]);
            }
            Step::Set { key, value, expiry } => {
                self.keys.push(key);
                self.arguments
                    .extend([name("set"), end(*expiry), value.clone()]);
            }
            Step::Renew { key, expiry } => {
                self.keys.push(key);
                self.arguments.extend([name("renew"), end(*expiry)]);
            }
            Step::Delete { key } => {
                self.keys.push(key);
                self.arguments.push(name("delete"));
            }
            Step::Publish { channel, message } => {
                // No key: who may use a channel is another question.
                let channel = format!("{}{channel}", self.prefix);
                self.arguments
                    .extend([name("publish"), channel.into(), message.clone()]);
            }
        }
    }
}

fn name(step: &'static str) -> Bytes {
    Bytes::from_static(step.as_bytes())
}

/// 0 for no end.
fn end(expiry: Option<Duration>) -> Bytes {
    Bytes::from(expiry.map_or(0, milliseconds).to_string())
}
