//! Clusters for tests that hurt them, a few at a time: a broker takes 360 MB
//! and, while it starts, a processor.

use std::ops::Deref;

use anyhow::Result;
use kafka_test_kit::KafkaCluster;
use tokio::sync::{Semaphore, SemaphorePermit};

/// So many brokers run at once, the shared one aside.
const BROKERS_MAX: u32 = 4;
static BROKERS: Semaphore = Semaphore::const_new(BROKERS_MAX as usize);

/// A cluster of a test's own; its fields are dropped in this order.
pub(crate) struct OwnCluster {
    cluster: KafkaCluster,
    _place: SemaphorePermit<'static>,
}

impl OwnCluster {
    /// Starts one of so many brokers, as soon as there is room for them.
    pub(crate) async fn start(brokers: u32) -> Result<Self> {
        Self::start_with(BROKERS.acquire_many(brokers).await?, brokers).await
    }

    /// Starts one beside which no other runs: for what is measured.
    pub(crate) async fn start_alone(brokers: u32) -> Result<Self> {
        Self::start_with(without_own_clusters().await?, brokers).await
    }

    async fn start_with(place: SemaphorePermit<'static>, brokers: u32) -> Result<Self> {
        let cluster = KafkaCluster::start(usize::try_from(brokers)?).await?;
        Ok(Self {
            cluster,
            _place: place,
        })
    }
}

impl Deref for OwnCluster {
    type Target = KafkaCluster;

    fn deref(&self) -> &KafkaCluster {
        &self.cluster
    }
}

/// A place for a broker that a test starts in another way.
pub(crate) async fn place_for_a_broker() -> Result<SemaphorePermit<'static>> {
    Ok(BROKERS.acquire().await?)
}

/// Keeps clusters of tests' own from running meanwhile: for what is measured.
pub(crate) async fn without_own_clusters() -> Result<SemaphorePermit<'static>> {
    Ok(BROKERS.acquire_many(BROKERS_MAX).await?)
}
