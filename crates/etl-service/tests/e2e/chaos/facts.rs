//! What the warehouse holds, table by table, beside what the topics say.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use clickhouse_test_kit::ClickHouse;
use contracts::warehouse::{MatchRankRow, MatchRow};
use domain::{CountingRules, Patches};
use etl_test_support::reference::Reference;
use serde_json::Value;

use crate::{
    compared::Compared,
    rows::{self, Expected, day_number},
    tables::{Tables, json_lines},
};

/// Every row.
const ALL: &str = "true";

/// A warehouse, read in the plainest way there is.
pub(super) struct Holdings<'a> {
    pub(super) engine: &'a ClickHouse,
    pub(super) database: &'a str,
}

impl Holdings<'_> {
    /// Compares every table of facts and of counters.
    pub(super) async fn compare(&self, reference: &Reference) -> Result<Compared> {
        let mut compared = Compared::default();
        let facts = Expected::of(reference);
        let tables = self.tables();
        let to = &mut compared;
        let by_match = |row: &MatchRow| row.match_id;
        to.table(facts.matches, tables.rows(ALL).await?, by_match);
        to.table(facts.sources, tables.rows(ALL).await?, rows::source_key);
        let by_match = |row: &MatchRankRow| row.match_id;
        to.table(facts.ranks, tables.rows(ALL).await?, by_match);
        to.table(facts.players, tables.rows(ALL).await?, rows::player_key);
        to.table(facts.accounts, tables.rows(ALL).await?, rows::account_key);
        to.table(Vec::new(), tables.rows(ALL).await?, rows::position_key);
        self.counters(reference, to).await?;
        Ok(compared)
    }

    fn tables(&self) -> Tables<'_> {
        Tables::Server {
            engine: self.engine,
            database: self.database,
        }
    }

    async fn counters(&self, reference: &Reference, to: &mut Compared) -> Result<()> {
        let (rules, patches) = (CountingRules::default(), Patches::built_in());
        let (mut heroes, mut pairs, mut notes) = (Vec::new(), Vec::new(), BTreeMap::new());
        for day in &reference.days {
            let counters = reference.count(*day, &rules, &patches);
            heroes.extend(rows::heroes(*day, &counters));
            pairs.extend(rows::pairs(*day, &counters));
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
        let tables = self.tables();
        to.table(heroes, tables.rows(ALL).await?, rows::hero_key);
        to.table(pairs, tables.rows(ALL).await?, rows::pair_key);
        let found = self.notes().await?;
        to.add("day_builds", &notes, &found);
        Ok(())
    }

    /// How each day was counted, as people are told.
    async fn notes(&self) -> Result<BTreeMap<u16, String>> {
        let statement = format!(
            "SELECT toUInt16(day) AS day, matches, counted, left_out FROM {}.day_builds FINAL",
            self.database
        );
        let mut notes = BTreeMap::new();
        for line in json_lines(self.engine, &statement).await?.lines() {
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
}
