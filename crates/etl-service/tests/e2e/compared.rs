//! Tables as they are beside tables as they should be.

use std::{
    collections::BTreeMap,
    fmt::{Debug, Write as _},
};

use contracts::warehouse::TableRow;
use serde::Serialize;
use serde_json::Value;

/// So many differences of a table are told.
const TOLD_MAX: usize = 3;

/// What was compared.
#[derive(Default)]
pub(crate) struct Compared {
    /// Rows of each table, as they should be.
    pub(crate) rows: BTreeMap<&'static str, usize>,
    /// The first ones of each table, each with its fields and both of their values.
    pub(crate) differences: Vec<String>,
    pub(crate) differences_count: usize,
    told: BTreeMap<&'static str, usize>,
}

impl Compared {
    /// Rows of a table, or of a part of it.
    pub(crate) fn table<R, K>(&mut self, expected: Vec<R>, found: Vec<R>, key: impl Fn(&R) -> K)
    where
        R: TableRow + Serialize + PartialEq,
        K: Ord + Debug,
    {
        let found_count = found.len();
        let by_key = |rows: Vec<R>| -> BTreeMap<K, R> {
            rows.into_iter().map(|row| (key(&row), row)).collect()
        };
        let (expected, found) = (by_key(expected), by_key(found));
        self.add(R::TABLE, &expected, &found);
        let twice = found_count - found.len();
        if twice > 0 {
            self.differ(R::TABLE, twice, || format!("{twice} rows are there twice"));
        }
    }

    /// The same of whatever stands under these keys.
    pub(crate) fn add<K: Ord + Debug, R: PartialEq + Serialize>(
        &mut self,
        table: &'static str,
        expected: &BTreeMap<K, R>,
        found: &BTreeMap<K, R>,
    ) {
        *self.rows.entry(table).or_default() += expected.len();
        for (key, row) in expected {
            match found.get(key) {
                Some(found) if found == row => {}
                Some(found) => {
                    self.differ(table, 1, || format!("{key:?}:{}", fields(row, found)));
                }
                None => self.differ(table, 1, || format!("{key:?} is missing: {}", written(row))),
            }
        }
        for (key, row) in found {
            if !expected.contains_key(key) {
                let row = || format!("{key:?} should not be there: {}", written(row));
                self.differ(table, 1, row);
            }
        }
    }

    /// So many rows of a table are not as they should be.
    pub(crate) fn differ(
        &mut self,
        table: &'static str,
        count: usize,
        what: impl FnOnce() -> String,
    ) {
        self.differences_count += count;
        let told = self.told.entry(table).or_default();
        if *told < TOLD_MAX {
            *told += 1;
            self.differences.push(format!("{table}: {}", what()));
        }
    }
}

/// The fields that are not the same, with both values.
fn fields(expected: &impl Serialize, found: &impl Serialize) -> String {
    let (expected, found) = (value(expected), value(found));
    let (Some(columns), Some(others)) = (expected.as_object(), found.as_object()) else {
        return format!(" expected {expected}, found {found}");
    };
    let mut text = String::new();
    for (name, expected) in columns {
        let found = &others[name];
        if expected != found {
            let _infallible = write!(text, " {name} expected {expected}, found {found};");
        }
    }
    text
}

fn written(row: &impl Serialize) -> String {
    value(row).to_string()
}

fn value(row: &impl Serialize) -> Value {
    serde_json::to_value(row).expect("a row of a table is JSON")
}

#[cfg(test)]
mod tests {
    use contracts::warehouse::MatchRankRow;

    use super::*;

    fn rank(match_id: u64, avg_rank_tier: u8, num_rank_tier: Option<u8>) -> MatchRankRow {
        MatchRankRow {
            match_id,
            start_time: 1_786_620_000,
            avg_rank_tier,
            num_rank_tier,
            source: "opendota_pages".to_owned(),
            version: 0,
        }
    }

    #[test]
    fn what_differs_is_named_with_both_values() {
        let mut compared = Compared::default();
        let expected = vec![
            rank(1, 81, Some(7)),
            rank(2, 50, None),
            rank(3, 11, Some(1)),
        ];
        let found = vec![
            rank(1, 82, None),
            rank(3, 11, Some(1)),
            rank(3, 11, Some(1)),
            rank(4, 20, None),
        ];
        compared.table(expected, found, |row| row.match_id);
        assert_eq!(compared.differences_count, 4);
        assert_eq!(compared.rows["match_ranks"], 3);
        let differences = &compared.differences;
        assert_eq!(
            differences[0],
            "match_ranks: 1: avg_rank_tier expected 81, found 82; num_rank_tier expected 7, found null;"
        );
        assert!(differences[1].starts_with("match_ranks: 2 is missing: {"));
        assert!(differences[2].starts_with("match_ranks: 4 should not be there: {"));
        assert_eq!(differences.len(), TOLD_MAX);
    }
}
