//! What can be wrong with data.

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
