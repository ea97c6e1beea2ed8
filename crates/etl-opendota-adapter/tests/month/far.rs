//! A warehouse that takes a while, so that a process may die before and after
//! each thing it does there.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use domain::{Day, Timestamp};
use etl_application::{
    Answer,
    ports::{CallMemory, FactStore, StoreError, WarehouseError, Wish, WishCounts, WishQueue},
};
use etl_test_support::MemoryWarehouse;
use rand::{RngExt as _, rngs::StdRng};
use tokio::time::sleep;

pub(crate) struct Far {
    pub(crate) memory: Arc<MemoryWarehouse>,
    pub(crate) rng: Mutex<StdRng>,
}

impl Far {
    async fn way(&self) {
        let ms = self.rng.lock().expect("nobody panics").random_range(1..40);
        sleep(Duration::from_millis(ms)).await;
    }

    /// Does it, on the way there and back.
    async fn away<T>(&self, done: impl Future<Output = T>) -> T {
        self.way().await;
        let done = done.await;
        self.way().await;
        done
    }
}

#[async_trait]
impl FactStore for Far {
    async fn store(&self, answers: &[Answer]) -> Result<BTreeSet<Day>, StoreError> {
        self.away(self.memory.store(answers)).await
    }

    async fn mark_dirty(&self, days: &BTreeSet<Day>) -> Result<(), StoreError> {
        self.away(self.memory.mark_dirty(days)).await
    }
}

#[async_trait]
impl WishQueue for Far {
    async fn due(&self, now: Timestamp, count_max: usize) -> Result<Vec<Wish>, WarehouseError> {
        self.away(self.memory.due(now, count_max)).await
    }

    async fn settle(&self, wishes: &[Wish]) -> Result<(), StoreError> {
        self.away(self.memory.settle(wishes)).await
    }

    async fn end_known(&self, now: Timestamp, count_max: usize) -> Result<usize, StoreError> {
        self.away(self.memory.end_known(now, count_max)).await
    }

    async fn end_surplus(&self, waiting_max: u64, count_max: usize) -> Result<usize, StoreError> {
        self.away(self.memory.end_surplus(waiting_max, count_max))
            .await
    }

    async fn counts(&self) -> Result<WishCounts, WarehouseError> {
        self.away(self.memory.counts()).await
    }
}

#[async_trait]
impl CallMemory for Far {
    async fn calls(&self, upstream: &str, day: Day) -> Result<u64, WarehouseError> {
        self.away(self.memory.calls(upstream, day)).await
    }

    async fn set_down(&self, upstream: &str, day: Day, calls: u64) -> Result<(), StoreError> {
        self.away(self.memory.set_down(upstream, day, calls)).await
    }
}
