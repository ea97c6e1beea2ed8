//! Places of feeds that wait to be kept.
//!
//! A place goes along with the transaction that holds the last of the messages
//! before it. Where that has failed, each gets a transaction of its own, after
//! everything before it is settled, until one of these succeeds: so what is
//! wrong with its group holds up messages once, and for a moment.

use std::collections::{HashMap, VecDeque};

use ingestion_application::{Checkpoint, SourceName};
use rdkafka::{TopicPartitionList, consumer::ConsumerGroupMetadata, error::RDKafkaErrorCode};
use tokio::{
    sync::oneshot,
    time::{Duration, Instant},
};

use crate::delivery::pause::{RESEND_PAUSE_MAX, RESEND_PAUSE_MIN};

/// So many announced ones wait for their messages; of further ones the first
/// get transactions of their own.
const ANNOUNCED_MAX: usize = 64;

/// A place, as brokers keep it.
pub(crate) struct Place {
    pub(crate) source: SourceName,
    pub(crate) checkpoint: Checkpoint,
    /// One offset, with the place as its metadata.
    pub(crate) offsets: TopicPartitionList,
    pub(crate) group: ConsumerGroupMetadata,
}

/// A place, and when it is to be kept.
pub(crate) enum Kept {
    /// At once, everything before it being settled; told when it is.
    Now(Place, oneshot::Sender<()>),
    /// Along with the message of this sequence, if nothing before it waits then.
    With(Place, u64),
}

/// Those of the thread of transactions; a feed has one at a time.
pub(crate) struct Places {
    waiting: VecDeque<(Place, oneshot::Sender<()>)>,
    /// To go along with a transaction that leaves nothing up to here.
    announced: VecDeque<(Place, u64)>,
    /// Of each feed the last one that went along.
    went_along: HashMap<SourceName, Checkpoint>,
    /// Whether the last attempt to keep one has failed.
    is_in_trouble: bool,
    retry_at: Instant,
    pause: Duration,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            announced: VecDeque::new(),
            went_along: HashMap::new(),
            is_in_trouble: false,
            retry_at: Instant::now(),
            pause: RESEND_PAUSE_MIN,
        }
    }
}

impl Places {
    pub(crate) fn extend(&mut self, new: impl IntoIterator<Item = Kept>) {
        for one in new {
            match one {
                Kept::Now(place, kept) => {
                    // What is kept already need not wait for a message any more.
                    let is_it = |(other, _): &(Place, u64)| other.is_of(&place);
                    self.announced.retain(|one| !is_it(one));
                    if self.went_along.get(&place.source) == Some(&place.checkpoint) {
                        // Nobody listens any more where the work has ended.
                        let _ = kept.send(());
                    } else {
                        self.waiting.push_back((place, kept));
                    }
                }
                Kept::With(place, after) => {
                    self.announced.push_back((place, after));
                    if self.announced.len() > ANNOUNCED_MAX {
                        self.announced.pop_front();
                    }
                }
            }
        }
    }

    /// The place of each feed that goes along with a transaction which leaves
    /// nothing up to these sequences: `is_all_taken` says so.
    pub(crate) fn take_along(&mut self, is_all_taken: impl Fn(u64) -> bool) -> Vec<Place> {
        if self.is_in_trouble {
            self.announced.clear();
        }
        let mut along: Vec<Place> = Vec::new();
        let mut later = VecDeque::new();
        for (place, after) in self.announced.drain(..) {
            if !is_all_taken(after) {
                later.push_back((place, after));
                continue;
            }
            along.retain(|other| other.source != place.source);
            along.push(place);
        }
        self.announced = later;
        along
    }

    /// These are kept, together with messages.
    pub(crate) fn went_along(&mut self, places: Vec<Place>) {
        let kept = places
            .into_iter()
            .map(|place| (place.source, place.checkpoint));
        self.went_along.extend(kept);
    }

    /// One was in the way of messages: from here on each waits by itself.
    pub(crate) fn was_in_the_way(&mut self) {
        self.is_in_trouble = true;
    }

    /// When one is to be kept; none when there is none.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.retry_at)
    }

    /// The one whose turn it is.
    pub(crate) fn take(&mut self) -> Option<(Place, oneshot::Sender<()>)> {
        self.waiting.pop_front()
    }

    /// It is kept; or it is not, and waits behind all others.
    pub(crate) fn tried(
        &mut self,
        (place, kept): (Place, oneshot::Sender<()>),
        result: Result<(), RDKafkaErrorCode>,
    ) {
        self.is_in_trouble = result.is_err();
        if result.is_ok() {
            self.pause = RESEND_PAUSE_MIN;
            self.went_along.remove(&place.source);
            let _ = kept.send(());
            return;
        }
        self.waiting.push_back((place, kept));
        self.retry_at = Instant::now() + self.pause;
        self.pause = RESEND_PAUSE_MAX.min(self.pause * 2);
    }
}

impl Place {
    fn is_of(&self, other: &Self) -> bool {
        self.source == other.source && self.checkpoint == other.checkpoint
    }
}
