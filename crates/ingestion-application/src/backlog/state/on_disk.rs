//! What goes to the journal, and what may leave it.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    super::queue::{Pending, weight_of},
    Spilled, State,
};
use crate::ports::JournalEntry;

impl State {
    /// Up to which sequence the journal is to be written now, if it is: what
    /// has waited for `waited`, or the tail when it is long.
    pub(in crate::backlog) fn due(&self, waited: Duration, now: Instant) -> Option<u64> {
        if self.tail.weight >= self.limits.spill_weight {
            return self.tail.last_sequence();
        }
        let is_old =
            |pending: &&Pending| now.saturating_duration_since(pending.received_at) >= waited;
        let old = self.in_memory_only().filter(is_old);
        old.map(|pending| pending.sequence).max()
    }

    /// The next entries to be written, none above `up_to`.
    pub(in crate::backlog) fn unwritten(&mut self, up_to: u64) -> Vec<JournalEntry> {
        let is_meant =
            |pending: &&Pending| pending.sequence > self.written_up_to && pending.sequence <= up_to;
        let on_the_way = self.on_the_way.iter().map(|(_, pending)| pending);
        let mut first: Vec<_> = on_the_way.chain(&self.returned).filter(is_meant).collect();
        first.sort_unstable_by_key(|pending| pending.sequence);
        let (head, tail) = (
            self.head.after(self.written_up_to),
            self.tail.after(self.written_up_to),
        );
        let mut weight = 0;
        let entries: Vec<_> = first
            .into_iter()
            .chain(head)
            .chain(tail)
            .take_while(|pending| {
                let fits = weight < self.limits.write_batch_weight_max && pending.sequence <= up_to;
                weight += weight_of(&pending.message);
                fits
            })
            .take(self.limits.write_batch)
            .map(|pending| JournalEntry {
                sequence: pending.sequence,
                message: pending.message.clone(),
            })
            .collect();
        if let Some(last) = entries.last() {
            self.attempted_up_to = self.attempted_up_to.max(last.sequence);
        }
        entries
    }

    /// The journal holds everything up to `sequence`; a long tail leaves memory.
    pub(in crate::backlog) fn written(&mut self, sequence: u64) {
        self.written_up_to = self.written_up_to.max(sequence);
        if self.tail.weight < self.limits.spill_weight {
            return;
        }
        while let Some(first) = self.tail.first_sequence()
            && first <= self.written_up_to
        {
            self.tail.pop_front();
            let spilled = self.spilled.get_or_insert(Spilled {
                next: first,
                last: first,
                count: 0,
            });
            spilled.last = first;
            spilled.count += 1;
        }
    }

    /// The settled entries to be acknowledged in the journal, ascending.
    pub(in crate::backlog) fn take_acknowledged(&mut self) -> Vec<u64> {
        let mut sequences = std::mem::take(&mut self.acknowledged);
        sequences.sort_unstable();
        sequences
    }

    /// They could not be acknowledged. Of too many the oldest are forgotten:
    /// should they come back at the next start, they are found in the topic.
    pub(in crate::backlog) fn keep_acknowledged(&mut self, sequences: Vec<u64>) {
        let newer = std::mem::replace(&mut self.acknowledged, sequences);
        self.acknowledged.extend(newer);
        let excess = self
            .acknowledged
            .len()
            .saturating_sub(self.limits.acknowledgements_kept_max);
        self.acknowledged.drain(..excess);
    }
}
