//! Which places of feeds wait for the messages before them.

use super::limits::CHECKPOINTS_MAX;
use crate::{Checkpoint, SourceName};

/// Checkpoints in the order of their receipt.
#[derive(Default)]
pub(super) struct Checkpoints {
    waiting: Vec<Waiting>,
}

struct Waiting {
    source: SourceName,
    /// To be kept when everything below this sequence is settled.
    below: u64,
    checkpoint: Checkpoint,
}

impl Checkpoints {
    /// Notes a checkpoint that was received before the message with this sequence.
    pub(super) fn note(&mut self, source: SourceName, below: u64, checkpoint: Checkpoint) {
        let of_source = |one: &Waiting| one.source == source;
        if self.waiting.iter().filter(|one| of_source(one)).count() >= CHECKPOINTS_MAX {
            // The earlier ones stay, or none would ever be reached.
            let last = self.waiting.iter().rposition(of_source);
            self.waiting.remove(last.expect("there are many"));
        }
        self.waiting.push(Waiting {
            source,
            below,
            checkpoint,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Of each feed the last one that is reached when all below `unsettled` is settled.
    pub(super) fn reached(&self, unsettled: u64) -> Vec<(SourceName, Checkpoint)> {
        let mut reached: Vec<(SourceName, Checkpoint)> = Vec::new();
        for one in self.waiting.iter().filter(|one| one.below <= unsettled) {
            match reached.iter_mut().find(|(source, _)| *source == one.source) {
                Some((_, last)) => last.clone_from(&one.checkpoint),
                None => reached.push((one.source, one.checkpoint.clone())),
            }
        }
        reached
    }

    /// Those that are reached when messages with these ascending sequences are
    /// settled, and all before them; of each the last of the messages before it.
    pub(super) fn reached_with(&self, sequences: &[u64]) -> Vec<(SourceName, Checkpoint, u64)> {
        let Some(end) = sequences.last().map(|last| last + 1) else {
            return Vec::new();
        };
        let ahead = self.waiting.iter().filter(|one| one.below <= end);
        let reached = ahead.filter_map(|one| {
            let before = sequences.iter().rfind(|sequence| **sequence < one.below)?;
            Some((one.source, one.checkpoint.clone(), *before))
        });
        reached.collect()
    }

    /// `checkpoint` is kept, so it waits no more, nor does any before it.
    pub(super) fn kept(&mut self, source: SourceName, checkpoint: &Checkpoint) {
        let is_it = |one: &Waiting| one.source == source && one.checkpoint == *checkpoint;
        let Some(at) = self.waiting.iter().position(is_it) else {
            // Another one has taken its place since: that one is to be kept, too.
            return;
        };
        let mut place = 0;
        self.waiting.retain(|one| {
            place += 1;
            one.source != source || place > at + 1
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEED: SourceName = SourceName::new("feed");
    const OTHER: SourceName = SourceName::new("other");

    fn place(text: &str) -> Checkpoint {
        Checkpoint::try_new(text).expect("it is short")
    }

    #[test]
    fn a_checkpoint_is_reached_when_everything_before_it_is_settled() {
        let mut checkpoints = Checkpoints::default();
        checkpoints.note(FEED, 5, place("a"));
        checkpoints.note(OTHER, 6, place("x"));
        checkpoints.note(FEED, 9, place("b"));
        assert_eq!(checkpoints.reached(4), []);
        assert_eq!(checkpoints.reached(5), [(FEED, place("a"))]);
        let all = [(FEED, place("b")), (OTHER, place("x"))];
        assert_eq!(checkpoints.reached(9), all, "of each the last");
        checkpoints.kept(FEED, &place("b"));
        assert_eq!(checkpoints.reached(9), [(OTHER, place("x"))]);
        checkpoints.kept(OTHER, &place("x"));
        assert!(checkpoints.is_empty());
    }

    #[test]
    fn a_checkpoint_is_announced_with_the_last_message_before_it() {
        let mut checkpoints = Checkpoints::default();
        checkpoints.note(FEED, 5, place("a"));
        checkpoints.note(FEED, 9, place("b"));
        assert_eq!(checkpoints.reached_with(&[]), []);
        assert_eq!(checkpoints.reached_with(&[2, 3]), [], "4 is to come");
        assert_eq!(checkpoints.reached_with(&[4]), [(FEED, place("a"), 4)]);
        let both = [(FEED, place("a"), 3), (FEED, place("b"), 7)];
        assert_eq!(checkpoints.reached_with(&[2, 3, 7, 9]), both);
        assert_eq!(checkpoints.reached_with(&[9, 10]), [], "these are behind");
    }

    #[test]
    fn of_too_many_the_first_and_the_last_stay() {
        let mut checkpoints = Checkpoints::default();
        for n in 0..1000 {
            checkpoints.note(FEED, n, place(&n.to_string()));
        }
        assert_eq!(checkpoints.waiting.len(), CHECKPOINTS_MAX);
        assert_eq!(checkpoints.reached(0), [(FEED, place("0"))]);
        assert_eq!(checkpoints.reached(999), [(FEED, place("999"))]);
        // It was being kept when it was replaced.
        checkpoints.kept(FEED, &place("998"));
        assert_eq!(checkpoints.reached(999), [(FEED, place("999"))]);
    }
}
