//! A match as ingestion knows it.

use domain::{MatchId, Timestamp};

use crate::SourceName;

/// A match that a feed has told us of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceivedMatch {
    /// Which match.
    pub id: MatchId,
    /// Who told us.
    pub source: SourceName,
    /// When its frame had been read from the socket.
    pub received_at: Timestamp,
}
