//! Where a past range is read from.

use std::fmt;

use async_trait::async_trait;
use domain::MatchId;
use thiserror::Error;

use crate::backfill::BackfillRange;
use crate::{Answer, Invalid};

/// Opens ranges.
#[async_trait]
pub trait BackfillOrigins: Send + Sync {
    /// Opens a range where it goes on: at a position that its origin gave
    /// before, or at its beginning if that is empty.
    ///
    /// # Errors
    /// [`OriginError`].
    async fn open(
        &self,
        range: &BackfillRange,
        at: &str,
    ) -> Result<Box<dyn BackfillOrigin>, OriginError>;

    /// What keeps a range from ever being opened here, as far as that is known
    /// without asking anybody, and what helps: a key that is not set.
    fn obstacle(&self, _range: &BackfillRange) -> Option<String> {
        None
    }
}

/// A past range that is read once, from its position to its end.
///
/// An implementation MUST
/// - give every record that can be loaded, and everything that cannot with its
///   place and reason;
/// - give the same records again when it is opened again at the same position;
/// - keep a bounded number of records ahead;
/// - be cancel safe: a dropped [`next`](Self::next) loses nothing.
#[async_trait]
pub trait BackfillOrigin: Send {
    /// Whether it goes on at the position that it was opened with; if not, it
    /// has begun at its beginning, because what is there now is something else.
    fn goes_on(&self) -> bool;

    /// Waits for what comes next; `None` at the end of the range.
    ///
    /// # Errors
    /// [`OriginError`]. After [`OriginError::Unavailable`] it can be asked again.
    async fn next(&mut self) -> Result<Option<BackfillPiece>, OriginError>;
}

/// Some records of a range.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BackfillPiece {
    /// What can be loaded, each with its place.
    pub answers: Vec<(Place, Answer)>,
    /// What cannot, and why.
    pub invalid: Vec<(Place, Invalid)>,
    /// Bytes of all of them.
    pub size_bytes: usize,
    /// Where the range goes on once all of this is loaded. It has no line feeds.
    pub position: String,
    /// How much of the range is done then, from 0 to 1; none where nobody knows.
    pub done: Option<f64>,
    /// Calls to an upstream that it took; none where nobody is called.
    pub calls: u64,
}

/// Where a record stands in its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a line of a file, counted from 1.
    Line(u64),
    /// In a topic.
    Offset {
        /// In this partition.
        partition: i32,
        /// At this offset.
        offset: i64,
    },
    /// In an upstream's answer about this match.
    Match(MatchId),
    /// In a page of an upstream, of a match that is not told readably.
    Row {
        /// The page was asked for below this match; none for the newest one.
        below: Option<MatchId>,
        /// The row, counted from 1.
        number: u64,
    },
    /// In a page of a sequence, of a match that is not told readably.
    SequenceRow {
        /// The page was asked for from this number on.
        from: u64,
        /// The row, counted from 1.
        number: u64,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Offset { partition, offset } => {
                write!(f, "partition {partition}, offset {offset}")
            }
            Self::Match(id) => write!(f, "match {id}"),
            Self::SequenceRow { from, number } => {
                write!(f, "row {number} of the page from number {from} on")
            }
            Self::Row { below, number } => {
                write!(f, "row {number} of the ")?;
                match below {
                    Some(below) => write!(f, "page below match {below}"),
                    None => f.write_str("newest page"),
                }
            }
        }
    }
}

/// Why a range cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OriginError {
    /// Not now: network, brokers, limits. It is asked again.
    #[error("the origin does not answer: {detail}")]
    Unavailable {
        /// What happened.
        detail: String,
    },
    /// Not at all: it never helps to ask again.
    #[error("the range is not to be had: {detail}")]
    Gone {
        /// What is missing, and what helps.
        detail: String,
    },
}
