//! What the simulator knows of the matches of a day, table by table, beside what is held.
//!
//! Of every row each field is compared but two, which follow from when the service was told:
//! who said so last where both did, and the version. These have to agree with each other: a
//! version is of a time of the run, a match stands as the later of its answers says it, and
//! ranks and players as the source that knows them.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    num::NonZeroU32,
    ops::Range,
};

use anyhow::Result;
use contracts::warehouse::{
    MatchPositionRow, MatchRankRow, MatchRow, MatchSourceRow, PositionDayRow,
};
use domain::{Day, MatchId, Timestamp};
use etl_application::Answer;
use feed_simulator::{
    World,
    summaries::{DayCounts, Knowledge},
};
use health_kit::{Clock as _, SystemClock};

use super::{counted::Counted, upstreams::Upstreams};
use crate::{
    compared::Compared,
    rows::{self, Expected},
    tables::Tables,
};

pub(super) const PAGES: &str = "opendota_pages";
pub(super) const STEAM: &str = "steam_sequence";

/// Matches that are compared at a time: some hundred thousand rows.
const MATCHES_AT_A_TIME: i64 = 10_000;

pub(super) struct Truth {
    world: World,
    ids: Range<i64>,
    /// What pages have shown.
    pub(super) pages: HashSet<MatchId>,
    /// What the sequence has shown.
    pub(super) steam: HashSet<MatchId>,
}

/// When each source was heard of a match, for the last time.
type Versions = HashMap<(u64, String), u64>;

impl Truth {
    /// When the day is over.
    pub(super) fn of(upstreams: &Upstreams, matches: NonZeroU32) -> Self {
        let world = upstreams.world.clone();
        let begin = world.begin();
        let first = world.first_id_at(begin).get();
        Self {
            ids: first..first + i64::from(matches.get()),
            pages: upstreams.exposed_on_pages().into_iter().collect(),
            steam: upstreams.exposed_in_sequence().into_iter().collect(),
            world,
        }
    }

    /// How many matches anybody has shown.
    pub(super) fn shown_count(&self) -> usize {
        self.pages.union(&self.steam).count()
    }

    /// How many matches of each day are counted, and why the others are not.
    pub(super) fn days(&self) -> BTreeMap<Day, DayCounts> {
        let mut counted = Counted::new();
        for id in self.ids.clone() {
            self.count(id, &mut counted);
        }
        counted.into_days()
    }

    /// Compares every table of facts and of counters.
    pub(super) async fn compare(&self, tables: &Tables<'_>) -> Result<Compared> {
        let mut compared = Compared::default();
        let mut counted = Counted::new();
        let mut begin = self.ids.start;
        while begin < self.ids.end {
            let end = self.ids.end.min(begin + MATCHES_AT_A_TIME);
            // Together they are all there are.
            let below = if begin == self.ids.start { 0 } else { begin };
            let above = if end == self.ids.end { i64::MAX } else { end };
            let part = format!("match_id >= {below} AND match_id < {above}");
            self.compare_part(tables, begin..end, &part, &mut compared)
                .await?;
            for id in begin..end {
                self.count(id, &mut counted);
            }
            begin = end;
        }
        let to = &mut compared;
        to.table(counted.heroes(), tables.rows("true").await?, rows::hero_key);
        to.table(counted.pairs(), tables.rows("true").await?, rows::pair_key);
        // Nobody has read a replay.
        let position = |row: &PositionDayRow| (row.day, row.hero, row.lane, row.position);
        to.table(Vec::new(), tables.rows("true").await?, position);
        let position = |row: &MatchPositionRow| (row.match_id, row.slot);
        to.table(Vec::new(), tables.rows("true").await?, position);
        Ok(compared)
    }

    fn count(&self, id: i64, counted: &mut Counted) {
        let id = match_id(id);
        let (on_pages, in_sequence) = (self.pages.contains(&id), self.steam.contains(&id));
        if on_pages || in_sequence {
            counted.add(&self.world.at(id), on_pages, in_sequence);
        }
    }

    async fn compare_part(
        &self,
        tables: &Tables<'_>,
        ids: Range<i64>,
        part: &str,
        to: &mut Compared,
    ) -> Result<()> {
        let sources: Vec<MatchSourceRow> = tables.rows(part).await?;
        let versions = self.versions(&sources, to);
        let expected = self.expected(ids, &versions);
        let by_match = |row: &MatchRow| row.match_id;
        to.table(expected.matches, tables.rows(part).await?, by_match);
        to.table(expected.sources, sources, rows::source_key);
        let by_match = |row: &MatchRankRow| row.match_id;
        to.table(expected.ranks, tables.rows(part).await?, by_match);
        to.table(expected.players, tables.rows(part).await?, rows::player_key);
        to.table(
            expected.accounts,
            tables.rows(part).await?,
            rows::account_key,
        );
        Ok(())
    }

    /// The versions that were found, each of a time of the run.
    fn versions(&self, found: &[MatchSourceRow], to: &mut Compared) -> Versions {
        let told_within = self.world.begin()..=SystemClock.now();
        for row in found {
            let told_ms = i64::try_from(row.version >> 16).unwrap_or(i64::MAX);
            let told = Timestamp::from_unix_ms(told_ms);
            if !told_within.contains(&told) {
                to.differ("match_sources", 1, || {
                    format!(
                        "{:?}: told at {told:?}, not within {told_within:?}",
                        rows::source_key(row),
                    )
                });
            }
        }
        let versions = found.iter();
        versions
            .map(|row| (rows::source_key(row), row.version))
            .collect()
    }

    /// The rows that there must be of these matches.
    fn expected(&self, ids: Range<i64>, versions: &Versions) -> Expected {
        let mut expected = Expected::default();
        for id in ids.map(match_id) {
            let found = self.world.at(id);
            let said = |source: &str, knowledge: Knowledge| Answer {
                summary: knowledge.summary(&self.world, &found),
                source: source.into(),
                version: versions
                    .get(&(id.get().unsigned_abs(), source.to_owned()))
                    .copied()
                    .unwrap_or_default(),
            };
            let on_pages = self.pages.contains(&id);
            let on_pages = on_pages.then(|| said(PAGES, Knowledge::Pages));
            let in_sequence = self.steam.contains(&id);
            let in_sequence = in_sequence.then(|| said(STEAM, Knowledge::Sequence));
            let both = || on_pages.iter().chain(&in_sequence);
            expected.sources.extend(both().map(rows::source));
            let last = both().max_by_key(|answer| answer.version);
            expected.matches.extend(last.map(rows::core));
            if let Some(answer) = &on_pages
                && found.avg_rank_tier.is_some()
            {
                expected.ranks.push(rows::rank(answer));
            }
            // All ten lines or none: one without a hero is no line.
            if let Some(answer) = &in_sequence
                && found.played.heroes().count() == 10
            {
                let lines = answer.summary.players.iter();
                for line in lines {
                    expected.players.push(rows::player(answer, line));
                    let account = line.account_id;
                    let row = account.map(|account| rows::of_account(account, answer));
                    expected.accounts.extend(row);
                }
            }
        }
        expected
    }
}

fn match_id(id: i64) -> MatchId {
    MatchId::try_new(id).expect("matches of the world have positive ids")
}
