//! Which rows were handed over.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use opendota_client::PageRow;

/// Rows that are remembered, those with the highest ids, in about 6 MB: all that
/// a far round comes by and those of some hours more.
const ROWS_MAX: usize = 262_144;

/// Rows without a readable id that are remembered. Beyond, the memory begins
/// anew, and they are handed over once more.
const ODD_ROWS_MAX: usize = 10_000;

/// The rows that were handed over, by their text: one that says something else
/// than before is news. What is forgotten is handed over again, and known to the
/// dedup window.
#[derive(Debug, Default)]
pub(crate) struct Known {
    rows: BTreeMap<i64, u32>,
    odd: BTreeSet<u32>,
}

impl Known {
    /// Remembers a row, and tells whether it was not known like this.
    pub(crate) fn is_news(&mut self, row: &PageRow) -> bool {
        let text = digest(&row.text);
        let Some(id) = row.match_id else {
            if self.odd.len() == ODD_ROWS_MAX {
                self.odd.clear();
            }
            return self.odd.insert(text);
        };
        let id = id.get();
        let is_news = self.rows.insert(id, text) != Some(text);
        if self.rows.len() > ROWS_MAX {
            self.rows.pop_first();
        }
        is_news
    }

    /// Forgets what no round comes by any more.
    pub(crate) fn forget_below(&mut self, id: i64) {
        self.rows = self.rows.split_off(&id);
    }
}

/// Enough to tell one text from another one of the same match.
fn digest(text: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let bytes = hasher.finish().to_le_bytes();
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

#[cfg(test)]
mod tests {
    use domain::{MatchId, Timestamp};
    use opendota_client::{Answer, Page};

    use super::*;

    fn row(text: &str) -> PageRow {
        let answer = Answer {
            body: format!("[{text}]").into(),
            fetched_at: Timestamp::from_unix_seconds(1_786_620_000),
        };
        Page::read(&answer).expect("a page").rows.remove(0)
    }

    #[test]
    fn a_row_is_news_when_it_says_something_else_than_before() {
        let mut known = Known::default();
        let plain = row(r#"{"match_id":7,"radiant_win":null}"#);
        let whole = row(r#"{"match_id":7,"radiant_win":true}"#);
        let odd = row("null");
        let news = [&plain, &plain, &whole, &whole, &odd, &odd].map(|row| known.is_news(row));
        assert_eq!(news, [true, false, true, false, true, false]);
        known.forget_below(8);
        assert!(known.is_news(&whole));
    }

    #[test]
    fn no_more_rows_are_remembered_than_fit_and_the_lowest_are_forgotten() {
        let mut known = Known::default();
        let mut one = row(r#"{"match_id":1}"#);
        let end = i64::try_from(ROWS_MAX).expect("it is small") + 10;
        for id in (1..=end).rev() {
            one.match_id = MatchId::try_new(id).ok();
            assert!(known.is_news(&one));
        }
        assert_eq!(known.rows.len(), ROWS_MAX);
        one.match_id = MatchId::try_new(11).ok();
        assert!(!known.is_news(&one));
        one.match_id = MatchId::try_new(10).ok();
        assert!(known.is_news(&one), "it was forgotten");
    }
}
