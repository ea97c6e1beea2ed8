//! Pages of matches: what they hold, and how one walks down them.

mod row;
mod search;
mod walk;

use domain::{MatchId, Timestamp};
use serde_json::value::RawValue;

use crate::{Answer, CallError, Caller, OpenDota};

pub use row::{PageRow, RowFault};
pub use walk::{MARGIN, RangePage, RangeWalk, TimeRange, WalkWatcher};

/// Some matches that have ended, the highest id first: as many as the upstream
/// puts together.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The matches, each judged by itself.
    pub rows: Vec<PageRow>,
    /// When all of it had been fetched.
    pub fetched_at: Timestamp,
}

impl Page {
    /// Reads an answer.
    ///
    /// # Errors
    /// It is no array; what is wrong with single rows is said there.
    pub fn read(answer: &Answer) -> Result<Self, String> {
        let rows: Vec<&RawValue> = serde_json::from_slice(&answer.body)
            .map_err(|error| format!("it is no array of matches: {error}"))?;
        let fetched_at = answer.fetched_at;
        let rows = rows.into_iter().map(|row| PageRow::read(row, fetched_at));
        Ok(Self {
            rows: rows.collect(),
            fetched_at,
        })
    }

    /// Lowest and highest start, of the rows that tell one.
    #[must_use]
    pub fn starts(&self) -> Option<(Timestamp, Timestamp)> {
        let starts = || self.rows.iter().filter_map(|row| row.start_time);
        starts().min().zip(starts().max())
    }

    /// The id below which the next page goes on; none if there are no rows.
    ///
    /// # Errors
    /// The rows do not lie below the id that was asked for, or tell no id: there
    /// is no way on.
    pub fn next_below(&self, below: Option<MatchId>) -> Result<Option<MatchId>, String> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        let lowest = self.rows.iter().filter_map(|row| row.match_id).min();
        let lowest = lowest.ok_or("no row of it tells its match")?;
        match below {
            Some(below) if lowest >= below => Err(format!(
                "its matches are not below {below}, which was asked for"
            )),
            _ => Ok(Some(lowest)),
        }
    }
}

impl OpenDota {
    /// Asks for the newest public matches below an id, or for the newest of all:
    /// one call at most, and none without room.
    ///
    /// # Errors
    /// [`CallError`]; a page that cannot be read is [`CallError::Unusable`].
    pub async fn public_matches(
        &self,
        below: Option<MatchId>,
        caller: Caller,
    ) -> Result<Page, CallError> {
        let below = below.map_or_else(String::new, |id| format!("?less_than_match_id={id}"));
        let answer = self.get(&format!("/publicMatches{below}"), caller).await?;
        Page::read(&answer).map_err(|detail| CallError::Unusable { detail })
    }
}
