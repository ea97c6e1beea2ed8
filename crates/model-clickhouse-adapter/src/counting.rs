//! Summing days.

use std::collections::BTreeMap;

use clickhouse::{Row, error::Result as ClientResult};
use domain::{HeroId, Side, SkillBracket};
use model_application::ports::{Cell, DayToRead, Part, PatchCounts, ReadError};
use model_application::{DaySums, HeroSums, Met, Mode, Others, PairSums, Tally};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::ClickHouseReader;
use crate::builds::clamped;
use crate::error::nonsense;

/// Whose matches a row is of, in place of the mode.
const OTHER_PATCH: u8 = 0;
const OTHER_MODE: u8 = 1;
const OTHER_BUILD: u8 = u8::MAX;
/// The part of days that are held out.
const HELD_OUT: u8 = 1;

/// By side and hero; others by mode and bracket alone.
const HEROES: &str = "\
SELECT part, mode, if(is_other, if(mode = 1, known, 0), known) AS bracket, \
       if(is_other, 0, side) AS one, if(is_other, 0, hero) AS other, toInt8(0) AS relation, $sums \
FROM (SELECT $cell, toUInt16(toInt8(t.side)) AS side, t.hero AS hero, \
             toUInt64(t.games) AS games, toUInt64(t.wins) AS wins \
      FROM hero_days AS t WHERE t.day IN ($days)) \
GROUP BY part, mode, bracket, one, other";

/// Each pair once, from the hero with the lower id; others by relation alone.
const PAIRS: &str = "\
SELECT part, mode, if(is_other, 0, known) AS bracket, if(is_other, 0, low) AS one, \
       if(is_other, 0, high) AS other, relation, $sums \
FROM (SELECT $cell, toInt8(t.relation) AS relation, least(t.hero, t.other) AS low, \
             greatest(t.hero, t.other) AS high, toUInt64(t.games) AS games, \
             toUInt64(if(t.relation = 'against' AND t.hero > t.other, t.games - t.wins, t.wins)) AS wins \
      FROM pair_days AS t WHERE t.day IN ($days)) \
GROUP BY part, mode, bracket, one, other, relation";

const SUMS: &str = "\
sum(games) AS all_games, sum(wins) AS all_wins, sum(games * weight) AS weighted_games, \
sum(wins * weight) AS weighted_wins, sum(games * weight * weight) AS squared_weights";

/// Of each day, whatever its build: where a day is another one, which one it is.
const HERO_DAYS: &str = "\
SELECT toUInt16(day) AS number, min(build) AS oldest, max(build) AS newest, \
       toUInt64(sum(games)) AS first, toUInt64(0) AS second \
FROM hero_days WHERE day IN ($days) GROUP BY number";
const PAIR_DAYS: &str = "\
SELECT toUInt16(day) AS number, min(build) AS oldest, max(build) AS newest, \
       toUInt64(sumIf(games, relation = 'against')) AS first, \
       toUInt64(sumIf(games, relation = 'with')) AS second \
FROM pair_days WHERE day IN ($days) GROUP BY number";

/// Of a pair of heroes, or of a side and a hero.
#[derive(Row, Deserialize)]
struct SumRow {
    part: u8,
    mode: u8,
    bracket: u8,
    one: u16,
    other: u16,
    relation: i8,
    all_games: u64,
    all_wins: u64,
    weighted_games: u64,
    weighted_wins: u64,
    squared_weights: u64,
}

#[derive(Row, Deserialize)]
struct DayRow {
    number: u16,
    oldest: u64,
    newest: u64,
    first: u64,
    second: u64,
}

impl ClickHouseReader {
    pub(crate) async fn sum(
        &self,
        patch: &str,
        days: &[DayToRead],
    ) -> Result<PatchCounts, ReadError> {
        if days.is_empty() {
            let nothing = HeroSums::default().finish().finish(days);
            return Ok(nothing.expect("nothing is the sum of no day"));
        }
        let mut is_as_asked = true;
        let mut heroes = HeroSums::default();
        let mut add = |row: SumRow| {
            is_as_asked &= row.mode != OTHER_BUILD;
            add_hero(&mut heroes, &row)
        };
        self.each_sum(HEROES, patch, days, &mut add).await?;
        let mut pairs = heroes.finish();
        let mut add = |row: SumRow| {
            // A pair of heroes that have no games cannot be of the same build.
            is_as_asked &= row.mode != OTHER_BUILD && add_pair(&mut pairs, &row)?;
            Ok(())
        };
        self.each_sum(PAIRS, patch, days, &mut add).await?;
        match pairs.finish(days).filter(|_| is_as_asked) {
            Some(counts) => Ok(counts),
            None => Err(self.what_changed(days).await?),
        }
    }

    async fn each_sum(
        &self,
        statement: &str,
        patch: &str,
        days: &[DayToRead],
        each: &mut (dyn FnMut(SumRow) -> ClientResult<()> + Send),
    ) -> Result<(), ReadError> {
        let limit = self.limits().read;
        let statement = statement
            .replace("$sums", SUMS)
            .replace("$cell", &cell(days))
            .replace("$days", &names(days));
        let asked = self.ask(&statement, limit).bind(patch);
        let read = async {
            let mut rows = asked.fetch::<SumRow>()?;
            while let Some(row) = rows.next().await? {
                each(row)?;
            }
            Ok(())
        };
        self.within(limit, read).await
    }

    /// The first day whose rows are not those of its build.
    async fn what_changed(&self, days: &[DayToRead]) -> Result<ReadError, ReadError> {
        let heroes = self.by_day(HERO_DAYS, days).await?;
        let pairs = self.by_day(PAIR_DAYS, days).await?;
        let is_as_asked = |day: &&DayToRead| {
            let number = clamped(day.day);
            let (heroes, pairs) = (heroes.get(&number), pairs.get(&number));
            let rows = heroes.into_iter().chain(pairs);
            let mut builds = rows.flat_map(|row| [row.oldest, row.newest]);
            let sums = DaySums {
                heroes: heroes.map_or(0, |row| row.first),
                against: pairs.map_or(0, |row| row.first),
                with: pairs.map_or(0, |row| row.second),
            };
            builds.all(|build| build == day.build) && sums.are_of(day.counted)
        };
        let changed = days.iter().find(|day| !is_as_asked(day));
        Ok(changed.map_or_else(
            || ReadError::Unavailable {
                detail: format!(
                    "database {}: counters were swapped while they were read",
                    self.database()
                ),
                cause: "changed",
            },
            |day| ReadError::DayChanged(day.day),
        ))
    }

    async fn by_day(
        &self,
        statement: &str,
        days: &[DayToRead],
    ) -> Result<BTreeMap<u16, DayRow>, ReadError> {
        let limit = self.limits().read;
        let asked = self.ask(&statement.replace("$days", &names(days)), limit);
        let rows = self.within(limit, fetch_all::<DayRow>(asked)).await?;
        Ok(rows.into_iter().map(|row| (row.number, row)).collect())
    }
}

async fn fetch_all<R>(asked: clickhouse::query::Query) -> ClientResult<Vec<R>>
where
    R: clickhouse::RowOwned + DeserializeOwned + 'static,
{
    asked.fetch_all::<R>().await
}

/// Part, mode, bracket and weight of a row of `t`; the patch is a parameter.
fn cell(days: &[DayToRead]) -> String {
    let parts = list(days, |day| u64::from(day.part == Part::HeldOut));
    let weights = list(days, |day| day.weight.parts());
    let numbers = list(days, |day| clamped(day.day).into());
    let builds = list(days, |day| day.build);
    format!(
        "toUInt8(transform(toUInt16(t.day), {numbers}, {parts}, 0)) AS part, \
         toUInt64(transform(toUInt16(t.day), {numbers}, {weights}, 0)) AS weight, \
         toUInt8(multiIf(t.build != transform(toUInt16(t.day), {numbers}, \
             CAST({builds} AS Array(UInt64)), toUInt64(0)), {OTHER_BUILD}, \
             t.patch != ?, {OTHER_PATCH}, t.game_mode IN (22, 23), t.game_mode, {OTHER_MODE})) AS mode, \
         mode NOT IN (22, 23) AS is_other, t.bracket AS known"
    )
}

fn list(days: &[DayToRead], of: impl Fn(&DayToRead) -> u64) -> String {
    let numbers: Vec<_> = days.iter().map(|day| of(day).to_string()).collect();
    format!("[{}]", numbers.join(","))
}

/// As dates: so the server opens the parts of these days alone.
fn names(days: &[DayToRead]) -> String {
    let names: Vec<_> = days.iter().map(|day| format!("'{}'", day.day)).collect();
    names.join(",")
}

impl SumRow {
    fn part(&self) -> Part {
        if self.part == HELD_OUT {
            Part::HeldOut
        } else {
            Part::Fit
        }
    }

    fn cell(&self) -> ClientResult<Result<Cell, Others>> {
        let bracket = SkillBracket::try_new(self.bracket).map_err(nonsense)?;
        if self.mode == OTHER_PATCH {
            return Ok(Err(Others::Patches));
        }
        Ok(match Mode::of_game_mode(self.mode) {
            Some(mode) => Ok(Cell {
                part: self.part(),
                mode,
                bracket,
            }),
            None => Err(Others::Modes(self.part(), bracket)),
        })
    }

    fn tally(&self) -> Tally {
        Tally {
            games: self.all_games,
            wins: self.all_wins,
            weighted_games: self.weighted_games,
            weighted_wins: self.weighted_wins,
            squared_weights: self.squared_weights,
        }
    }
}

fn add_hero(sums: &mut HeroSums, row: &SumRow) -> ClientResult<()> {
    match row.cell()? {
        Ok(cell) => {
            let side = if row.one == 1 {
                Side::Radiant
            } else {
                Side::Dire
            };
            let hero = HeroId::try_new(row.other).map_err(nonsense)?;
            sums.add(cell, side, hero, row.tally());
        }
        Err(others) => sums.add_others(others, row.all_games),
    }
    Ok(())
}

/// Whether its heroes have games.
fn add_pair(sums: &mut PairSums, row: &SumRow) -> ClientResult<bool> {
    let is_against = row.relation == 1;
    let Ok(cell) = row.cell()? else {
        let games = row.all_games;
        let (against, with) = if is_against { (games, 0) } else { (0, games) };
        sums.add_others(against, with);
        return Ok(true);
    };
    let hero = HeroId::try_new(row.one).map_err(nonsense)?;
    let other = HeroId::try_new(row.other).map_err(nonsense)?;
    let met = if is_against {
        Met::Against(hero, other)
    } else {
        Met::With(hero, other)
    };
    Ok(sums.add(cell, met, row.tally()).is_ok())
}
