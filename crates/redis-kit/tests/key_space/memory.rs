//! The space of keys in the process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use async_trait::async_trait;
use domain::Timestamp;
use health_kit::Clock;
use redis_kit::{KeySpace, MemoryKeySpace};

use super::{Target, check};

/// Some time in 2024.
const BEGINNING_MS: i64 = 1_719_700_000_000;

/// Goes on when it is told.
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(Ordering::Relaxed))
    }
}

struct InProcess {
    clock: Arc<HandClock>,
    keys: MemoryKeySpace,
}

#[async_trait]
impl Target for InProcess {
    fn keys(&self) -> Arc<dyn KeySpace> {
        Arc::new(self.keys.clone())
    }

    async fn pass(&self, time: Duration) -> Result<()> {
        let passed_ms = i64::try_from(time.as_millis())?;
        self.clock.0.fetch_add(passed_ms, Ordering::Relaxed);
        Ok(())
    }

    async fn clear(&self) -> Result<()> {
        self.keys.clear();
        Ok(())
    }
}

#[tokio::test]
async fn the_one_in_the_process_keeps_the_promises() -> Result<()> {
    check(async || {
        let clock = Arc::new(HandClock(AtomicI64::new(BEGINNING_MS)));
        let keys = MemoryKeySpace::new(Arc::clone(&clock) as Arc<dyn Clock>);
        Ok(Box::new(InProcess { clock, keys }) as Box<dyn Target>)
    })
    .await
}
