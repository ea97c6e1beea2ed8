//! Summing days.
//!
//! To sum over days the database would have to sort millions of rows. Within a day
//! they stand in the order of heroes already, so it hands out the counters of a
//! hero as lists of numbers, in a fifth of the time, and they are summed here.

use domain::{HeroId, Side, SkillBracket};
use futures_util::TryStreamExt;
use model_application::ports::{Cell, DayToRead, PatchCounts, ReadError};
use model_application::{DaySums, HeroSums, Met, Mode, Others, PairSums, Tally};
use sqlx::SqliteConnection;

use crate::SqliteReader;
use crate::error::nonsense;
use crate::reader::READ_TIMEOUT;
use crate::values::read_hero;

/// Of a hero on a day, for each of its counters: whether it is of the patch, the
/// mode and the bracket in one number, then the side, games and wins.
const HEROES: &str = "\
    SELECT hero, min(build), max(build), \
           group_concat((patch = $2) * 65536 + game_mode * 256 + bracket), \
           group_concat(side), group_concat(games), group_concat(wins) \
    FROM hero_days WHERE day = $1 GROUP BY hero";

/// Of how a hero met others on a day: the same, with the other one instead of the side.
const PAIRS: &str = "\
    SELECT relation, hero, min(build), max(build), \
           group_concat((patch = $2) * 65536 + game_mode * 256 + bracket), \
           group_concat(other), group_concat(games), group_concat(wins) \
    FROM pair_days WHERE day = $1 GROUP BY relation, hero";

type HeroRow = (u16, u64, u64, String, String, String, String);
type PairRow = (i8, u16, u64, u64, String, String, String, String);

/// Why a day was not summed.
enum Broken {
    /// Its rows are not all of the build that was asked for.
    Changed,
    Failed(sqlx::Error),
}

impl From<sqlx::Error> for Broken {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error)
    }
}

impl SqliteReader {
    pub(crate) async fn sum(
        &self,
        patch: &str,
        days: &[DayToRead],
    ) -> Result<PatchCounts, ReadError> {
        self.within(READ_TIMEOUT, async {
            let mut snapshot = self.snapshot().await?;
            let broken = |day: &DayToRead, broken: Broken| match broken {
                Broken::Changed => ReadError::DayChanged(day.day),
                Broken::Failed(error) => self.not_read(&error),
            };
            let mut heroes = HeroSums::default();
            let mut sums = vec![DaySums::default(); days.len()];
            for (day, sum) in days.iter().zip(&mut sums) {
                let added = add_heroes(&mut snapshot, patch, day, &mut heroes, sum).await;
                added.map_err(|why| broken(day, why))?;
            }
            let mut pairs = heroes.finish();
            for (day, sum) in days.iter().zip(&mut sums) {
                let added = add_pairs(&mut snapshot, patch, day, &mut pairs, sum).await;
                added.map_err(|why| broken(day, why))?;
                if !sum.are_of(day.counted) {
                    return Err(ReadError::DayChanged(day.day));
                }
            }
            let counts = pairs.finish(days);
            Ok(counts.expect("days whose sums are right have the right sum"))
        })
        .await
    }
}

async fn add_heroes(
    snapshot: &mut SqliteConnection,
    patch: &str,
    day: &DayToRead,
    sums: &mut HeroSums,
    sum: &mut DaySums,
) -> Result<(), Broken> {
    let mut rows = sqlx::query_as::<_, HeroRow>(HEROES)
        .bind(day.day.days_since_epoch())
        .bind(patch)
        .fetch(snapshot);
    while let Some((hero, oldest, newest, cells, sides, games, wins)) = rows.try_next().await? {
        is_of_build(day, oldest, newest)?;
        let hero = read_hero(hero)?;
        for each in rows_of(&cells, &sides, &games, &wins) {
            let [cell, side, games, wins] = each?;
            sum.heroes += games;
            match read_cell(day, cell)? {
                Ok(cell) => {
                    let side = if side == 1 { Side::Radiant } else { Side::Dire };
                    sums.add(cell, side, hero, Tally::weighted(games, wins, day.weight));
                }
                Err(others) => sums.add_others(others, games),
            }
        }
    }
    Ok(())
}

async fn add_pairs(
    snapshot: &mut SqliteConnection,
    patch: &str,
    day: &DayToRead,
    sums: &mut PairSums,
    sum: &mut DaySums,
) -> Result<(), Broken> {
    let mut rows = sqlx::query_as::<_, PairRow>(PAIRS)
        .bind(day.day.days_since_epoch())
        .bind(patch)
        .fetch(snapshot);
    while let Some(row) = rows.try_next().await? {
        let (relation, hero, oldest, newest, cells, others, games, wins) = row;
        is_of_build(day, oldest, newest)?;
        let hero = read_hero(hero)?;
        let is_against = relation == 1;
        for each in rows_of(&cells, &others, &games, &wins) {
            let [cell, other, games, wins] = each?;
            let (against, with) = if is_against { (games, 0) } else { (0, games) };
            sum.against += against;
            sum.with += with;
            let Ok(cell) = read_cell(day, cell)? else {
                sums.add_others(against, with);
                continue;
            };
            let other: HeroId = read_hero(other)?;
            let met = if is_against {
                Met::Against(hero, other)
            } else {
                Met::With(hero, other)
            };
            let tally = Tally::weighted(games, wins, day.weight);
            // A pair of heroes that have no games cannot be of the same build.
            sums.add(cell, met, tally).map_err(|_| Broken::Changed)?;
        }
    }
    Ok(())
}

fn is_of_build(day: &DayToRead, oldest: u64, newest: u64) -> Result<(), Broken> {
    if (oldest, newest) == (day.build, day.build) {
        Ok(())
    } else {
        Err(Broken::Changed)
    }
}

/// The cell of a number, or whose matches they are that no cell has.
fn read_cell(day: &DayToRead, number: u64) -> Result<Result<Cell, Others>, sqlx::Error> {
    let [_, is_of_patch, mode, bracket] = u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    let bracket = SkillBracket::try_new(bracket).map_err(nonsense)?;
    if is_of_patch == 0 {
        return Ok(Err(Others::Patches));
    }
    Ok(match Mode::of_game_mode(mode) {
        Some(mode) => Ok(Cell {
            part: day.part,
            mode,
            bracket,
        }),
        None => Err(Others::Modes(day.part, bracket)),
    })
}

/// Four lists, number by number.
fn rows_of<'a>(
    first: &'a str,
    second: &'a str,
    third: &'a str,
    fourth: &'a str,
) -> impl Iterator<Item = Result<[u64; 4], sqlx::Error>> + 'a {
    let mut others = [second, third, fourth].map(|list| list.split(','));
    first.split(',').map(move |number| {
        let mut row = [read(number)?; 4];
        for (place, list) in row[1..].iter_mut().zip(&mut others) {
            *place = read(list.next().unwrap_or_default())?;
        }
        Ok(row)
    })
}

fn read(number: &str) -> Result<u64, sqlx::Error> {
    let parsed = number.parse();
    parsed.map_err(|_| sqlx::Error::Decode(format!("{number:?} is no number of a counter").into()))
}
