//! A day counted again, by another rule-keeper than the engine, and as it is stored.

use std::sync::Arc;

use clickhouse::Row;
use clickhouse::error::{Error, Result};
use contracts::warehouse::{
    DayBuildRow, HeroDayRow, PairDayRow, PositionDayRow, Relation as RelationCode, SideCode,
};
use domain::{
    CountingRules, Day, HeroId, LeftOut, Match, MatchId, Patches, PlayerLine, Position, Side,
    SkillBracket, Slot, Team, Timestamp,
};
use etl_application::counters::{
    Cell, DayCounters, Games, HeroKey, PairKey, PositionKey, StoredDay,
};
use etl_application::ports::{DayBuild, Relation};
use etl_application::{PositionFact, Positions};
use serde::Deserialize;
use tokio::task::spawn_blocking;

use crate::ClickHouseWarehouse;
use crate::error::nonsense;
use crate::marks::day_of;
use crate::row::Of;
use crate::stage::{incomplete_of_day, matches_of_day, read_reason};

/// Matches counted at a time: enough to be fast, few enough for memory.
const PAGE_ROWS: usize = 4096;

#[derive(Row, Deserialize)]
struct JudgedRow {
    match_id: u64,
    start_time: u32,
    duration: u32,
    radiant_win: bool,
    lobby_type: u8,
    game_mode: u8,
    radiant: Vec<u16>,
    dire: Vec<u16>,
    avg_rank_tier: u8,
    worst: u8,
    places: Vec<(u8, u8, u8)>,
}

impl ClickHouseWarehouse {
    /// Counts a day from its facts, match by match: what the engine counted is
    /// not compared with itself.
    pub(crate) async fn count_again(
        &self,
        day: u16,
        rules: &CountingRules,
        patches: &Patches,
    ) -> Result<DayCounters> {
        let limit = self.build_timeout();
        let mut counters = DayCounters::default();
        let incomplete = format!("SELECT count() FROM {}", incomplete_of_day(day));
        let incomplete = self.limited(&incomplete, limit).fetch_one::<u64>();
        for _ in 0..self.within(limit, incomplete).await? {
            counters.leave_out(LeftOut::Incomplete);
        }
        let rows = format!(
            "SELECT m.match_id AS match_id, m.start_time AS start_time, m.duration AS duration, \
             m.radiant_win AS radiant_win, m.lobby_type AS lobby_type, m.game_mode AS game_mode, \
             m.radiant AS radiant, m.dire AS dire, r.avg_rank_tier AS avg_rank_tier, \
             p.worst AS worst, x.places AS places FROM {}",
            matches_of_day(day)
        );
        let (rules, patches) = (Arc::new(rules.clone()), Arc::new(patches.clone()));
        let counted = async {
            let mut rows = self.limited(&rows, limit).fetch::<JudgedRow>()?;
            let mut page = Vec::with_capacity(PAGE_ROWS);
            loop {
                let next = rows.next().await?;
                let is_last = next.is_none();
                page.extend(next);
                if is_last || page.len() == PAGE_ROWS {
                    let (rules, patches) = (Arc::clone(&rules), Arc::clone(&patches));
                    let full = std::mem::take(&mut page);
                    let counting = spawn_blocking(move || {
                        add_page(&mut counters, full, &rules, &patches).map(|()| counters)
                    });
                    counters = counting.await.map_err(nonsense)??;
                }
                if is_last {
                    return Ok(counters);
                }
            }
        };
        self.within(limit, counted).await
    }

    /// Reads all rows of a day.
    pub(crate) async fn stored_day(&self, day: u16) -> Result<StoredDay> {
        let limit = self.build_timeout();
        self.within(limit, async {
            let mut stored = StoredDay::default();
            let heroes = "SELECT ?fields FROM hero_days WHERE day = toDate(?)";
            let heroes = self.limited(heroes, limit).bind(day);
            let mut heroes = heroes.fetch::<Of<HeroDayRow>>()?;
            while let Some(Of(row)) = heroes.next().await? {
                stored.builds.insert(("hero_days", row.build));
                add_hero(&mut stored, &row)?;
            }
            let positions = "SELECT ?fields FROM position_days WHERE day = toDate(?)";
            let positions = self.limited(positions, limit).bind(day);
            let mut positions = positions.fetch::<Of<PositionDayRow>>()?;
            while let Some(Of(row)) = positions.next().await? {
                stored.builds.insert(("position_days", row.build));
                add_position(&mut stored, &row)?;
            }
            let pairs = "SELECT ?fields FROM pair_days WHERE day = toDate(?)";
            let pairs = self.limited(pairs, limit).bind(day);
            let mut pairs = pairs.fetch::<Of<PairDayRow>>()?;
            while let Some(Of(row)) = pairs.next().await? {
                stored.builds.insert(("pair_days", row.build));
                add_pair(&mut stored, &row)?;
            }
            let note = "SELECT ?fields FROM day_builds FINAL WHERE day = toDate(?)";
            let note = self.limited(note, limit).bind(day);
            let note = note.fetch_optional::<Of<DayBuildRow>>().await?;
            stored.noted = note.map(|Of(note)| noted(note)).transpose()?;
            Ok(stored)
        })
        .await
    }
}

fn add_page(
    counters: &mut DayCounters,
    page: Vec<JudgedRow>,
    rules: &CountingRules,
    patches: &Patches,
) -> Result<()> {
    let slot = Slot::try_new(0).map_err(nonsense)?;
    for row in page {
        let found = Match {
            id: read_match_id(row.match_id)?,
            start_time: Timestamp::from_unix_seconds(row.start_time.into()),
            duration_seconds: row.duration,
            radiant_win: row.radiant_win,
            lobby_type: row.lobby_type,
            game_mode: row.game_mode,
            radiant: read_slots(&row.radiant)?,
            dire: read_slots(&row.dire)?,
        };
        let bracket = SkillBracket::of_rank_tier(row.avg_rank_tier);
        let worst = PlayerLine {
            leaver_status: Some(row.worst),
            ..PlayerLine::new(slot)
        };
        let positions = read_places(row.places)?;
        let has_leaver = worst.is_leaver();
        counters.add(
            &found,
            bracket,
            has_leaver,
            positions.as_ref(),
            rules,
            patches,
        );
    }
    Ok(())
}

/// Where all ten players were, or nothing.
fn read_places(places: Vec<(u8, u8, u8)>) -> Result<Option<Positions>> {
    let facts = places.into_iter().map(|(slot, lane, position)| {
        Ok(PositionFact {
            slot: Slot::try_new(slot).map_err(nonsense)?,
            lane,
            position: Position::try_new(position).map_err(nonsense)?,
        })
    });
    let facts: Vec<_> = facts.collect::<Result<_>>()?;
    Ok(facts.try_into().ok())
}

fn add_position(stored: &mut StoredDay, row: &PositionDayRow) -> Result<()> {
    let key = PositionKey {
        hero: read_hero(row.hero)?,
        position: Position::try_new(row.position).map_err(nonsense)?,
        lane: row.lane,
        cell: cell(&row.patch, row.bracket, row.game_mode)?,
    };
    let sum = stored.positions.entry(key).or_default();
    add(sum, row.games, row.wins);
    Ok(())
}

fn add_hero(stored: &mut StoredDay, row: &HeroDayRow) -> Result<()> {
    let key = HeroKey {
        hero: read_hero(row.hero)?,
        side: match row.side {
            SideCode::Radiant => Side::Radiant,
            SideCode::Dire => Side::Dire,
        },
        cell: cell(&row.patch, row.bracket, row.game_mode)?,
    };
    add(stored.heroes.entry(key).or_default(), row.games, row.wins);
    Ok(())
}

fn add_pair(stored: &mut StoredDay, row: &PairDayRow) -> Result<()> {
    let key = PairKey {
        relation: read_relation(row.relation),
        hero: read_hero(row.hero)?,
        other: read_hero(row.other)?,
        cell: cell(&row.patch, row.bracket, row.game_mode)?,
    };
    add(stored.pairs.entry(key).or_default(), row.games, row.wins);
    Ok(())
}

/// Whatever stands there, to be compared.
fn add(sum: &mut Games, games: u32, wins: u32) {
    sum.games = sum.games.saturating_add(games);
    sum.wins = sum.wins.saturating_add(wins);
}

fn cell(patch: &str, bracket: u8, game_mode: u8) -> Result<Cell> {
    Ok(Cell {
        patch: patch.into(),
        bracket: SkillBracket::try_new(bracket).map_err(nonsense)?,
        game_mode,
    })
}

fn noted(row: DayBuildRow) -> Result<DayBuild> {
    let left_out = row.left_out.into_iter();
    let left_out = left_out.map(|(word, count)| Ok((read_reason(&word)?, count)));
    let day: Day = day_of(row.day);
    Ok(DayBuild {
        day,
        mark: row.mark,
        matches: row.matches,
        counted: row.counted,
        left_out: left_out.collect::<Result<_>>()?,
    })
}

pub(crate) fn read_relation(code: RelationCode) -> Relation {
    match code {
        RelationCode::Against => Relation::Against,
        RelationCode::With => Relation::With,
    }
}

pub(crate) fn read_hero(raw: u16) -> Result<HeroId> {
    HeroId::try_new(raw).map_err(nonsense)
}

pub(crate) fn read_match_id(raw: u64) -> Result<MatchId> {
    MatchId::try_new(raw.cast_signed()).map_err(nonsense)
}

pub(crate) fn read_slots(heroes: &[u16]) -> Result<[Option<HeroId>; Team::SLOTS]> {
    let heroes: [u16; Team::SLOTS] = heroes
        .try_into()
        .map_err(|_| Error::Other("a side has another number of slots than five".into()))?;
    Ok(heroes.map(|raw| HeroId::try_new(raw).ok()))
}
