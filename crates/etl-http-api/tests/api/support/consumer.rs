//! A consumer that hands over what the test sends.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use etl_application::ports::{
    CommitFailed, ConsumerEvent, ConsumerStatus, PartitionLag, Positions, RecordConsumer,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Events on their way, and how far reading is.
pub(crate) struct FakeConsumer {
    sender: UnboundedSender<ConsumerEvent>,
    receiver: tokio::sync::Mutex<UnboundedReceiver<ConsumerEvent>>,
    partitions: Mutex<Vec<PartitionLag>>,
}

impl Default for FakeConsumer {
    fn default() -> Self {
        let (sender, receiver) = unbounded_channel();
        Self {
            sender,
            receiver: receiver.into(),
            partitions: Mutex::default(),
        }
    }
}

impl FakeConsumer {
    /// Hands this over next.
    pub(crate) fn send(&self, event: ConsumerEvent) {
        self.sender.send(event).expect("the receiver lives in here");
    }

    /// Says from now on that reading is so far.
    pub(crate) fn set_partitions(&self, partitions: Vec<PartitionLag>) {
        *self
            .partitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = partitions;
    }
}

#[async_trait]
impl RecordConsumer for FakeConsumer {
    async fn next(&self) -> Option<ConsumerEvent> {
        self.receiver.lock().await.recv().await
    }

    async fn commit(&self, _: &Positions) -> Result<(), CommitFailed> {
        Ok(())
    }

    async fn close(&self) {}
}

impl ConsumerStatus for FakeConsumer {
    fn partitions(&self) -> Vec<PartitionLag> {
        let partitions = self.partitions.lock();
        partitions.unwrap_or_else(PoisonError::into_inner).clone()
    }
}
