//! Places of feeds that wait to be kept, each in a transaction of its own.
//!
//! A place is kept after everything before it is settled, so it need not share
//! a transaction with any message, and what is wrong with its group is in the
//! way of none.

use std::collections::VecDeque;

use rdkafka::{TopicPartitionList, consumer::ConsumerGroupMetadata, error::RDKafkaErrorCode};
use tokio::{
    sync::oneshot,
    time::{Duration, Instant},
};

use crate::delivery::pause::{RESEND_PAUSE_MAX, RESEND_PAUSE_MIN};

/// A place, as brokers keep it.
pub(crate) struct Place {
    /// One offset, with the place as its metadata.
    pub(crate) offsets: TopicPartitionList,
    pub(crate) group: ConsumerGroupMetadata,
    /// Told when it is kept.
    pub(crate) kept: oneshot::Sender<()>,
}

/// Those of the thread of transactions; a feed has one at a time.
pub(crate) struct Places {
    waiting: VecDeque<Place>,
    retry_at: Instant,
    pause: Duration,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            retry_at: Instant::now(),
            pause: RESEND_PAUSE_MIN,
        }
    }
}

impl Places {
    pub(crate) fn extend(&mut self, new: impl IntoIterator<Item = Place>) {
        self.waiting.extend(new);
    }

    /// When one is to be kept; none when there is none.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.retry_at)
    }

    /// The one whose turn it is.
    pub(crate) fn take(&mut self) -> Option<Place> {
        self.waiting.pop_front()
    }

    /// It is kept; or it is not, and waits behind all others.
    pub(crate) fn tried(&mut self, place: Place, result: Result<(), RDKafkaErrorCode>) {
        if result.is_ok() {
            self.pause = RESEND_PAUSE_MIN;
            // Nobody listens any more where the work has ended.
            let _ = place.kept.send(());
            return;
        }
        self.waiting.push_back(place);
        self.retry_at = Instant::now() + self.pause;
        self.pause = RESEND_PAUSE_MAX.min(self.pause * 2);
    }
}
