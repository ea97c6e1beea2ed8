//! Messages that wait in memory, in the order of receipt.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::limits::BYTES_PER_WEIGHT;
use crate::ports::Message;

/// A pending message.
pub(super) struct Pending {
    pub(super) sequence: u64,
    pub(super) message: Message,
    pub(super) received_at: Instant,
}

/// Messages in ascending sequence, weighed.
#[derive(Default)]
pub(super) struct Queue {
    pending: VecDeque<Pending>,
    pub(super) weight: usize,
}

impl Queue {
    pub(super) fn push_back(&mut self, pending: Pending) {
        self.weight += weight_of(&pending.message);
        self.pending.push_back(pending);
    }

    pub(super) fn pop_front(&mut self) -> Option<Pending> {
        let pending = self.pending.pop_front()?;
        self.weight -= weight_of(&pending.message);
        Some(pending)
    }

    /// Takes out those that `is_done` says are done with.
    pub(super) fn settle(&mut self, mut is_done: impl FnMut(&Pending) -> bool) {
        let weight = &mut self.weight;
        self.pending.retain(|pending| {
            let is_done = is_done(pending);
            if is_done {
                *weight -= weight_of(&pending.message);
            }
            !is_done
        });
    }

    /// Those above `sequence`.
    pub(super) fn after(&self, sequence: u64) -> impl Iterator<Item = &Pending> {
        let first = self
            .pending
            .partition_point(|pending| pending.sequence <= sequence);
        self.pending.range(first..)
    }

    pub(super) fn first_sequence(&self) -> Option<u64> {
        self.pending.front().map(|pending| pending.sequence)
    }

    pub(super) fn last_sequence(&self) -> Option<u64> {
        self.pending.back().map(|pending| pending.sequence)
    }

    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}

/// A match weighs one; a summary and a dead letter by their size.
pub(super) fn weight_of(message: &Message) -> usize {
    match message {
        Message::Match(_) => 1,
        Message::Summary(told) => 1 + told.size_bytes() / BYTES_PER_WEIGHT,
        Message::DeadLetter(letter) => {
            1 + (letter.payload.len() + letter.detail.len()) / BYTES_PER_WEIGHT
        }
    }
}
