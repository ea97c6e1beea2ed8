//! Pages of matches: what they hold, and how one walks down them.

mod row;
mod search;
mod walk;

use domain::{MatchId, Timestamp};
use serde_json::value::RawValue;

use crate::{Answer, CallError, Caller, OpenDota};

/// A list of matches that the upstream gives page by page, by falling id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PageList {
    /// Matches that anybody may see, with heroes, ranks and results.
    Public,
    /// Matches of leagues, with results.
    Pro,
    /// Matches whose replay was read: their ids alone.
    Parsed,
}

impl PageList {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Public, Self::Pro, Self::Parsed];

    /// The word for it in settings, logs and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Pro => "pro",
            Self::Parsed => "parsed",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Public => "/publicMatches",
            Self::Pro => "/proMatches",
            Self::Parsed => "/parsedMatches",
        }
    }
}

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
    /// Asks for the matches of a list with the highest ids below an id, or of
    /// all: one call at most, and none without room.
    ///
    /// # Errors
    /// [`CallError`]; a page that cannot be read is [`CallError::Unusable`].
    pub async fn page(
        &self,
        list: PageList,
        below: Option<MatchId>,
        caller: Caller,
    ) -> Result<Page, CallError> {
        let below = below.map_or_else(String::new, |id| format!("?less_than_match_id={id}"));
        let answer = self.get(&format!("{}{below}", list.path()), caller).await?;
        Page::read(&answer).map_err(|detail| CallError::Unusable { detail })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;
    use client_kit::{CallFailed, HttpAnswer};
    use secrecy::SecretString;
    use test_kit::clock::StoppedClock;

    use super::*;
    use crate::{CallCounts, OpenDotaSettings, ProcessMemory, Transport};

    /// Writes down what it is asked for, and answers with these in turn.
    #[derive(Default)]
    struct Script {
        asked: Mutex<Vec<String>>,
        answers: Mutex<Vec<(u16, &'static str)>>,
    }

    #[async_trait]
    impl Transport for Script {
        async fn get(&self, url: &str, _: Option<&SecretString>) -> Result<HttpAnswer, CallFailed> {
            self.asked.lock().expect("no panic").push(url.to_owned());
            let (status, body) = self.answers.lock().expect("no panic").remove(0);
            let json = [("content-type", "application/json")];
            Ok(HttpAnswer::new(status, &json, body))
        }
    }

    #[tokio::test]
    async fn each_list_has_its_path_and_each_call_is_counted_by_its_end() {
        let limited = "{\"error\":\"minute rate limit exceeded\"}";
        let answers = vec![
            (200, "[{\"match_id\":7}]"),
            (200, "{}"),
            (404, "{}"),
            (429, limited),
        ];
        let script = Arc::new(Script {
            answers: Mutex::new(answers),
            ..Script::default()
        });
        let settings = OpenDotaSettings {
            url: "http://upstream".to_owned(),
            key: None,
            reserve_percent: 30,
            call_time_max: OpenDotaSettings::CALL_TIME_MAX,
        };
        let clock = Arc::new(StoppedClock::at_unix_ms(1_776_000_010_000));
        let memory = Arc::new(ProcessMemory::default());
        let client = OpenDota::over(script.clone(), settings, memory, clock);
        let below = MatchId::try_new(9).ok();
        let page = client.page(PageList::Parsed, below, Caller::Whole).await;
        let page = page.expect("a page");
        assert_eq!(page.rows[0].match_id, MatchId::try_new(7).ok());
        for (list, expected) in [
            (PageList::Pro, "Unusable"),
            (PageList::Public, "NotFound"),
            (PageList::Public, "NoRoom"),
            // No call is made.
            (PageList::Public, "NoRoom"),
        ] {
            let error = client.page(list, None, Caller::Whole).await;
            let error = format!("{:?}", error.expect_err("no page"));
            assert!(error.starts_with(expected), "{error}");
        }
        let asked = script.asked.lock().expect("no panic").join(" ");
        let expected =
            "/parsedMatches?less_than_match_id=9 /proMatches /publicMatches /publicMatches";
        assert_eq!(asked.replace("http://upstream", ""), expected);
        let expected = CallCounts {
            answered: 3,
            limited: 1,
            ..CallCounts::default()
        };
        assert_eq!(client.calls(), expected);
    }
}
