//! How days were built.

use clickhouse::Row;
use domain::{Day, Timestamp};
use model_application::MatchSums;
use model_application::ports::{DayBuild, ReadError};
use serde::Deserialize;

use crate::ClickHouseReader;

/// A note that was written twice has two rows until they are merged.
const BUILDS: &str = "\
SELECT toUInt16(day) AS number, mark, toUnixTimestamp64Milli(built_at) AS built_ms, matches, counted, \
       arrayZip(mapKeys(left_out), mapValues(left_out)) AS reasons \
FROM day_builds FINAL WHERE toUInt16(day) BETWEEN ? AND ? ORDER BY number";

const NEWEST: &str = "\
SELECT max(toUInt16(day)), count() FROM day_builds FINAL WHERE counted > 0";

#[derive(Row, Deserialize)]
struct BuildRow {
    number: u16,
    mark: u64,
    built_ms: i64,
    matches: u64,
    counted: u64,
    reasons: Vec<(String, u64)>,
}

impl ClickHouseReader {
    pub(crate) async fn builds(&self, from: Day, to: Day) -> Result<Vec<DayBuild>, ReadError> {
        let limit = self.limits().answer;
        let asked = self
            .ask(BUILDS, limit)
            .bind(clamped(from))
            .bind(clamped(to));
        let rows = self.within(limit, asked.fetch_all::<BuildRow>()).await?;
        Ok(rows.into_iter().map(read_build).collect())
    }

    pub(crate) async fn newest(&self) -> Result<Option<Day>, ReadError> {
        let limit = self.limits().answer;
        let asked = self.ask(NEWEST, limit).fetch_one::<(u16, u64)>();
        let (newest, count) = self.within(limit, asked).await?;
        Ok((count > 0).then(|| day_of(newest)))
    }
}

fn read_build(row: BuildRow) -> DayBuild {
    DayBuild {
        day: day_of(row.number),
        build: row.mark,
        built_at: Timestamp::from_unix_ms(row.built_ms),
        sums: MatchSums {
            read: row.matches,
            used: row.counted,
            excluded: row.reasons.into_iter().collect(),
        },
    }
}

pub(crate) fn day_of(number: u16) -> Day {
    Day::from_days_since_epoch(number.into())
}

/// The nearest day that a column can hold.
pub(crate) fn clamped(day: Day) -> u16 {
    let days = day.days_since_epoch().clamp(0, u16::MAX.into());
    u16::try_from(days).expect("it is within the range")
}
