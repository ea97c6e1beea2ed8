//! Publishers that are killed at any instant, under readers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, ensure};
use model_test_support::{Bug, Reader, Seen};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use redis_test_kit::Redis;
use test_kit::waiting::wait_until;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    DEADLINE, key_space,
    process::{PublisherProcess, let_lock_end},
    reader, setting,
    staging::all_ends,
};

const READERS: usize = 4;
/// So many publications say how long one takes here.
const MEASURED: u64 = 5;

/// What is to happen, at least.
pub(crate) struct Plan {
    pub(crate) publications: u64,
    pub(crate) kills: u64,
    pub(crate) seed: u64,
    pub(crate) bug: Option<Bug>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_one_run_whoever_is_killed() -> Result<()> {
    let plan = Plan {
        publications: setting("PUBLISH_PUBLICATIONS", 24)?,
        kills: setting("PUBLISH_KILLS", 10)?,
        seed: setting("PUBLISH_SEED", 1)?,
        bug: None,
    };
    println!("seed {}", plan.seed);
    run(&plan).await
}

/// Kills and publishes as planned.
///
/// # Errors
/// A reader has seen what must not be seen; it says what.
pub(crate) async fn run(plan: &Plan) -> Result<()> {
    let redis = Redis::start().await?;
    let begun = Instant::now();
    let watch = Arc::new(Watch::default());
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        readers.spawn(Arc::clone(&watch).read(reader(&redis)?));
    }
    let killed = tokio::select! {
        killed = kill(plan, &redis, &watch) => killed?,
        Some(failed) = readers.join_next() => {
            failed??;
            anyhow::bail!("a reader has ended");
        }
    };
    watch.is_over.store(true, Ordering::Relaxed);
    let mut seen = Vec::new();
    while let Some(reader) = readers.join_next().await {
        seen.push(reader??);
    }
    all_ends(&redis, &key_space(&redis, DEADLINE)?).await?;
    let reads: u64 = seen.iter().map(|seen| seen.reads).sum();
    let numbers: Vec<_> = seen.iter().map(|seen| seen.numbers).collect();
    let runs: i64 = redis.ask(&["LLEN", "models:runs"]).await?;
    ensure!(runs <= 50, "{runs} runs are kept");
    println!(
        "{} publications, {} kills, {reads} reads by {READERS} readers of 128 keys, which saw \
         {numbers:?} different runs: 0 mixed, 0 missing, 0 older; a publication took {:?}; \
         {} staged keys were left behind; {:?} in all",
        watch.newest.load(Ordering::Relaxed),
        killed.kills,
        killed.publication,
        killed.left_behind,
        begun.elapsed(),
    );
    Ok(())
}

/// What readers tell each other and the test.
#[derive(Default)]
struct Watch {
    newest: AtomicU64,
    is_over: AtomicBool,
}

impl Watch {
    async fn read(self: Arc<Self>, mut reader: Reader) -> Result<Seen> {
        while !self.is_over.load(Ordering::Relaxed) {
            if let Some(number) = reader.read().await? {
                self.newest.fetch_max(number, Ordering::Relaxed);
            }
        }
        Ok(reader.seen())
    }

    fn newest(&self) -> u64 {
        self.newest.load(Ordering::Relaxed)
    }

    async fn wait_for(&self, number: u64) -> Result<()> {
        let is_there = async || self.newest() >= number;
        wait_until(DEADLINE, "it is published", is_there).await
    }
}

struct Killed {
    kills: u64,
    publication: Duration,
    left_behind: usize,
}

async fn kill(plan: &Plan, redis: &Redis, watch: &Watch) -> Result<Killed> {
    let process = PublisherProcess::new(redis, plan.bug)?;
    process.start()?;
    watch.wait_for(1).await?;
    let begun = Instant::now();
    watch.wait_for(1 + MEASURED).await?;
    let publication = begun.elapsed() / u32::try_from(MEASURED)?;

    let mut random = StdRng::seed_from_u64(plan.seed);
    let mut left_behind = 0;
    for _ in 0..plan.kills {
        // At any instant, most of them in the midst of one of the next few publications.
        let life = publication.mul_f64(random.random_range(0.0..4.0));
        sleep(life).await;
        process.kill()?;
        left_behind = left_behind.max(redis.keys("staging:").await?.len());
        let_lock_end(redis).await?;
        process.start()?;
        // Now and then not even until it leads.
        if random.random_bool(0.9) {
            watch.wait_for(watch.newest() + 1).await?;
        }
    }
    watch.wait_for(plan.publications).await?;
    process.kill()?;
    Ok(Killed {
        kills: plan.kills + 1,
        publication,
        left_behind,
    })
}
