//! Matches as ingestion knows them: in a frame, and on their way.

use domain::{MatchId, MatchSummary, PlayerLine, Timestamp};

use crate::SourceName;

/// What a valid frame tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundMatch {
    /// A match of which the feed says no more than that it is there.
    Id(MatchId),
    /// A match with what the feed knows of it. Boxed: most feeds know nothing,
    /// and theirs are many.
    Summary(Box<MatchSummary>),
}

impl FoundMatch {
    /// Which match.
    #[must_use]
    pub fn id(&self) -> MatchId {
        match self {
            Self::Id(id) => *id,
            Self::Summary(summary) => summary.match_id,
        }
    }
}

impl From<MatchId> for FoundMatch {
    fn from(id: MatchId) -> Self {
        Self::Id(id)
    }
}

impl From<MatchSummary> for FoundMatch {
    fn from(summary: MatchSummary) -> Self {
        Self::Summary(Box::new(summary))
    }
}

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

/// What a feed has told us of a match beside its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedSummary {
    /// What the feed knew.
    pub summary: MatchSummary,
    /// Who told us.
    pub source: SourceName,
    /// When its frame had been read from the socket.
    pub received_at: Timestamp,
    /// Whether the id is news as well, and goes to the topic of ids.
    pub is_id_new: bool,
}

impl ReceivedSummary {
    /// How much memory it takes, about; and no less than in a record or on disk.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        // As JSON, with every name written out and every number at its longest.
        const WITHOUT_PLAYERS: usize = 512;
        const A_PLAYER: usize = 384;
        const AN_ITEM: usize = 6;
        const { assert!(size_of::<ReceivedSummary>() <= WITHOUT_PLAYERS) };
        const { assert!(size_of::<PlayerLine>() <= A_PLAYER) };
        let players = self.summary.players.iter();
        let players = players.map(|line| A_PLAYER + AN_ITEM * line.items.len());
        WITHOUT_PLAYERS + players.sum::<usize>()
    }

    /// The match alone.
    #[must_use]
    pub fn received_match(&self) -> ReceivedMatch {
        ReceivedMatch {
            id: self.summary.match_id,
            source: self.source,
            received_at: self.received_at,
        }
    }
}
