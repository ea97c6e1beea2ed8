//! How a backfill stands in the warehouse.

use super::BackfillId;

/// A backfill, as its row in the warehouse says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backfill {
    /// What it is called.
    pub id: BackfillId,
    /// Where its records come from, as it was asked for: the text of a
    /// [`BackfillRange`](super::BackfillRange), or what a newer program writes.
    pub origin: String,
    /// What became of it.
    pub state: BackfillState,
    /// How far it is: the text of a [`Progress`](super::Progress).
    pub position: String,
    /// How many records it has loaded.
    pub records: u64,
    /// The row with the higher one counts.
    pub version: u64,
}

/// What became of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BackfillState {
    /// It goes on, or can go on, from its position.
    Running,
    /// All of its range is loaded.
    Finished,
    /// Somebody has cancelled it.
    Cancelled,
    /// It cannot go on: its range is not to be had.
    Failed,
}

/// Versions of ended backfills begin here. So whoever is still at work and
/// sets down one more position does not undo that somebody has cancelled it.
const ENDED: u64 = 1 << 62;

impl BackfillState {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::Running, Self::Finished, Self::Cancelled, Self::Failed];

    /// The word in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

impl Backfill {
    /// The same in another state, to be set down after this one. What has ended
    /// never runs again.
    #[must_use]
    pub fn in_state(mut self, state: BackfillState) -> Self {
        self.state = state;
        self.version = match state {
            BackfillState::Running => self.version + 1,
            _ => self.version.max(ENDED) + 1,
        };
        self
    }
}
