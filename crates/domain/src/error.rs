//! What can be wrong with data, and what can be wrong with us.

use thiserror::Error;

/// A value from outside that is no valid piece of the domain.
///
/// The sender is at fault: the value is refused and everything else goes on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidData {
    /// A match id below 1; ids are positive 64-bit signed integers.
    #[error("match id {0} is not in 1..=9223372036854775807")]
    MatchIdOutOfRange(i64),
}

/// A rule of the domain that this process itself has broken.
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
