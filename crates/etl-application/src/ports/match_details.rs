//! Who is asked for the details of a match.

use async_trait::async_trait;
use domain::{MatchId, Timestamp};
use thiserror::Error;

use crate::Answer;

/// An upstream that is asked for one match at a time, and never above its limits.
#[async_trait]
pub trait MatchDetails: Send + Sync {
    /// Asks for a match: one call at most, and none where the limits leave no
    /// room for it. Never waits for room; whoever calls does, and is told how long.
    ///
    /// # Errors
    /// [`DetailsError`]; what it means for the wish is said there.
    async fn fetch(&self, id: MatchId) -> Result<Details, DetailsError>;

    /// How much may be asked for.
    fn budget(&self) -> CallBudget;
}

/// What an upstream knows of a match.
#[derive(Debug, Clone, PartialEq)]
pub struct Details {
    /// What becomes rows.
    pub answer: Answer,
    /// Whether the replay has been read: without that, lanes and positions are
    /// not known, and may be later.
    pub is_parsed: bool,
}

/// Why there are no details.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DetailsError {
    /// The upstream does not know the match, yet or ever: an attempt that counts.
    #[error("the upstream does not know the match")]
    NotFound,
    /// There is no room for a call, by our own count or by the upstream's word.
    /// It uses up no attempt.
    #[error("no call is permitted now")]
    NoRoom {
        /// When to ask again.
        until: Timestamp,
    },
    /// The upstream takes no calls of ours: the key is wrong, or the address is
    /// shut out. It uses up no attempt; until somebody changes that, few calls are made.
    #[error("the upstream refuses our calls: {detail}")]
    Refused {
        /// What it says.
        detail: String,
        /// When to ask again; before that the same is answered without a call.
        until: Timestamp,
    },
    /// Nothing usable came: network, time-out, 5xx, a page of HTML. It uses up no attempt.
    #[error("the upstream does not answer: {detail}")]
    Unavailable {
        /// What happened.
        detail: String,
        /// When to ask again; before that there is no room.
        until: Timestamp,
    },
    /// It answered, and not with this match: an attempt that counts, and an error.
    #[error("the upstream's answer is wrong: {detail}")]
    Wrong {
        /// What is wrong with it.
        detail: String,
    },
}

/// How many calls are left. What is not known yet is `None`: an upstream tells
/// with its answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallBudget {
    /// Of this minute of the wall clock.
    pub minute: CallWindow,
    /// Of this day, in UTC.
    pub day: CallWindow,
}

/// The calls of one window of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallWindow {
    /// How many calls we made in it.
    pub used: u64,
    /// How many it still permits, by the upstream's word, less those on their way;
    /// with the reserve.
    pub left: Option<u64>,
    /// How many of them are kept for others on this address.
    pub reserve: Option<u64>,
    /// When it begins anew.
    pub resets_at: Option<Timestamp>,
}
