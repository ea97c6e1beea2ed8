//! When somebody needs newer keys than there are.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

/// One fetch for all who need one; the next is permitted after a pause.
pub(crate) struct Demand {
    pause: Duration,
    state: Mutex<State>,
    wanted: Notify,
    /// Counts the fetches that are over.
    over: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    /// When the last one was wanted.
    last: Option<Instant>,
    /// Whether it is still to come, or under way.
    is_open: bool,
}

impl Demand {
    pub(crate) fn new(pause: Duration) -> Self {
        Self {
            pause,
            state: Mutex::default(),
            wanted: Notify::new(),
            over: watch::Sender::new(0),
        }
    }

    /// Waits until keys have been fetched after this call or shortly before, for whoever asks first and for all who ask
    /// meanwhile; returns at once, and `false`, when no fetch is permitted. The fetch goes on if this is dropped.
    pub(crate) async fn meet(&self) -> bool {
        // Subscribed to while the state is held, it misses no end.
        let mut over = {
            let mut state = self.state();
            if !state.is_open {
                let now = Instant::now();
                if state.last.is_some_and(|last| now < last + self.pause) {
                    return false;
                }
                state.last = Some(now);
                state.is_open = true;
                self.wanted.notify_one();
            }
            self.over.subscribe()
        };
        // It fails only without a sender, and that is here.
        over.changed().await.is_ok()
    }

    /// Waits until somebody needs newer keys.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// A fetch that was wanted is over, whatever came of it.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.is_open = false;
        self.over.send_modify(|count| *count += 1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::advance;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(30);
    const ALMOST: Duration = Duration::from_millis(29_999);

    #[tokio::test(start_paused = true)]
    async fn a_fetch_is_for_everybody_who_waits_and_the_next_comes_after_the_pause() {
        let demand = Arc::new(Demand::new(PAUSE));
        for round in 0..3 {
            let waiting: Vec<_> = (0..10)
                .map(|_| {
                    let demand = Arc::clone(&demand);
                    tokio::spawn(async move { demand.meet().await })
                })
                .collect();
            demand.wanted().await;
            demand.end();
            for met in waiting {
                assert!(met.await.expect("it ends"), "round {round}");
            }
            advance(ALMOST).await;
            assert!(!demand.meet().await, "round {round}");
            advance(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_that_is_long_is_still_the_one() {
        let demand = Arc::new(Demand::new(PAUSE));
        let begin = || {
            let demand = Arc::clone(&demand);
            tokio::spawn(async move { demand.meet().await })
        };
        let first = begin();
        demand.wanted().await;
        advance(2 * PAUSE).await;
        let late = begin();
        tokio::task::yield_now().await;
        demand.end();
        assert!(first.await.expect("it ends") && late.await.expect("it ends"));
        // Nobody has asked for a second one meanwhile.
        let another = tokio::time::timeout(PAUSE, demand.wanted()).await;
        assert!(another.is_err());
    }
}
