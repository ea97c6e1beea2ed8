//! Calls that come when they come, whether or not those before have ended.

use std::{future::Future, time::Duration};

use anyhow::{Result, ensure};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

/// How long calls took, from the moment at which each was due.
#[derive(Debug, Clone)]
pub struct Latencies(Vec<Duration>);

/// Makes `count` calls, `per_second` of them, and waits for all.
///
/// # Errors
/// One has failed, or none was asked for.
pub async fn at_rate<Call>(
    per_second: u32,
    count: usize,
    mut call: impl FnMut(usize) -> Call,
) -> Result<Latencies>
where
    Call: Future<Output = Result<()>> + Send + 'static,
{
    ensure!(per_second > 0 && count > 0, "no calls");
    let mut ticks = interval(Duration::from_secs(1) / per_second);
    // Those that are late are made up for: each has its own time.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut calls = JoinSet::new();
    for index in 0..count {
        let due = ticks.tick().await;
        let called = call(index);
        calls.spawn(async move {
            called.await?;
            anyhow::Ok(Instant::now().duration_since(due))
        });
    }
    let mut took = calls
        .join_all()
        .await
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    took.sort_unstable();
    Ok(Latencies(took))
}

impl Latencies {
    /// So many thousandths took no longer.
    #[must_use]
    pub fn permille(&self, permille: usize) -> Duration {
        let index = self.0.len() * permille / 1_000;
        let last = self.0.len().saturating_sub(1);
        self.0.get(index.min(last)).copied().unwrap_or_default()
    }
}
