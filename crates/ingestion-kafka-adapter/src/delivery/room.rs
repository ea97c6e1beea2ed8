//! How much may be on its way to Kafka, and how long the oldest has been.
//!
//! Permits stand for memory. They are taken before a message is handed over
//! and given back when its receipt has been settled, wherever the message was
//! in between, so everything behind them is bounded.

use std::{
    future::pending,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    sync::Semaphore,
    time::{Duration, Instant},
};

/// Permits for everything on its way. A match takes one of them, and about
/// 800 bytes: as much as this keeps a broker at full speed busy over the
/// default linger, and is a quarter of what the service may use in all.
pub(crate) const PERMITS: u32 = 20_000;

/// One permit also stands for so many bytes of a dead letter. The largest has
/// 512 KiB, counted twice as librdkafka holds a copy: nine of them fit.
pub(crate) const BYTES_PER_PERMIT: usize = 512;

/// The room for messages on their way.
pub(crate) struct Room {
    permits: Semaphore,
    /// Messages on their way, counted in two generations, see [`Room::tick`].
    counts: [AtomicUsize; 2],
    /// The generation that newly accepted messages belong to.
    young: AtomicUsize,
    /// When each generation began.
    began: Mutex<[Instant; 2]>,
}

/// A place in the room; whoever holds it must give it back.
#[derive(Debug)]
#[must_use = "room that is not given back is lost for ever"]
pub(crate) struct Permit {
    permits: u32,
    generation: usize,
}

/// Places that are to be given back together.
#[derive(Debug, Default)]
#[must_use = "room that is not given back is lost for ever"]
pub(crate) struct Left {
    permits: usize,
    /// How many messages of each generation.
    counts: [usize; 2],
}

impl Left {
    #[expect(clippy::needless_pass_by_value, reason = "a place is given back once")]
    pub(crate) fn add(&mut self, permit: Permit) {
        self.permits += permit.permits as usize;
        self.counts[permit.generation] += 1;
    }
}

impl Room {
    pub(crate) fn new() -> Self {
        Self {
            permits: Semaphore::new(PERMITS as usize),
            counts: [AtomicUsize::new(0), AtomicUsize::new(0)],
            young: AtomicUsize::new(0),
            began: Mutex::new([Instant::now(); 2]),
        }
    }

    /// Waits for a place for a message with `bytes` beyond those of a match;
    /// none if the room is closed.
    pub(crate) async fn enter(&self, bytes: usize) -> Option<Permit> {
        let extra = u32::try_from(bytes / BYTES_PER_PERMIT).unwrap_or(PERMITS);
        let permits = extra.saturating_add(1).min(PERMITS);
        self.permits.acquire_many(permits).await.ok()?.forget();
        let generation = self.young.load(Ordering::Relaxed);
        self.counts[generation].fetch_add(1, Ordering::Relaxed);
        Some(Permit {
            permits,
            generation,
        })
    }

    /// Waits for two places at once: for a match, and for a message with `bytes`
    /// beyond those of a match.
    pub(crate) async fn enter_both(&self, bytes: usize) -> Option<[Permit; 2]> {
        let mut both = self.enter(bytes.saturating_add(BYTES_PER_PERMIT)).await?;
        self.counts[both.generation].fetch_add(1, Ordering::Relaxed);
        both.permits -= 1;
        let first = Permit {
            permits: 1,
            generation: both.generation,
        };
        Some([first, both])
    }

    /// Lets nobody in any more, also those who wait.
    pub(crate) fn close(&self) {
        self.permits.close();
    }

    /// Takes a place back.
    #[expect(clippy::needless_pass_by_value, reason = "a place is given back once")]
    pub(crate) fn leave(&self, permit: Permit) {
        self.counts[permit.generation].fetch_sub(1, Ordering::Relaxed);
        self.permits.add_permits(permit.permits as usize);
    }

    /// Takes places back, all of them at once: a transaction has thousands, and
    /// each by itself takes a lock.
    #[expect(clippy::needless_pass_by_value, reason = "places are given back once")]
    pub(crate) fn leave_together(&self, left: Left) {
        for (count, left) in self.counts.iter().zip(left.counts) {
            count.fetch_sub(left, Ordering::Relaxed);
        }
        self.permits.add_permits(left.permits);
    }

    /// Waits until everything has left. Who enters meanwhile waits behind. A
    /// closed room stays as it is: if somebody is in there this never ends.
    pub(crate) async fn empty(&self) {
        let all = self.permits.acquire_many(PERMITS).await;
        if all.is_err() && self.occupied() > 0 {
            pending::<()>().await;
        }
    }

    /// How many messages are on their way.
    pub(crate) fn occupied(&self) -> usize {
        self.counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .sum()
    }

    /// Starts a new generation once the old one has left altogether.
    ///
    /// So the age of the oldest message is known, to the time between two
    /// calls, at the price of one counter a message.
    pub(crate) fn tick(&self) {
        let young = self.young.load(Ordering::Relaxed);
        let old = 1 - young;
        if self.counts[old].load(Ordering::Relaxed) == 0 {
            self.began()[old] = Instant::now();
            self.young.store(old, Ordering::Relaxed);
        }
    }

    /// For how long, at most, the oldest message has been on its way; none if there is none.
    pub(crate) fn oldest_age(&self) -> Option<Duration> {
        let young = self.young.load(Ordering::Relaxed);
        let occupied = |generation: &usize| self.counts[*generation].load(Ordering::Relaxed) > 0;
        let oldest = [1 - young, young].into_iter().find(occupied)?;
        Some(self.began()[oldest].elapsed())
    }

    fn began(&self) -> MutexGuard<'_, [Instant; 2]> {
        // Two instants cannot be left half-written.
        self.began.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn pass(room: &Room, seconds: u32) {
        for _ in 0..seconds {
            tokio::time::advance(SECOND).await;
            room.tick();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_age_is_that_of_the_oldest_message_to_a_tick() {
        let room = Room::new();
        assert_eq!(room.oldest_age(), None);
        let stuck = room.enter(0).await.expect("it is open");
        for _ in 0..10 {
            let passing = room.enter(0).await.expect("it is open");
            pass(&room, 1).await;
            room.leave(passing);
        }
        let age = room.oldest_age().expect("one is stuck");
        assert!((SECOND * 10..=SECOND * 11).contains(&age), "{age:?}");
        room.leave(stuck);
        pass(&room, 2).await;
        let fresh = room.enter(0).await.expect("it is open");
        assert!(room.oldest_age().expect("one has entered") <= SECOND);
        room.leave(fresh);
        assert_eq!((room.occupied(), room.oldest_age()), (0, None));
    }

    #[tokio::test]
    async fn large_messages_take_more_room_and_the_largest_still_fits() {
        let room = Room::new();
        let places = [0, BYTES_PER_PERMIT * 9, usize::MAX / 2].map(|bytes| room.enter(bytes));
        let [small, large, huge] = places;
        let open = "it is open";
        let (small, large) = (small.await.expect(open), large.await.expect(open));
        assert_eq!((small.permits, large.permits), (1, 10));
        let mut both = Left::default();
        both.add(small);
        both.add(large);
        room.leave_together(both);
        assert_eq!(
            (room.occupied(), room.permits.available_permits()),
            (0, 20_000)
        );
        let huge = huge.await.expect(open);
        assert_eq!(room.permits.available_permits(), 0);
        room.leave(huge);
        room.empty().await;
    }
}
