//! Holds the simulated feed while the reader of the topic is behind.

use std::sync::{Mutex, PoisonError};

use feed_simulator::Feed;

/// Opens and closes a feed, until it is closed for good.
pub(super) struct Gate {
    feed: Feed,
    state: Mutex<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Closed,
    ClosedForGood,
}

impl Gate {
    /// A gate that is open.
    pub(super) fn new(feed: Feed) -> Self {
        Self {
            feed,
            state: Mutex::new(State::Open),
        }
    }

    /// Lets the feed send, unless the gate was closed for good.
    pub(super) fn open(&self) {
        self.turn(State::Closed, State::Open);
    }

    /// Keeps the feed from sending until it is opened again.
    pub(super) fn close(&self) {
        self.turn(State::Open, State::Closed);
    }

    /// Keeps the feed from sending anything more.
    pub(super) fn close_for_good(&self) {
        self.close();
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::ClosedForGood;
        self.feed.pause();
    }

    /// Whether the feed will send nothing more.
    pub(super) fn is_closed_for_good(&self) -> bool {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) == State::ClosedForGood
    }

    fn turn(&self, from: State, to: State) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *state == from {
            *state = to;
            match to {
                State::Open => self.feed.resume(),
                State::Closed | State::ClosedForGood => self.feed.pause(),
            }
        }
    }
}
