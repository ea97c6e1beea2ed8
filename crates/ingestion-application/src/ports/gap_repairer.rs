//! Who can be asked for what happened in a time that has passed.

use async_trait::async_trait;
use domain::{MatchId, Timestamp};

use super::ReceivedBatch;
use crate::SourceName;

/// An upstream that can be asked for the matches of a time.
///
/// It is asked for what a feed would have told in a window, that is for matches
/// that ended in it, or a little before: feeds tell of them with a delay.
pub trait GapRepairer: Send + Sync {
    /// Whose matches these are.
    fn source(&self) -> SourceName;

    /// A walk through what was to be told from `from` to `to`, which goes on at the
    /// place where one through the same window had come to. Nothing is asked
    /// before the walk is asked for its first step.
    fn walk(&self, from: Timestamp, to: Timestamp, place: Option<MatchId>) -> Box<dyn GapWalk>;
}

/// A walk through a window.
///
/// An implementation MUST
/// - stay within its upstream's limits, and leave calls to whoever follows what
///   happens now;
/// - ask again for ever where nothing usable comes;
/// - hand over everything it has read before the step that says how it ended.
#[async_trait]
pub trait GapWalk: Send {
    /// The next step. Dropped, it loses a call at most.
    async fn next(&mut self) -> WalkStep;
}

/// A step of a walk.
#[derive(Debug, Clone, PartialEq)]
pub enum WalkStep {
    /// Matches, of the window and of what is around it.
    Told {
        /// What was read; without a checkpoint.
        batch: ReceivedBatch,
        /// Where a walk goes on that has seen it.
        place: Option<MatchId>,
        /// How much of the walk is done, from 0 to 1.
        progress: f64,
    },
    /// There is no more.
    Ended {
        /// Whether all of the window was shown.
        is_whole: bool,
    },
}
