//! What the warehouse holds, table by table, beside what the topics say.

use std::{collections::BTreeMap, fmt::Debug};

use anyhow::{Context as _, Result};
use clickhouse_test_kit::ClickHouse;
use contracts::warehouse::{
    HeroDayRow, MatchPlayerRow, MatchPositionRow, MatchRankRow, MatchRow, MatchSourceRow,
    PairDayRow, PlayerMatchRow, TableRow,
};
use domain::{CountingRules, Patches};
use etl_test_support::reference::Reference;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::rows::{Expected, day_number};

/// So many differences of a table are told.
const TOLD_MAX: usize = 3;

/// A warehouse, read in the plainest way there is.
pub(super) struct Holdings<'a> {
    pub(super) engine: &'a ClickHouse,
    pub(super) database: &'a str,
}

/// What was compared.
#[derive(Default)]
pub(super) struct Compared {
    /// Rows of each table, as they should be.
    pub(super) rows: BTreeMap<&'static str, usize>,
    /// The first ones.
    pub(super) differences: Vec<String>,
    pub(super) differences_count: usize,
}

impl Holdings<'_> {
    /// Compares every table of facts and of counters.
    pub(super) async fn compare(&self, reference: &Reference) -> Result<Compared> {
        let mut compared = Compared::default();
        let facts = Expected::of(reference);
        let to = &mut compared;
        self.table(facts.matches, |row: &MatchRow| row.match_id, to)
            .await?;
        let source = |row: &MatchSourceRow| (row.match_id, row.source.clone());
        self.table(facts.sources, source, to).await?;
        self.table(facts.ranks, |row: &MatchRankRow| row.match_id, to)
            .await?;
        let player = |row: &MatchPlayerRow| (row.match_id, row.slot);
        self.table(facts.players, player, to).await?;
        let account = |row: &PlayerMatchRow| (row.account_id, row.match_id);
        self.table(facts.accounts, account, to).await?;
        let position = |row: &MatchPositionRow| (row.match_id, row.slot);
        self.table(Vec::new(), position, to).await?;
        self.counters(reference, to).await?;
        Ok(compared)
    }

    async fn counters(&self, reference: &Reference, to: &mut Compared) -> Result<()> {
        let (rules, patches) = (CountingRules::default(), Patches::built_in());
        let (mut heroes, mut pairs, mut notes) = (Vec::new(), Vec::new(), BTreeMap::new());
        for day in &reference.days {
            let counters = reference.count(*day, &rules, &patches);
            heroes.extend(super::rows::heroes(*day, &counters));
            pairs.extend(super::rows::pairs(*day, &counters));
            let build = counters.build(*day, 0);
            let left_out = build.left_out.iter();
            let left_out: BTreeMap<_, _> = left_out
                .map(|(reason, count)| (reason.as_str(), *count))
                .collect();
            notes.insert(
                day_number(*day),
                format!("{} {} {left_out:?}", build.matches, build.counted),
            );
        }
        let hero = |row: &HeroDayRow| {
            let cell = (row.patch.clone(), row.bracket, row.game_mode);
            (row.day, cell, row.side.code(), row.hero)
        };
        self.table(heroes, hero, to).await?;
        let pair = |row: &PairDayRow| {
            let cell = (row.patch.clone(), row.bracket, row.game_mode);
            (row.day, cell, row.relation.code(), row.hero, row.other)
        };
        self.table(pairs, pair, to).await?;
        let found = self.notes().await?;
        to.add("day_builds", &notes, &found);
        Ok(())
    }

    async fn table<R, K>(
        &self,
        expected: Vec<R>,
        key: impl Fn(&R) -> K,
        to: &mut Compared,
    ) -> Result<()>
    where
        R: TableRow + DeserializeOwned + PartialEq + Debug,
        K: Ord + Debug,
    {
        let found: Vec<R> = self.rows().await?;
        let found_count = found.len();
        let by_key = |rows: Vec<R>| -> BTreeMap<K, R> {
            rows.into_iter().map(|row| (key(&row), row)).collect()
        };
        let (expected, found) = (by_key(expected), by_key(found));
        to.add(R::TABLE, &expected, &found);
        if found.len() != found_count {
            let twice = found_count - found.len();
            to.differences_count += twice;
            to.differences
                .push(format!("{}: {twice} rows are there twice", R::TABLE));
        }
        Ok(())
    }

    async fn rows<R: TableRow + DeserializeOwned>(&self) -> Result<Vec<R>> {
        let columns: Vec<_> = R::COLUMNS.iter().map(|name| column(name)).collect();
        // Counters have no rows that count and rows that do not.
        let is_replacing = !R::TABLE.ends_with("_days");
        let statement = format!(
            "SELECT {} FROM {}.{}{}",
            columns.join(", "),
            self.database,
            R::TABLE,
            if is_replacing { " FINAL" } else { "" },
        );
        let text = self.json(&statement).await?;
        let rows = text.lines().map(serde_json::from_str);
        rows.collect::<Result<_, _>>()
            .with_context(|| format!("reading {}", R::TABLE))
    }

    /// How each day was counted, as people are told.
    async fn notes(&self) -> Result<BTreeMap<u16, String>> {
        let statement = format!(
            "SELECT toUInt16(day) AS day, matches, counted, left_out FROM {}.day_builds FINAL",
            self.database
        );
        let mut notes = BTreeMap::new();
        for line in self.json(&statement).await?.lines() {
            let row: Value = serde_json::from_str(line)?;
            let left_out: BTreeMap<String, u64> = serde_json::from_value(row["left_out"].clone())?;
            let (matches, counted) = (&row["matches"], &row["counted"]);
            let day = row["day"].as_u64().context("it has a day")?;
            notes.insert(
                u16::try_from(day)?,
                format!("{matches} {counted} {left_out:?}"),
            );
        }
        Ok(notes)
    }

    async fn json(&self, statement: &str) -> Result<String> {
        let json = "FORMAT JSONEachRow SETTINGS output_format_json_quote_64bit_integers = 0";
        self.engine.execute(&format!("{statement} {json}")).await
    }
}

/// A column as the number that its row has.
fn column(name: &str) -> String {
    let of = match name {
        "start_time" => "toUnixTimestamp(start_time)",
        "day" => "toUInt16(day)",
        "won" => "toInt8(won)",
        "side" => "toInt8(side)",
        "relation" => "toInt8(relation)",
        // Which of the builds it was is no matter.
        "build" => "0",
        _ => return name.to_owned(),
    };
    format!("{of} AS {name}")
}

impl Compared {
    fn add<K: Ord + Debug, R: PartialEq + Debug>(
        &mut self,
        table: &'static str,
        expected: &BTreeMap<K, R>,
        found: &BTreeMap<K, R>,
    ) {
        self.rows.insert(table, expected.len());
        let missing = expected
            .iter()
            .filter_map(|(key, row)| match found.get(key) {
                Some(found) if found == row => None,
                Some(found) => Some(format!("{table}: expected {row:?}, found {found:?}")),
                None => Some(format!("{table}: {key:?} is missing: {row:?}")),
            });
        let surplus = found.iter().filter(|(key, _)| !expected.contains_key(key));
        let surplus =
            surplus.map(|(key, row)| format!("{table}: {key:?} should not be there: {row:?}"));
        let all: Vec<_> = missing.chain(surplus).collect();
        self.differences_count += all.len();
        self.differences.extend(all.into_iter().take(TOLD_MAX));
    }
}
