//! The space of keys on a server, and what a server does that is hurt.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use health_kit::{HealthReporter as _, HealthStatus, SystemClock};
use redis_kit::{
    Change, Fault, KeySpace, Lock, Outcome, RedisError, RedisHealth, RedisPlace, RedisSettings,
    ServerKeySpace, Step,
};
use redis_test_kit::{Redis, shared_redis};
use test_kit::waiting::wait_until;

use super::{MINUTE, Target, bytes, check, put, shown};

/// Long beside any answer of a server that is not frozen.
const PATIENT: Duration = Duration::from_secs(30);
/// For one that is frozen.
const IMPATIENT: Duration = Duration::from_millis(200);

struct OnServer {
    redis: &'static Redis,
    prefix: String,
    keys: ServerKeySpace,
}

#[async_trait]
impl Target for OnServer {
    fn keys(&self) -> Arc<dyn KeySpace> {
        Arc::new(self.keys.clone())
    }

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

    async fn clear(&self) -> Result<()> {
        for key in self.redis.keys(&self.prefix).await? {
            self.redis.ask::<u64>(&["DEL", &key]).await?;
        }
        Ok(())
    }
}

fn key_space(url: &str, prefix: &str, deadline: Duration) -> Result<ServerKeySpace> {
    let place = RedisPlace::try_new(url).map_err(anyhow::Error::msg)?;
    let key_prefix = prefix.to_owned();
    Ok(ServerKeySpace::new(
        &RedisSettings { place, key_prefix },
        deadline,
    ))
}

fn fault<T>(answer: Result<T, RedisError>) -> Option<Fault> {
    answer.err().map(|error| error.fault())
}

#[tokio::test]
async fn the_one_on_a_server_keeps_the_promises() -> Result<()> {
    let redis = shared_redis().await?;
    check(async || {
        let prefix = redis.fresh_prefix("suite").await?;
        let keys = key_space(redis.url(), &prefix, PATIENT)?;
        Ok(Box::new(OnServer {
            redis,
            prefix,
            keys,
        }) as Box<dyn Target>)
    })
    .await
}

#[tokio::test]
async fn every_key_and_channel_has_the_prefix() -> Result<()> {
    let redis = shared_redis().await?;
    let prefix = redis.fresh_prefix("prefix").await?;
    let keys = key_space(redis.url(), &prefix, PATIENT)?;
    put(&keys, &[("a", "1"), ("b", "2")], None).await?;
    keys.push("list", bytes("1"), 1).await?;
    let full = |names: [&str; 3]| names.map(|name| format!("{prefix}{name}"));
    ensure!(redis.keys(&prefix).await? == full(["a", "b", "list"]));
    let steps = vec![
        Step::Rename {
            from: "a".to_owned(),
            to: "c".to_owned(),
            expiry: None,
        },
        Step::Delete {
            key: "b".to_owned(),
        },
        Step::Publish {
            channel: "said".to_owned(),
            message: bytes("1"),
        },
    ];
    // One without prefix hears it where it really is.
    let all = key_space(redis.url(), "", PATIENT)?;
    let mut heard = all.subscribe(&format!("{prefix}said")).await?;
    let change = Change { guard: None, steps };
    ensure!(keys.change(&change).await? == Outcome::Made);
    ensure!(heard.next().await == Some(bytes("1")));
    ensure!(redis.keys(&prefix).await? == full(["c", "list", "x"])[..2]);
    ensure!(keys.change(&change).await? == Outcome::Missing("a".to_owned()));
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_killed_costs_one_call_and_is_found_again() -> Result<()> {
    let redis = Redis::start().await?;
    let keys = key_space(redis.url(), "", PATIENT)?;
    put(&keys, &[("a", "1")], None).await?;
    redis.kill()?;
    let lost = keys.get("a").await;
    ensure!(fault(lost) == Some(Fault::Away), "the connection is lost");
    let away = keys.get("a").await.err().context("nobody is there")?;
    ensure!(away.fault() == Fault::Away && away.may_pass());
    ensure!(away.to_string().contains("REDIS_URL"), "{away}");
    redis.restart().await?;
    ensure!(keys.get("a").await?.is_none(), "it came back empty");
    Ok(())
}

#[tokio::test]
async fn no_call_waits_longer_than_its_deadline_for_a_frozen_server() -> Result<()> {
    let redis = Redis::start().await?;
    let keys = key_space(redis.url(), "", IMPATIENT)?;
    let change = Change {
        guard: None,
        steps: vec![Step::Rename {
            from: "staged".to_owned(),
            to: "here".to_owned(),
            expiry: None,
        }],
    };
    let patient = key_space(redis.url(), "", PATIENT)?;
    put(&patient, &[("staged", "1")], Some(MINUTE)).await?;
    ensure!(keys.get("here").await?.is_none());
    redis.pause()?;
    // Over the connection that there is, and over a new one.
    for _ in 0..2 {
        ensure!(fault(keys.change(&change).await) == Some(Fault::Slow));
    }
    ensure!(fault(keys.subscribe("channel").await.map(drop)) == Some(Fault::Slow));
    redis.resume()?;
    // What was sent is done all the same: nobody takes it back.
    let is_there = async || {
        shown(&patient, &["here"])
            .await
            .is_ok_and(|text| text == "1")
    };
    wait_until(PATIENT, "the change is made", is_there).await?;
    ensure!(patient.change(&change).await? == Outcome::Missing("staged".to_owned()));
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_and_a_right_that_is_missing_are_named() -> Result<()> {
    let redis = Redis::start_with(&[
        "requirepass secret",
        "user reader on >secret ~* &* +@all -rename -time",
    ])
    .await?;
    let address = redis.address();
    let denied = async |user: &str| {
        let keys = key_space(&format!("redis://{user}{address}"), "", PATIENT)?;
        let error = keys.get("a").await.err().context("it may not enter")?;
        ensure!(error.fault() == Fault::Denied, "{error}");
        ensure!(!error.to_string().contains("zQz"), "{error}");
        anyhow::Ok(())
    };
    denied("").await?;
    denied(":zQz@").await?;
    denied("reader:zQz@").await?;

    let keys = key_space(&format!("redis://reader:secret@{address}"), "", PATIENT)?;
    put(&keys, &[("staged", "new"), ("gone", "old")], None).await?;
    let steps = vec![
        Step::Set {
            key: "meta".to_owned(),
            value: bytes("m"),
            expiry: None,
        },
        Step::Delete {
            key: "gone".to_owned(),
        },
        Step::Rename {
            from: "staged".to_owned(),
            to: "here".to_owned(),
            expiry: Some(MINUTE),
        },
    ];
    let refused = keys.change(&Change { guard: None, steps }).await;
    let refused = refused.err().context("it may not rename")?;
    ensure!(refused.fault() == Fault::Denied, "{refused}");
    ensure!(shown(&keys, &["meta", "gone", "staged", "here"]).await? == "- old new -");
    let lock = Lock {
        owner_key: "leader".to_owned(),
        epoch_key: "epoch".to_owned(),
    };
    let refused = keys.take_lock(&lock, "owner", MINUTE).await;
    ensure!(fault(refused) == Some(Fault::Denied));
    Ok(())
}

#[tokio::test]
async fn a_full_server_changes_nothing() -> Result<()> {
    let redis = Redis::start_with(&["maxmemory-policy noeviction"]).await?;
    let keys = key_space(redis.url(), "", PATIENT)?;
    put(&keys, &[("staged", "new")], None).await?;
    redis
        .ask::<String>(&["CONFIG", "SET", "maxmemory", "1"])
        .await?;
    ensure!(fault(put_one(&keys).await) == Some(Fault::Full));
    let pushed = keys.push("list", bytes("1"), 1).await;
    ensure!(fault(pushed) == Some(Fault::Full));
    let steps = vec![
        Step::Rename {
            from: "staged".to_owned(),
            to: "here".to_owned(),
            expiry: None,
        },
        Step::Set {
            key: "meta".to_owned(),
            value: bytes("m"),
            expiry: None,
        },
    ];
    let refused = keys.change(&Change { guard: None, steps }).await;
    ensure!(fault(refused) == Some(Fault::Full));
    ensure!(shown(&keys, &["staged", "here", "meta"]).await? == "new - -");
    Ok(())
}

async fn put_one(keys: &ServerKeySpace) -> Result<(), RedisError> {
    keys.set_many(&[("a".to_owned(), bytes("1"))], None).await
}

#[tokio::test]
async fn a_cluster_is_refused_by_name() -> Result<()> {
    let redis = Redis::start_with(&["cluster-enabled yes"]).await?;
    let keys = key_space(redis.url(), "", PATIENT)?;
    let refused = keys.get("a").await.err().context("it is a cluster")?;
    ensure!(refused.fault() == Fault::Cluster && !refused.may_pass());
    ensure!(refused.to_string().contains("Redis Cluster"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn sentinels_lead_to_the_master_wherever_it_is() -> Result<()> {
    let master = Redis::start().await?;
    let replica_of = format!("replicaof {}", master.address().replace(':', " "));
    let replica = Redis::start_with(&[&replica_of]).await?;
    let sentinel = Redis::start_sentinel("ours", &master).await?;
    let dead = Redis::start().await?;
    let hosts = format!("{},{}", dead.address(), sentinel.address());
    dead.kill()?;
    let keys = key_space(&format!("redis+sentinel://{hosts}/ours/0"), "", PATIENT)?;
    put(&keys, &[("a", "1")], None).await?;
    ensure!(master.ask::<String>(&["GET", "a"]).await? == "1");

    let other = key_space(&format!("redis+sentinel://{hosts}/theirs"), "", PATIENT)?;
    let unknown = other.get("a").await.err().context("nobody has that name")?;
    ensure!(unknown.to_string().contains("theirs"), "{unknown}");

    // The two change places, and the sentinel is told.
    let has_it = async || replica.ask::<String>(&["GET", "a"]).await.is_ok();
    wait_until(PATIENT, "the replica has what the master has", has_it).await?;
    replica.ask::<String>(&["REPLICAOF", "NO", "ONE"]).await?;
    let (host, port) = replica.address().split_once(':').context("host:port")?;
    master.ask::<String>(&["REPLICAOF", host, port]).await?;
    sentinel
        .ask::<String>(&["SENTINEL", "REMOVE", "ours"])
        .await?;
    sentinel
        .ask::<String>(&["SENTINEL", "MONITOR", "ours", host, port, "1"])
        .await?;
    ensure!(fault(put_one(&keys).await) == Some(Fault::Unwritable));
    put_one(&keys).await?;
    ensure!(replica.ask::<String>(&["GET", "a"]).await? == "1");
    Ok(())
}

#[tokio::test]
async fn health_says_what_is_wrong_and_when_it_is_over() -> Result<()> {
    let redis = Redis::start_with(&["maxmemory-policy allkeys-lru"]).await?;
    let keys = key_space(redis.url(), "", PATIENT)?;
    let clock = Arc::new(SystemClock);
    let health = RedisHealth::new(keys.server().clone(), HealthStatus::Unhealthy, clock);
    let check = async |status: HealthStatus, reason: &str| {
        health.look().await;
        let check = health.checks().remove(0);
        ensure!(
            check.status == status && check.reason.contains(reason),
            "{check:?}"
        );
        Ok(())
    };
    check(HealthStatus::Healthy, "answers").await?;
    redis
        .ask::<String>(&["CONFIG", "SET", "maxmemory", "1gb"])
        .await?;
    check(HealthStatus::Degraded, "allkeys-lru").await?;
    redis.kill()?;
    check(HealthStatus::Unhealthy, "start Redis").await?;
    redis.restart().await?;
    check(HealthStatus::Healthy, "answers").await
}
