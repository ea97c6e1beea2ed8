//! Which places of feeds have been reached.

use super::State;
use crate::{Checkpoint, SourceName};

impl State {
    /// `checkpoint` is reached when what was received so far is settled.
    pub(in crate::backlog) fn note_checkpoint(
        &mut self,
        source: SourceName,
        checkpoint: Checkpoint,
    ) {
        let below = self.next_sequence;
        self.checkpoints.note(source, below, checkpoint);
    }

    /// The places of feeds before which everything is settled.
    pub(in crate::backlog) fn reached_checkpoints(&self) -> Vec<(SourceName, Checkpoint)> {
        // Messages of earlier processes come before all of them.
        if self.checkpoints.is_empty() || !self.is_recovered {
            return Vec::new();
        }
        let on_the_way = self.on_the_way.iter().map(|(_, pending)| pending);
        let sent = on_the_way.chain(&self.returned);
        let waiting = [
            self.head.first_sequence(),
            self.spilled.as_ref().map(|spilled| spilled.next),
            self.tail.first_sequence(),
        ];
        let unsettled = sent
            .map(|pending| pending.sequence)
            .chain(waiting.into_iter().flatten())
            .min();
        self.checkpoints
            .reached(unsettled.unwrap_or(self.next_sequence))
    }
}
