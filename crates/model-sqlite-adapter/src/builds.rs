//! How days were built.

use std::collections::BTreeMap;

use domain::{Day, Timestamp};
use model_application::MatchSums;
use model_application::ports::{DayBuild, ReadError};
use sqlx::SqliteConnection;

use crate::SqliteReader;
use crate::error::nonsense;
use crate::reader::ANSWER_TIMEOUT;

const BUILDS: &str = "\
    SELECT day, mark, built_at, matches, counted, left_out FROM day_builds \
    WHERE day BETWEEN $1 AND $2 ORDER BY day";

const NEWEST: &str = "SELECT max(day) FROM day_builds WHERE counted > 0";

type BuildRow = (i32, u64, i64, u64, u64, String);

impl SqliteReader {
    pub(crate) async fn builds(&self, from: Day, to: Day) -> Result<Vec<DayBuild>, ReadError> {
        self.within(ANSWER_TIMEOUT, async {
            let mut snapshot = self.snapshot().await?;
            let rows: Result<Vec<BuildRow>, _> = sqlx::query_as(BUILDS)
                .bind(from.days_since_epoch())
                .bind(to.days_since_epoch())
                .fetch_all(&mut *snapshot)
                .await;
            let builds = rows.and_then(|rows| rows.into_iter().map(read_build).collect());
            builds.map_err(|error| self.not_read(&error))
        })
        .await
    }

    pub(crate) async fn newest(&self) -> Result<Option<Day>, ReadError> {
        self.within(ANSWER_TIMEOUT, async {
            let mut snapshot = self.snapshot().await?;
            let newest = newest(&mut snapshot).await;
            newest.map_err(|error| self.not_read(&error))
        })
        .await
    }
}

pub(crate) async fn newest(connection: &mut SqliteConnection) -> Result<Option<Day>, sqlx::Error> {
    let newest: Option<i32> = sqlx::query_scalar(NEWEST).fetch_one(connection).await?;
    Ok(newest.map(Day::from_days_since_epoch))
}

fn read_build(row: BuildRow) -> Result<DayBuild, sqlx::Error> {
    let (day, mark, built_at, matches, counted, left_out) = row;
    let excluded: BTreeMap<String, u64> = serde_json::from_str(&left_out).map_err(nonsense)?;
    Ok(DayBuild {
        day: Day::from_days_since_epoch(day),
        build: mark,
        built_at: Timestamp::from_unix_ms(built_at),
        sums: MatchSums {
            read: matches,
            used: counted,
            excluded,
        },
    })
}
