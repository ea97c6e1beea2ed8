//! What a member's thread knows, and whoever waits for it.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use rdkafka::ClientConfig;
use tokio::sync::watch;

use super::{Consumer, OwnershipSettings, WeakConsumer, config};

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The group has not told yet.
    Unknown,
    /// This process's.
    Owner,
    /// Another's, or nobody's as there is no topic.
    Other,
}

/// Between the thread that polls and those who ask.
pub(super) struct Shared {
    config: ClientConfig,
    client_id: String,
    topic: String,
    standing: watch::Sender<Standing>,
    trouble: Mutex<Option<String>>,
    consumer: Mutex<WeakConsumer>,
    should_stop: AtomicBool,
}

impl Shared {
    pub(super) fn new(settings: &OwnershipSettings) -> Self {
        Self {
            config: config(settings),
            client_id: settings.client.client_id.clone(),
            topic: settings.topic.clone(),
            standing: watch::Sender::new(Standing::Unknown),
            trouble: Mutex::default(),
            consumer: Mutex::default(),
            should_stop: AtomicBool::new(false),
        }
    }

    pub(super) fn config(&self) -> &ClientConfig {
        &self.config
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    pub(super) fn standing(&self) -> Standing {
        *self.standing.borrow()
    }

    /// The group has told.
    pub(super) fn set_standing(&self, standing: Standing) {
        let before = self.standing.send_replace(standing);
        self.set_trouble(None);
        if before != standing {
            tracing::info!(
                ?standing,
                topic = self.topic,
                "the group has shared out its topic"
            );
        }
    }

    pub(super) async fn wait_for(&self, standing: Standing) {
        let mut receiver = self.standing.subscribe();
        let waited = receiver.wait_for(|found| *found == standing).await;
        waited.expect("the sender lives as long as this");
    }

    pub(super) fn trouble(&self) -> Option<String> {
        lock(&self.trouble).clone()
    }

    pub(super) fn set_trouble(&self, trouble: Option<String>) {
        *lock(&self.trouble) = trouble;
    }

    pub(super) fn consumer(&self) -> Option<Arc<Consumer>> {
        lock(&self.consumer).upgrade()
    }

    pub(super) fn set_consumer(&self, consumer: &Arc<Consumer>) {
        *lock(&self.consumer) = Arc::downgrade(consumer);
    }

    pub(super) fn stop(&self) {
        self.should_stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn should_stop(&self) -> bool {
        self.should_stop.load(Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each of these values is replaced as a whole, so a panic leaves it whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
