//! Building days.

use std::sync::LazyLock;

use async_trait::async_trait;
use contracts::warehouse::{HeroDayRow, PairDayRow, PositionDayRow, SideCode};
use domain::{CountingRules, Day, Patches, Timestamp};
use etl_application::counters::{Cell, DayCounters, DaySums, Games};
use etl_application::ports::{
    BuildError, CounterStore, DayBuild, DayState, Difference, DirtyDay, Relation, WarehouseError,
};
use sqlx::SqliteConnection;

use crate::SqliteWarehouse;
use crate::counting::count;
use crate::statement::{Insert, Rows, Values};
use crate::stored_rows::{left_out_json, noted, read_left_out, relation_code, stored_day};
use crate::values::{NANOSECONDS_PER_MS, seconds_of};

static HERO_DAYS: LazyLock<Insert> = LazyLock::new(Insert::plain::<HeroDayRow>);
static POSITION_DAYS: LazyLock<Insert> = LazyLock::new(Insert::plain::<PositionDayRow>);
static PAIR_DAYS: LazyLock<Insert> = LazyLock::new(Insert::plain::<PairDayRow>);

/// All rows of a day have one `build`, so one of them tells; a table in which
/// the day has none is as old as the note.
const DIRTY_DAYS: &str = "\
    SELECT day, mark, build FROM ( \
        SELECT d.day, d.mark, \
               min(b.mark, \
                   coalesce((SELECT h.build FROM hero_days AS h WHERE h.day = d.day LIMIT 1), b.mark), \
                   coalesce((SELECT o.build FROM position_days AS o WHERE o.day = d.day LIMIT 1), b.mark), \
                   coalesce((SELECT p.build FROM pair_days AS p WHERE p.day = d.day LIMIT 1), b.mark)) \
               AS build \
        FROM dirty_days AS d LEFT JOIN day_builds AS b ON b.day = d.day) \
    WHERE build IS NULL OR build < mark ORDER BY day LIMIT $1";

/// From one day with facts to the next, by their indexes: as quick for a table
/// of years as for one of days.
const DAYS: &str = "\
    WITH RECURSIVE days (day) AS ( \
        SELECT (SELECT min(started) FROM ( \
            SELECT min(start_time) AS started FROM matches WHERE start_time >= $1 \
            UNION ALL SELECT min(start_time) FROM match_sources WHERE start_time >= $1)) / 86400 \
        UNION ALL \
        SELECT (SELECT min(started) FROM ( \
            SELECT min(start_time) AS started FROM matches \
            WHERE start_time >= (days.day + 1) * 86400 \
            UNION ALL SELECT min(start_time) FROM match_sources \
            WHERE start_time >= (days.day + 1) * 86400)) / 86400 \
        FROM days WHERE days.day < $2 LIMIT $3) \
    SELECT days.day, d.mark, b.mark, b.built_at, b.matches, b.counted, b.left_out FROM days \
    LEFT JOIN dirty_days AS d ON d.day = days.day LEFT JOIN day_builds AS b ON b.day = days.day \
    WHERE days.day <= $2 ORDER BY days.day";

/// More days than matches have been played on.
const DAYS_MAX: i64 = 10_000;

type DayRow = (
    i32,
    Option<i64>,
    Option<u64>,
    Option<i64>,
    Option<u64>,
    Option<u64>,
    Option<String>,
);

#[async_trait]
impl CounterStore for SqliteWarehouse {
    async fn dirty_days(&self, count_max: usize) -> Result<Vec<DirtyDay>, WarehouseError> {
        let rows: Result<Vec<(i32, u64, Option<u64>)>, _> = sqlx::query_as(DIRTY_DAYS)
            .bind(i64::try_from(count_max).unwrap_or(i64::MAX))
            .fetch_all(self.readers())
            .await;
        let rows = rows.map_err(|error| self.not_read(&error))?.into_iter();
        let days = rows.map(|(day, mark, build)| DirtyDay {
            day: Day::from_days_since_epoch(day),
            mark,
            build,
        });
        Ok(days.collect())
    }

    async fn build_day(
        &self,
        day: Day,
        rules: &CountingRules,
        patches: &Patches,
    ) -> Result<DayBuild, BuildError> {
        let failed = |error| BuildError::Unavailable(self.not_read(&error));
        let counted = self.count_marked(day, rules, patches).await;
        let (counters, build) = counted.map_err(failed)?;
        let differences = self.swap_in(&counters, &build).await.map_err(failed)?;
        if differences.is_empty() {
            Ok(build)
        } else {
            Err(BuildError::DoesNotAddUp(differences))
        }
    }

    async fn verify_day(
        &self,
        day: Day,
        rules: &CountingRules,
        patches: &Patches,
    ) -> Result<Vec<Difference>, WarehouseError> {
        let compared = async {
            let mut snapshot = self.snapshot().await?;
            let counters = count(&mut snapshot, day, rules, patches).await?;
            let stored = stored_day(&mut snapshot, day).await?;
            Ok(stored.differences(day, &counters))
        };
        compared.await.map_err(|error| self.not_read(&error))
    }

    async fn days(&self, from: Day, to: Day) -> Result<Vec<DayState>, WarehouseError> {
        let read = async {
            let rows: Vec<DayRow> = sqlx::query_as(DAYS)
                .bind(seconds_of(from).start)
                .bind(to.days_since_epoch())
                .bind(DAYS_MAX)
                .fetch_all(self.readers())
                .await?;
            rows.into_iter()
                .map(day_state)
                .collect::<Result<Vec<_>, _>>()
        };
        read.await.map_err(|error| self.not_read(&error))
    }
}

impl SqliteWarehouse {
    /// Counts a day, with the mark that it had at the moment of which its facts are.
    async fn count_marked(
        &self,
        day: Day,
        rules: &CountingRules,
        patches: &Patches,
    ) -> Result<(DayCounters, DayBuild), sqlx::Error> {
        let mut snapshot = self.snapshot().await?;
        let mark = "SELECT mark FROM dirty_days WHERE day = $1";
        let mark: Option<u64> = sqlx::query_scalar(mark)
            .bind(day.days_since_epoch())
            .fetch_optional(&mut *snapshot)
            .await?;
        let counters = count(&mut snapshot, day, rules, patches).await?;
        let build = counters.build(day, mark.unwrap_or(0));
        Ok((counters, build))
    }

    /// Replaces the day's rows, all of them at once, unless the new ones do not
    /// add up; gives what does not.
    async fn swap_in(
        &self,
        counters: &DayCounters,
        build: &DayBuild,
    ) -> Result<Vec<Difference>, sqlx::Error> {
        let mut change = self.change().await?;
        let day = build.day.days_since_epoch();
        for delete in [
            "DELETE FROM hero_days WHERE day = $1",
            "DELETE FROM pair_days WHERE day = $1",
            "DELETE FROM position_days WHERE day = $1",
        ] {
            sqlx::query(delete).bind(day).execute(&mut *change).await?;
        }
        write(&mut change, counters, build).await?;
        let differences = sums(&mut change, build.day).await?.differences(build);
        if !differences.is_empty() {
            change.rollback().await?;
            return Ok(differences);
        }
        sqlx::query("REPLACE INTO day_builds VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(day)
            .bind(stored(build.mark))
            .bind(self.clock().now().as_unix_ms())
            .bind(stored(build.matches))
            .bind(stored(build.counted))
            .bind(left_out_json(&build.left_out))
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(differences)
    }
}

/// Marks and counts were read from the same tables, or count their rows.
fn stored(number: u64) -> i64 {
    i64::try_from(number).expect("it was a number of the tables")
}

async fn write(
    connection: &mut SqliteConnection,
    counters: &DayCounters,
    build: &DayBuild,
) -> Result<(), sqlx::Error> {
    let day = build.day.days_since_epoch();
    let mark = stored(build.mark);
    let mut rows = Rows::into(&HERO_DAYS);
    for (key, games) in counters.heroes() {
        let fill = |row: &mut Values| {
            put_cell(row, day, &key.cell);
            row.put(SideCode::from(key.side).code()).put(key.hero.get());
            put_games(row, games, mark);
        };
        rows.add(connection, fill).await?;
    }
    rows.finish(connection).await?;
    let mut rows = Rows::into(&POSITION_DAYS);
    for (key, games) in counters.positions() {
        let fill = |row: &mut Values| {
            put_cell(row, day, &key.cell);
            row.put(key.hero.get())
                .put(key.lane)
                .put(key.position.get());
            put_games(row, games, mark);
        };
        rows.add(connection, fill).await?;
    }
    rows.finish(connection).await?;
    let mut rows = Rows::into(&PAIR_DAYS);
    for (key, games) in counters.pairs() {
        let fill = |row: &mut Values| {
            put_cell(row, day, &key.cell);
            row.put(relation_code(key.relation))
                .put(key.hero.get())
                .put(key.other.get());
            put_games(row, games, mark);
        };
        rows.add(connection, fill).await?;
    }
    rows.finish(connection).await
}

fn put_cell(row: &mut Values, day: i32, cell: &Cell) {
    row.put(day)
        .put(&*cell.patch)
        .put(cell.bracket.get())
        .put(cell.game_mode);
}

fn put_games(row: &mut Values, games: Games, mark: i64) {
    row.put(games.games).put(games.wins).put(mark);
}

/// Of the rows as they are in the tables.
async fn sums(connection: &mut SqliteConnection, day: Day) -> Result<DaySums, sqlx::Error> {
    let day = day.days_since_epoch();
    let heroes = "SELECT coalesce(sum(games), 0) FROM hero_days WHERE day = $1";
    let heroes: u64 = sqlx::query_scalar(heroes)
        .bind(day)
        .fetch_one(&mut *connection)
        .await?;
    let mut pairs = [0; 2];
    for (sum, relation) in pairs.iter_mut().zip([Relation::Against, Relation::With]) {
        let games =
            "SELECT coalesce(sum(games), 0) FROM pair_days WHERE day = $1 AND relation = $2";
        *sum = sqlx::query_scalar(games)
            .bind(day)
            .bind(relation_code(relation))
            .fetch_one(&mut *connection)
            .await?;
    }
    let [against, with] = pairs;
    Ok(DaySums {
        heroes,
        against,
        with,
    })
}

fn day_state(row: DayRow) -> Result<DayState, sqlx::Error> {
    let (day, dirty, mark, built_at, matches, counted, left_out) = row;
    let day = Day::from_days_since_epoch(day);
    let build = match (mark, matches, counted, left_out) {
        (Some(mark), Some(matches), Some(counted), Some(left_out)) => {
            let left_out = read_left_out(&left_out)?;
            Some(noted(day, mark, matches, counted, left_out))
        }
        _ => None,
    };
    let is_behind = |marked: &i64| {
        build
            .as_ref()
            .is_none_or(|build| stored(build.mark) < *marked)
    };
    let dirty_since = dirty.filter(is_behind);
    Ok(DayState {
        build,
        built_at: built_at.map(Timestamp::from_unix_ms),
        day,
        dirty_since: dirty_since.map(|mark| Timestamp::from_unix_ms(mark / NANOSECONDS_PER_MS)),
    })
}
