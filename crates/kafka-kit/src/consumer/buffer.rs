//! What the polling thread has, and whoever takes it has not got yet.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, oneshot};

use super::{
    BufferLimits, GroupEvent, GroupRecord, GroupSettings, GroupStatus, PartitionStatus,
    RELEASE_TIME_MAX, TopicPartition, release,
};

/// So many records are taken at a time: whoever takes them has other things to do.
const TAKEN_MAX: usize = 500;

/// Records and events between two threads.
pub(super) struct Buffer {
    limits: BufferLimits,
    topics: Vec<Arc<str>>,
    state: Mutex<State>,
    /// Tells who waits in [`next`](Self::next).
    taker: Notify,
    /// Tells the polling thread that something was taken.
    taken: Condvar,
}

#[derive(Default)]
struct State {
    /// Events are few, and told before records: those of a partition that goes
    /// away are dropped first. At most a set of partitions, and one revocation,
    /// as the polling thread waits for it.
    lost: BTreeSet<TopicPartition>,
    revoked: Option<(Vec<TopicPartition>, oneshot::Sender<()>)>,
    records: VecDeque<GroupRecord>,
    is_closing: bool,
    /// Partitions that are being revoked are still there.
    status: GroupStatus,
}

impl Buffer {
    pub(super) fn new(settings: &GroupSettings) -> Self {
        Self {
            limits: settings.buffer,
            topics: settings
                .topics
                .iter()
                .map(|topic| Arc::from(&**topic))
                .collect(),
            state: Mutex::default(),
            taker: Notify::new(),
            taken: Condvar::new(),
        }
    }

    /// A partition by the name of its topic, which is kept once.
    pub(super) fn partition(&self, topic: &str, partition: i32) -> TopicPartition {
        let known = self.topics.iter().find(|known| &***known == topic);
        TopicPartition {
            topic: known.map_or_else(|| Arc::from(topic), Arc::clone),
            partition,
        }
    }

    pub(super) async fn next(&self) -> Option<GroupEvent> {
        loop {
            let mut told = std::pin::pin!(self.taker.notified());
            told.as_mut().enable();
            {
                let mut state = self.lock();
                if let Some(event) = state.take() {
                    self.taken.notify_all();
                    return Some(event);
                }
                if state.is_closing {
                    return None;
                }
            }
            told.await;
        }
    }

    /// Takes a record from the polling thread, whatever room there is.
    pub(super) fn push(&self, record: GroupRecord) {
        let mut state = self.lock();
        if state.is_closing || !state.status.partitions.contains_key(&record.from) {
            return;
        }
        state.status.trouble = None;
        state.status.bytes_ahead += record.size_bytes();
        state.records.push_back(record);
        state.status.records_ahead = state.records.len();
        if state.records.len() == 1 {
            self.taker.notify_one();
        }
    }

    /// Everything of a partition before this position was pushed, which counts
    /// once all of it was taken.
    pub(super) fn pass(&self, partition: &TopicPartition, position: i64) {
        let mut state = self.lock();
        if state.records.is_empty()
            && let Some(known) = state.status.partitions.get_mut(partition)
        {
            known.passed_to = Some(position);
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.is_full_in(&self.lock())
    }

    fn is_full_in(&self, state: &State) -> bool {
        state.records.len() >= self.limits.records_max
            || state.status.bytes_ahead >= self.limits.bytes_max
    }

    /// Whether so much was taken that it is worth the while to read on.
    pub(super) fn is_half_empty(&self) -> bool {
        let state = self.lock();
        state.records.len() <= self.limits.records_max / 2
            && state.status.bytes_ahead <= self.limits.bytes_max / 2
    }

    /// Waits for room, so long at most; whether there is some.
    pub(super) fn wait_for_room(&self, time_max: Duration) -> bool {
        let is_full = |state: &mut State| self.is_full_in(state) && !state.is_closing;
        let waited = self
            .taken
            .wait_timeout_while(self.lock(), time_max, is_full);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// These partitions are this member's from now on.
    pub(super) fn assign(&self, partitions: Vec<TopicPartition>) {
        let mut state = self.lock();
        state.status.has_joined = true;
        state.status.trouble = None;
        for partition in partitions {
            let fresh = PartitionStatus::default();
            state.status.partitions.insert(partition, fresh);
        }
    }

    /// These partitions go to another member: waits until they are let go of.
    pub(super) fn revoke(&self, partitions: &[TopicPartition]) {
        let (release, released) = oneshot::channel();
        {
            let mut state = self.lock();
            state.forget_records_of(partitions);
            if !state.is_closing && !partitions.is_empty() {
                state.revoked = Some((partitions.to_vec(), release));
            } else {
                // There is nobody to wait for.
                drop(release);
            }
        }
        self.taker.notify_one();
        if release::wait(released, RELEASE_TIME_MAX).is_none() {
            tracing::warn!(
                partitions = partitions.len(),
                "partitions go to another member before they were let go of; it repeats \
                 what was not committed"
            );
        }
        let mut state = self.lock();
        // Nobody has asked: what could have been committed cannot be any more.
        if state.revoked.take().is_some() {
            state.lost.extend(partitions.iter().cloned());
        }
        state.forget_partitions(partitions);
    }

    /// These partitions have gone.
    pub(super) fn lose(&self, partitions: Vec<TopicPartition>) {
        let mut state = self.lock();
        state.forget_records_of(&partitions);
        state.forget_partitions(&partitions);
        // Until the group shares its partitions again.
        state.status.has_joined = false;
        if !state.is_closing {
            state.lost.extend(partitions);
        }
        self.taker.notify_one();
    }

    /// All partitions have gone.
    pub(super) fn lose_all(&self) {
        let partitions = self.lock().status.partitions.keys().cloned().collect();
        self.lose(partitions);
    }

    /// Hands nothing more over.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closing = true;
        state.records.clear();
        state.status.records_ahead = 0;
        state.status.bytes_ahead = 0;
        state.lost.clear();
        // Whoever waits for the release goes on.
        state.revoked = None;
        self.taken.notify_all();
        self.taker.notify_waiters();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.lock().is_closing
    }

    pub(super) fn status(&self) -> GroupStatus {
        self.lock().status.clone()
    }

    /// Changes the status.
    pub(super) fn note<T>(&self, change: impl FnOnce(&mut GroupStatus) -> T) -> T {
        change(&mut self.lock().status)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics between two steps of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self) -> Option<GroupEvent> {
        if !self.lost.is_empty() {
            let lost = std::mem::take(&mut self.lost);
            return Some(GroupEvent::Lost(lost.into_iter().collect()));
        }
        if let Some((partitions, release)) = self.revoked.take() {
            return Some(GroupEvent::Revoked {
                partitions,
                release,
            });
        }
        if self.records.is_empty() {
            return None;
        }
        let count = self.records.len().min(TAKEN_MAX);
        let taken: Vec<_> = self.records.drain(..count).collect();
        for record in &taken {
            self.status.bytes_ahead -= record.size_bytes();
            if let Some(partition) = self.status.partitions.get_mut(&record.from) {
                partition.taken_to = Some(record.offset + 1);
                partition.taken_written_at_unix_ms = record.written_at_unix_ms;
            }
        }
        self.status.records_ahead = self.records.len();
        Some(GroupEvent::Records(taken))
    }

    /// Drops what was not taken: the next owner reads it again.
    fn forget_records_of(&mut self, partitions: &[TopicPartition]) {
        self.records
            .retain(|record| !partitions.contains(&record.from));
        self.status.records_ahead = self.records.len();
        self.status.bytes_ahead = self.records.iter().map(GroupRecord::size_bytes).sum();
    }

    fn forget_partitions(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.status.partitions.remove(partition);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use bytes::Bytes;
    use service_kit::config::SettingsReader;
    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::{consumer::Start, settings::ClientSection};

    fn buffer(limits: BufferLimits) -> Arc<Buffer> {
        let client = ClientSection::DEFAULT.read(&mut SettingsReader::default(), "tests");
        let buffer = Buffer::new(&GroupSettings {
            client,
            group_id: "readers".to_owned(),
            topics: vec!["a".to_owned()],
            start: Start::Earliest,
            buffer: limits,
        });
        buffer.assign(vec![buffer.partition("a", 0), buffer.partition("a", 1)]);
        Arc::new(buffer)
    }

    fn push(buffer: &Buffer, partition: i32, offset: i64) {
        buffer.push(GroupRecord {
            from: buffer.partition("a", partition),
            offset,
            written_at_unix_ms: None,
            key: None,
            value: Some(Bytes::from_static(&[0; 1000])),
            headers: Vec::new(),
        });
    }

    #[tokio::test]
    async fn what_was_not_taken_goes_with_its_partition_and_the_event_comes_first() {
        let buffer = buffer(BufferLimits::default());
        push(&buffer, 0, 7);
        push(&buffer, 1, 8);
        // Nobody's yet.
        push(&buffer, 2, 9);
        let gone = vec![buffer.partition("a", 0)];
        let revoking = thread::spawn({
            let (buffer, gone) = (Arc::clone(&buffer), gone.clone());
            move || buffer.revoke(&gone)
        });
        // The thread may not have begun: then the records would come first.
        while buffer.lock().revoked.is_none() {
            thread::yield_now();
        }
        let Some(GroupEvent::Revoked {
            partitions,
            release,
        }) = buffer.next().await
        else {
            panic!("{:?}", buffer.status());
        };
        assert_eq!(partitions, gone);
        assert_eq!(buffer.status().partitions.len(), 2, "it can be committed");
        drop(release);
        revoking.join().expect("it does not panic");
        assert_eq!(buffer.status().partitions.len(), 1);
        let Some(GroupEvent::Records(records)) = buffer.next().await else {
            panic!("{:?}", buffer.status());
        };
        let offsets: Vec<_> = records.iter().map(|record| record.offset).collect();
        assert_eq!(offsets, [8]);
        assert_eq!(buffer.status().bytes_ahead, 0);
    }

    #[tokio::test]
    async fn what_is_lost_is_told_and_nothing_of_it_is_kept() {
        let buffer = buffer(BufferLimits::default());
        push(&buffer, 0, 7);
        buffer.lose_all();
        let Some(GroupEvent::Lost(partitions)) = buffer.next().await else {
            panic!("{:?}", buffer.status());
        };
        assert_eq!(partitions.len(), 2);
        let status = buffer.status();
        assert_eq!((status.records_ahead, status.has_joined), (0, false));
    }

    #[tokio::test]
    async fn closing_ends_every_wait() {
        let buffer = buffer(BufferLimits::default());
        let begun = Instant::now();
        let revoking = thread::spawn({
            let buffer = Arc::clone(&buffer);
            move || buffer.revoke(&[buffer.partition("a", 0)])
        });
        let (event, ()) = tokio::join!(
            async {
                while matches!(buffer.next().await, Some(GroupEvent::Revoked { .. })) {}
                buffer.next().await
            },
            async { buffer.close() }
        );
        assert!(event.is_none());
        revoking.join().expect("it does not panic");
        buffer.revoke(&[buffer.partition("a", 1)]);
        assert!(
            begun.elapsed() < RELEASE_TIME_MAX / 2,
            "nobody was waited for"
        );
        push(&buffer, 1, 8);
        assert!(buffer.next().await.is_none());
    }

    #[tokio::test]
    async fn it_is_full_by_records_or_bytes_and_a_wait_ends_when_some_are_taken() {
        let check = |limits, full_at| {
            let buffer = buffer(limits);
            for offset in 0..full_at {
                assert!(!buffer.is_full(), "{offset}");
                push(&buffer, 0, offset);
            }
            assert!(buffer.is_full());
            assert!(!buffer.is_half_empty());
            buffer
        };
        let (records_max, bytes_max) = (10, usize::MAX);
        check(
            BufferLimits {
                records_max,
                bytes_max,
            },
            10,
        );
        let (records_max, bytes_max) = (usize::MAX, 4_000);
        let buffer = check(
            BufferLimits {
                records_max,
                bytes_max,
            },
            4,
        );
        assert!(!buffer.wait_for_room(Duration::from_millis(1)));
        let waiting = thread::spawn({
            let buffer = Arc::clone(&buffer);
            move || buffer.wait_for_room(Duration::from_mins(1))
        });
        assert!(buffer.next().await.is_some());
        assert!(waiting.join().expect("it does not panic"));
        assert!(buffer.is_half_empty());
        let nothing = timeout(Duration::from_millis(1), buffer.next()).await;
        assert!(nothing.is_err(), "there is nothing more");
    }
}
