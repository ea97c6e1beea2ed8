//! What becomes of pending messages while another instance publishes.
//!
//! Nothing is sent. What the other one has published is told, and what is pending
//! of it is settled as it would be at a start: in memory whenever something is
//! told, and in the journal piece by piece.

use tokio::time::Instant;

use super::State;
use crate::{
    Ledger,
    ports::{Followed, JournalEntry},
};

impl State {
    pub(in crate::backlog) fn is_standing_by(&self) -> bool {
        self.is_standing_by
    }

    /// It is this instance's turn: what is pending is sent once the windows are
    /// [restored](Self::restore).
    pub(in crate::backlog) fn take_over(&mut self) {
        self.is_standing_by = false;
    }

    /// It is another instance's turn from here on.
    pub(in crate::backlog) fn give_way(&mut self) {
        self.is_standing_by = true;
    }

    /// Another instance has published this.
    pub(in crate::backlog) fn follow(&mut self, told: &Followed, ledger: &Ledger) {
        if told.ids.is_empty() && told.summaries.is_empty() {
            return;
        }
        self.windows.restore(&told.ids, &told.summaries);
        let mut settled = Vec::new();
        for queue in [&mut self.head, &mut self.tail] {
            queue.settle(|pending| {
                let is_known = self.windows.know(&pending.message);
                if is_known {
                    settled.push((pending.sequence, pending.message.source()));
                }
                is_known
            });
        }
        for (sequence, source) in settled {
            // Of the tail, what is behind it may be spilled before the journal knows.
            if sequence <= self.attempted_up_to {
                self.settled_early.insert(sequence);
            }
            self.found_in_topic(sequence, source, ledger);
        }
        self.close_ranks();
    }

    /// The first sequence at or after `from` that may be in the journal alone.
    pub(in crate::backlog) fn spilled_from(&self, from: u64) -> Option<u64> {
        let spilled = self.spilled.as_ref()?;
        let from = from.max(spilled.next);
        // The journal is to know of the last piece first: so few of them are
        // remembered, and none is met again.
        (self.settled_early.is_empty() && from <= spilled.last).then_some(from)
    }

    /// Settles what is published of `entries`, which are in the journal from a
    /// sequence on that [`spilled_from`](Self::spilled_from) has given; where to
    /// read on, none after the last.
    pub(in crate::backlog) fn sift(
        &mut self,
        entries: Vec<JournalEntry>,
        ledger: &Ledger,
    ) -> Option<u64> {
        let last = self.spilled.as_ref()?.last;
        let mut next = None;
        for JournalEntry { sequence, message } in entries {
            if sequence > last {
                next = None;
                break;
            }
            next = Some(sequence + 1);
            if !self.windows.know(&message) {
                continue;
            }
            self.settled_early.insert(sequence);
            self.found_in_topic(sequence, message.source(), ledger);
            if let Some(spilled) = &mut self.spilled {
                spilled.count = spilled.count.saturating_sub(1);
            }
        }
        if self
            .spilled
            .as_ref()
            .is_some_and(|spilled| spilled.count == 0)
        {
            self.spilled = None;
            self.close_ranks();
        }
        next
    }

    /// The journal knows that these are settled.
    pub(in crate::backlog) fn acknowledged(&mut self, sequences: &[u64]) {
        for sequence in sequences {
            self.settled_early.remove(sequence);
        }
    }

    /// When the oldest of what is in memory was received.
    pub(in crate::backlog) fn oldest_in_memory(&self) -> Option<Instant> {
        let first = [&self.head, &self.tail].map(|queue| queue.after(0).next());
        let times = first
            .into_iter()
            .flatten()
            .map(|pending| pending.received_at);
        times.min()
    }

    fn close_ranks(&mut self) {
        if self.spilled.is_none() && self.head.is_empty() {
            std::mem::swap(&mut self.head, &mut self.tail);
        }
    }
}
