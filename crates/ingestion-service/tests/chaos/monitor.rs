//! Asks the service for its figures all the while.
//!
//! Every answer must add up. From answer to answer it shows whether matches
//! are published, which dates the recovery from each fault.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{
    process::memory_kib,
    world::{Target, World},
};

const ASK_EVERY: Duration = Duration::from_millis(100);
/// A frozen or dying process does not answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

/// What a whole run showed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Watched {
    /// Answers, each of which added up or is among the findings.
    pub(crate) answers: u64,
    /// The most memory any process had resident.
    pub(crate) peak_kib: u64,
}

/// The five figures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ledger {
    pub(crate) received: u64,
    pub(crate) published: u64,
    pub(crate) duplicates: u64,
    pub(crate) dead_lettered: u64,
    pub(crate) pending: u64,
}

/// The HTTP interface of whichever process.
pub(crate) struct Http(reqwest::Client);

impl Http {
    pub(crate) fn new() -> Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(ANSWER_TIME_MAX)
            .no_proxy()
            .build()?;
        Ok(Self(client))
    }

    /// The figures, and what the service said when they are none.
    pub(crate) async fn ledger(&self, address: &str) -> Result<Ledger> {
        let body = self.get(address, "/api/v1/ingestion").await?;
        let figure = |name: &str| {
            let figure = body["ledger"][name].as_u64();
            figure.with_context(|| format!("no {name} in {body}"))
        };
        Ok(Ledger {
            received: figure("received")?,
            published: figure("published")?,
            duplicates: figure("duplicates")?,
            dead_lettered: figure("dead_lettered")?,
            pending: figure("pending")?,
        })
    }

    pub(crate) async fn health(&self, address: &str) -> Result<Value> {
        self.get(address, "/api/v1/health").await
    }

    async fn get(&self, address: &str, path: &str) -> Result<Value> {
        let answer = self.0.get(format!("http://{address}{path}")).send();
        Ok(answer.await?.json().await?)
    }
}

impl Ledger {
    pub(crate) fn adds_up(self) -> bool {
        let settled = self.published + self.duplicates + self.dead_lettered;
        self.received == settled + self.pending
    }
}

/// The process asked last, and what it said.
struct Last {
    number: u32,
    published: u64,
    asked_ms: u64,
}

/// Watches until it is told to stop.
pub(crate) async fn watch(world: Arc<World>, stop: CancellationToken) -> Result<Watched> {
    let http = Http::new()?;
    let mut watched = Watched::default();
    let mut last: Option<Last> = None;
    let mut ticks = interval(ASK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let Some(target) = world.current.borrow().clone() else {
            continue;
        };
        // It may have ended meanwhile.
        if let Ok(peak) = memory_kib(target.pid, "VmHWM") {
            watched.peak_kib = watched.peak_kib.max(peak);
        }
        let asked_ms = world.now_ms();
        let Ok(ledger) = http.ledger(&target.address).await else {
            continue;
        };
        watched.answers += 1;
        if !ledger.adds_up() {
            world.finding(format!("process {}: {ledger:?}", target.number));
        }
        note_progress(&world, &target, last.as_ref(), ledger.published);
        last = Some(Last {
            number: target.number,
            published: ledger.published,
            asked_ms,
        });
    }
    Ok(watched)
}

fn note_progress(world: &World, target: &Target, last: Option<&Last>, published: u64) {
    let (before, from_ms) = match last {
        Some(last) if last.number == target.number => (last.published, last.asked_ms),
        // A process begins with nothing.
        _ => (0, target.started_ms),
    };
    if published > before {
        world.published_between(from_ms, world.now_ms());
    }
}
