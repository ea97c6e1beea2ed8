//! Whether consumers can read what has been acknowledged.
//!
//! Acknowledged means committed; still nobody sees it as long as a transaction
//! of somebody else is open before it. The brokers are asked where readers are
//! in every partition that has something new, and whoever lags for seconds
//! shows in health.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use kafka_kit::undecided::{EndOffsets, Hidden, Sight};
use rdkafka::{
    ClientConfig,
    producer::{Producer, ProducerContext, ThreadedProducer},
};
use tokio::{
    sync::oneshot,
    time::{Duration, Instant, sleep},
};

/// Between two looks.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// One look takes no longer; the next one goes on with the next partition.
const LOOK_TIME_MAX: Duration = Duration::from_secs(1);
/// How long a broker has to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_millis(500);
/// The coordinator answers before all partitions are marked, and a transaction
/// of another may be open for a moment: this is longer.
const READABLE_WITHIN: Duration = Duration::from_secs(2);

/// What is known of it, for all who tell and ask.
#[derive(Default)]
pub(crate) struct Readability {
    ends: Mutex<EndOffsets>,
    awaited: Mutex<Option<Hidden>>,
    hidden: Mutex<Option<Hidden>>,
}

impl Readability {
    /// A match at this place is acknowledged.
    pub(crate) fn acknowledged(&self, partition: i32, offset: i64) {
        // Brokers do not always say where a repeated request has put it.
        if offset >= 0 {
            lock(&self.ends).insert(partition, offset + 1);
        }
    }

    /// All matches before these ends are acknowledged.
    pub(crate) fn all_acknowledged(&self, ends: &EndOffsets) {
        lock(&self.ends).extend(ends);
    }

    /// Says what nothing is published before, or that there is nothing.
    pub(crate) fn set_awaited(&self, hidden: Option<Hidden>) {
        *lock(&self.awaited) = hidden;
    }

    /// What must be decided before anything is published.
    pub(crate) fn awaited(&self) -> Option<Hidden> {
        *lock(&self.awaited)
    }

    /// What is acknowledged, and has not been readable for seconds.
    pub(crate) fn hidden(&self) -> Option<Hidden> {
        *lock(&self.hidden)
    }
}

/// Asks the brokers, again and again.
pub(crate) struct ReadabilityWatch {
    /// A consumer's.
    config: ClientConfig,
    topic: String,
    readability: Arc<Readability>,
    progress: Mutex<Progress>,
}

/// What the looks so far have told.
#[derive(Default)]
struct Progress {
    /// Up to where readers are known to be.
    readable: EndOffsets,
    /// Up to where they must come, and since when.
    awaited: BTreeMap<i32, (i64, Instant)>,
    /// The partition looked at last.
    last: i32,
}

impl ReadabilityWatch {
    pub(crate) fn new(config: ClientConfig, topic: String, readability: Arc<Readability>) -> Self {
        Self {
            config,
            topic,
            readability,
            progress: Mutex::default(),
        }
    }

    /// Looks through the producer that `producer` gives, for ever.
    pub(crate) async fn watch_for_ever<C: ProducerContext + 'static>(
        self: &Arc<Self>,
        producer: impl Fn() -> ThreadedProducer<C>,
    ) {
        loop {
            sleep(LOOK_PAUSE).await;
            if self.is_all_readable() {
                continue;
            }
            let (watch, producer) = (Arc::clone(self), producer());
            let (done, answer) = oneshot::channel();
            // As the probe of health: the question blocks, and holds nobody up who stops.
            let thread = thread::Builder::new().name("kafka-readable".to_owned());
            let started = thread.spawn(move || {
                watch.look(&producer);
                // Nobody listens any more after a stop.
                let _ = done.send(());
            });
            // Without a thread there is no look: the next one, then.
            if started.is_ok() {
                answer.await.expect("a look does not panic");
            }
        }
    }

    /// Whether nothing was acknowledged since all could be read.
    fn is_all_readable(&self) -> bool {
        *lock(&self.readability.ends) == lock(&self.progress).readable
    }

    fn look<C: ProducerContext>(&self, producer: &ThreadedProducer<C>) {
        let ends = lock(&self.readability.ends).clone();
        let mut progress = lock(&self.progress);
        let ask = |partition| {
            let client = producer.client();
            // A producer, too, is told where consumers of committed records end.
            let range = client.fetch_watermarks(&self.topic, partition, ANSWER_TIME_MAX);
            range.ok().map(|(_, stable)| stable)
        };
        let late = progress.late(&ends, ask);
        let hidden = if late.is_empty() {
            None
        } else {
            let sight = Sight::open(&self.config, &self.topic);
            match sight.and_then(|sight| sight.hidden(&late)) {
                Ok(hidden) => hidden,
                // Nothing is known, so what was known stays.
                Err(_) => return,
            }
        };
        if hidden.is_none() {
            // There are no such offsets in a topic made anew.
            progress.found_readable(&late);
        }
        *lock(&self.readability.hidden) = hidden;
    }
}

impl Progress {
    /// The partitions, and up to where, that have not been readable for too
    /// long; `ask` tells the offset up to which one is.
    fn late(&mut self, ends: &EndOffsets, ask: impl Fn(i32) -> Option<i64>) -> EndOffsets {
        let begun = Instant::now();
        let after_last = ends.range(self.last.saturating_add(1)..);
        for (&partition, &end) in after_last.chain(ends.range(..=self.last)) {
            if begun.elapsed() > LOOK_TIME_MAX {
                break;
            }
            if self.readable.get(&partition) == Some(&end) {
                continue;
            }
            let Some(stable) = ask(partition) else { break };
            self.last = partition;
            let now = Instant::now();
            let awaited = self.awaited.entry(partition).or_insert((end, now));
            if stable >= end {
                self.awaited.remove(&partition);
                self.readable.insert(partition, end);
            } else if stable >= awaited.0 {
                *awaited = (end, now);
            }
        }
        let is_late = |(_, since): &(i64, Instant)| since.elapsed() > READABLE_WITHIN;
        let late = self.awaited.iter().filter(|(_, awaited)| is_late(awaited));
        late.map(|(partition, (end, _))| (*partition, *end))
            .collect()
    }

    fn found_readable(&mut self, ends: &EndOffsets) {
        for (partition, end) in ends {
            self.awaited.remove(partition);
            self.readable.insert(*partition, *end);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each of these values is whole whenever its lock is free.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_stays_unreadable_is_late() {
        let mut progress = Progress::default();
        let ends = |end| EndOffsets::from([(0, end), (1, 5)]);
        // Readers follow, a little behind: nothing is late.
        for end in (10..30).step_by(10) {
            let late = progress.late(&ends(end), |partition| {
                Some(if partition == 0 { end - 5 } else { 5 })
            });
            assert_eq!(late, EndOffsets::new());
            advance(READABLE_WITHIN / 2).await;
            let late = progress.late(&ends(end), |_| Some(end));
            assert_eq!(late, EndOffsets::new());
        }
        let hidden = |_| Some(25);
        assert_eq!(progress.late(&ends(30), hidden), EndOffsets::new());
        advance(READABLE_WITHIN * 2).await;
        // What came later is not what is waited for.
        assert_eq!(
            progress.late(&ends(40), hidden),
            EndOffsets::from([(0, 30)])
        );
        // No answer changes nothing.
        assert_eq!(
            progress.late(&ends(40), |_| None),
            EndOffsets::from([(0, 30)])
        );
        assert_eq!(progress.late(&ends(40), |_| Some(35)), EndOffsets::new());
        let asked = std::cell::Cell::new(0);
        let count = |_| {
            asked.set(asked.get() + 1);
            Some(40)
        };
        assert_eq!(progress.late(&ends(40), count), EndOffsets::new());
        assert_eq!(progress.late(&ends(40), count), EndOffsets::new());
        assert_eq!(asked.get(), 1, "what is readable is not asked for again");
    }
}
