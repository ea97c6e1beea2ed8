//! The space of keys in the process.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use async_trait::async_trait;
use domain::Timestamp;
use redis_kit::{KeySpace, MemoryKeySpace};
use test_kit::clock::RunningClock;

use super::{Target, bytes, check};

/// Some time in 2024.
const BEGINNING: Timestamp = Timestamp::from_unix_ms(1_719_700_000_000);

struct InProcess(MemoryKeySpace);

#[async_trait]
impl Target for InProcess {
    fn keys(&self) -> Arc<dyn KeySpace> {
        Arc::new(self.0.clone())
    }

    async fn pass(&self, time: Duration) -> Result<()> {
        tokio::time::advance(time).await;
        Ok(())
    }

    async fn add_members(&self, set: &str, members: &[&str]) -> Result<()> {
        let members = members.iter().map(|member| bytes(member));
        Ok(self.0.add_members(set, members)?)
    }

    async fn clear(&self) -> Result<()> {
        self.0.clear();
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_one_in_the_process_keeps_the_promises() -> Result<()> {
    check(async || {
        let clock = Arc::new(RunningClock::from(BEGINNING));
        Ok(Box::new(InProcess(MemoryKeySpace::new(clock))) as Box<dyn Target>)
    })
    .await
}
