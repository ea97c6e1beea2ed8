//! The counters of a day as they are stored.

use std::collections::BTreeMap;

use contracts::warehouse::{Relation as RelationCode, SideCode};
use domain::{Day, LeftOut, Position, Side, SkillBracket};
use etl_application::counters::{Cell, Games, HeroKey, PairKey, PositionKey, StoredDay};
use etl_application::ports::{DayBuild, Relation};
use futures_util::TryStreamExt;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use crate::error::nonsense;
use crate::values::read_hero;

pub(crate) fn relation_code(relation: Relation) -> i8 {
    match relation {
        Relation::Against => RelationCode::Against.code(),
        Relation::With => RelationCode::With.code(),
    }
}

pub(crate) fn read_relation(code: i8) -> Result<Relation, sqlx::Error> {
    match RelationCode::try_from(code).map_err(nonsense)? {
        RelationCode::Against => Ok(Relation::Against),
        RelationCode::With => Ok(Relation::With),
    }
}

/// Reads all rows of a day.
pub(crate) async fn stored_day(
    connection: &mut SqliteConnection,
    day: Day,
) -> Result<StoredDay, sqlx::Error> {
    let mut stored = StoredDay::default();
    let number = day.days_since_epoch();
    let mut rows = sqlx::query("SELECT * FROM hero_days WHERE day = $1")
        .bind(number)
        .fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        let side = match SideCode::try_from(row.try_get::<i8, _>("side")?).map_err(nonsense)? {
            SideCode::Radiant => Side::Radiant,
            SideCode::Dire => Side::Dire,
        };
        let key = HeroKey {
            hero: read_hero(row.try_get("hero")?)?,
            side,
            cell: cell(&row)?,
        };
        add(stored.heroes.entry(key).or_default(), &row)?;
        stored.builds.insert(("hero_days", row.try_get("build")?));
    }
    drop(rows);
    let mut rows = sqlx::query("SELECT * FROM position_days WHERE day = $1")
        .bind(number)
        .fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        let position = Position::try_new(row.try_get("position")?).map_err(nonsense)?;
        let key = PositionKey {
            hero: read_hero(row.try_get("hero")?)?,
            position,
            lane: row.try_get("lane")?,
            cell: cell(&row)?,
        };
        add(stored.positions.entry(key).or_default(), &row)?;
        let build = row.try_get("build")?;
        stored.builds.insert(("position_days", build));
    }
    drop(rows);
    let mut rows = sqlx::query("SELECT * FROM pair_days WHERE day = $1")
        .bind(number)
        .fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        let key = PairKey {
            relation: read_relation(row.try_get("relation")?)?,
            hero: read_hero(row.try_get("hero")?)?,
            other: read_hero(row.try_get("other")?)?,
            cell: cell(&row)?,
        };
        add(stored.pairs.entry(key).or_default(), &row)?;
        stored.builds.insert(("pair_days", row.try_get("build")?));
    }
    drop(rows);
    stored.noted = note_of(connection, day).await?;
    Ok(stored)
}

fn cell(row: &SqliteRow) -> Result<Cell, sqlx::Error> {
    Ok(Cell {
        patch: row.try_get::<&str, _>("patch")?.into(),
        bracket: SkillBracket::try_new(row.try_get("bracket")?).map_err(nonsense)?,
        game_mode: row.try_get("game_mode")?,
    })
}

fn add(sum: &mut Games, row: &SqliteRow) -> Result<(), sqlx::Error> {
    sum.games += row.try_get::<u32, _>("games")?;
    sum.wins += row.try_get::<u32, _>("wins")?;
    Ok(())
}

async fn note_of(
    connection: &mut SqliteConnection,
    day: Day,
) -> Result<Option<DayBuild>, sqlx::Error> {
    let note = "SELECT mark, matches, counted, left_out FROM day_builds WHERE day = $1";
    let note: Option<(u64, u64, u64, String)> = sqlx::query_as(note)
        .bind(day.days_since_epoch())
        .fetch_optional(connection)
        .await?;
    let note = note.map(|(mark, matches, counted, left_out)| {
        let left_out = read_left_out(&left_out)?;
        Ok(noted(day, mark, matches, counted, left_out))
    });
    note.transpose()
}

pub(crate) fn noted(
    day: Day,
    mark: u64,
    matches: u64,
    counted: u64,
    left_out: BTreeMap<LeftOut, u64>,
) -> DayBuild {
    DayBuild {
        day,
        mark,
        matches,
        counted,
        left_out,
    }
}

pub(crate) fn left_out_json(left_out: &BTreeMap<LeftOut, u64>) -> String {
    let words: BTreeMap<_, _> = left_out.iter().map(|(why, n)| (why.as_str(), n)).collect();
    serde_json::to_string(&words).expect("words and numbers are JSON")
}

pub(crate) fn read_left_out(json: &str) -> Result<BTreeMap<LeftOut, u64>, sqlx::Error> {
    let words: BTreeMap<String, u64> = serde_json::from_str(json).map_err(nonsense)?;
    let reasons = words.into_iter().map(|(word, count)| {
        let reason = LeftOut::ALL.into_iter().find(|one| one.as_str() == word);
        let unknown = || sqlx::Error::Decode(format!("{word:?} is no reason").into());
        Ok((reason.ok_or_else(unknown)?, count))
    });
    reasons.collect()
}
