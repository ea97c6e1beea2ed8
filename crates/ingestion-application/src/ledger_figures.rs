//! The rule of conservation: what came in is somewhere.

use thiserror::Error;

/// What became of everything received, at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerFigures {
    /// Frames read from a feed, valid or not.
    pub received: u64,
    /// Matches acknowledged by Kafka.
    pub published: u64,
    /// Matches already seen within the dedup window.
    pub duplicates: u64,
    /// Frames and records set aside, acknowledged by the dead-letter topic.
    pub dead_lettered: u64,
    /// Received, and none of the three yet.
    pub pending: u64,
}

impl LedgerFigures {
    /// Checks that nothing was lost and nothing was counted twice.
    ///
    /// # Errors
    /// [`BrokenRule::LedgerOutOfBalance`] when the five figures do not add up.
    pub fn check(&self) -> Result<(), BrokenRule> {
        let accounted = self.published + self.duplicates + self.dead_lettered + self.pending;
        if self.received == accounted {
            Ok(())
        } else {
            Err(BrokenRule::LedgerOutOfBalance {
                received: self.received,
                accounted,
            })
        }
    }
}

/// A rule that this process itself has broken.
///
/// We are at fault: it is reported as an error, in health and in metrics.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BrokenRule {
    /// Every received match must be published, a duplicate, dead-lettered or pending.
    #[error(
        "received {received} matches but can account for {accounted}: \
         published, duplicates, dead-lettered and pending must add up"
    )]
    LedgerOutOfBalance {
        /// How many matches were received.
        received: u64,
        /// The sum of published, duplicates, dead-lettered and pending.
        accounted: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_must_add_up() {
        let balanced = LedgerFigures {
            received: 10,
            published: 4,
            duplicates: 3,
            dead_lettered: 2,
            pending: 1,
        };
        assert_eq!(balanced.check(), Ok(()));
        let one_lost = LedgerFigures {
            pending: 0,
            ..balanced
        };
        assert_eq!(
            one_lost.check(),
            Err(BrokenRule::LedgerOutOfBalance {
                received: 10,
                accounted: 9
            })
        );
    }
}
