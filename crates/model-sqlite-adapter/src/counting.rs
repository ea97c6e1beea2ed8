//! Summing days.
//!
//! To sum over days the database would have to sort millions of rows. Within a day
//! they stand in the order of heroes already, so it hands out the counters of a
//! hero as two lists of numbers, in a tenth of the time, and they are summed here.

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
/// mode, the bracket and the side in one number, games and wins in another.
const HEROES: &str = "\
    SELECT hero, min(build), max(build), \
           group_concat((((patch = $2) << 8 | game_mode) << 8 | bracket) << 16 | side), \
           group_concat(games << 32 | wins) \
    FROM hero_days WHERE day = $1 GROUP BY hero";

/// Of how a hero met others on a day: the same, with the other one instead of the side.
const PAIRS: &str = "\
    SELECT relation, hero, min(build), max(build), \
           group_concat((((patch = $2) << 8 | game_mode) << 8 | bracket) << 16 | other), \
           group_concat(games << 32 | wins) \
    FROM pair_days WHERE day = $1 GROUP BY relation, hero";

type HeroRow = (u16, u64, u64, String, String);
type PairRow = (i8, u16, u64, u64, String, String);

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
    while let Some((hero, oldest, newest, whose, games)) = rows.try_next().await? {
        is_of_build(day, oldest, newest)?;
        let hero = read_hero(hero)?;
        for each in rows_of(&whose, &games) {
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
        let (relation, hero, oldest, newest, whose, games) = row;
        is_of_build(day, oldest, newest)?;
        let hero = read_hero(hero)?;
        let is_against = relation == 1;
        for each in rows_of(&whose, &games) {
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

/// Whose they are, the other one, games and wins, counter by counter.
fn rows_of<'a>(
    whose: &'a str,
    games: &'a str,
) -> impl Iterator<Item = Result<[u64; 4], sqlx::Error>> + 'a {
    let mut games = games.split(',');
    whose.split(',').map(move |whose| {
        let whose = read(whose)?;
        let games = read(games.next().unwrap_or_default())?;
        let (cell, other) = (whose >> 16, whose & 0xffff);
        Ok([cell, other, games >> 32, games & 0xffff_ffff])
    })
}

fn read(number: &str) -> Result<u64, sqlx::Error> {
    let parsed = number.parse();
    parsed.map_err(|_| sqlx::Error::Decode(format!("{number:?} is no number of a counter").into()))
}
