//! The warehouse in memory, held to the suite of its ports.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Day, Timestamp};
use model_application::ports::{AccountReader, CounterReader};
use model_test_support::{
    MemoryCounters, PlayedMatch,
    reader_contract::{self, Defect, Target},
};

struct InMemory(Arc<MemoryCounters>);

#[async_trait]
impl Target for InMemory {
    fn counters(&self) -> Arc<dyn CounterReader> {
        Arc::clone(&self.0) as _
    }

    fn accounts(&self) -> Arc<dyn AccountReader> {
        Arc::clone(&self.0) as _
    }

    async fn store(&self, matches: &[PlayedMatch]) {
        self.0.store(matches.to_vec());
    }

    async fn build(&self, day: Day) {
        self.0
            .build(day, Timestamp::from_unix_ms(1_742_800_000_000));
    }

    async fn spoil(&self, _day: Day, _defect: Defect) -> bool {
        // It keeps no rows.
        false
    }
}

#[tokio::test]
async fn the_one_in_memory_keeps_the_promises_of_the_ports() {
    reader_contract::check(async || InMemory(Arc::new(MemoryCounters::new()))).await;
}
