//! Marks of days whose counters are behind their facts.

use std::collections::BTreeSet;

use domain::{Day, Timestamp};
use sqlx::SqliteConnection;

use crate::values::{NANOSECONDS_PER_MS, many};

/// Marks days with the time of day, and higher than everything that was marked
/// before: a clock that is set back must not hide a change from the builder.
pub(crate) async fn mark(
    connection: &mut SqliteConnection,
    days: &BTreeSet<Day>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let highest = "SELECT coalesce(max(mark), 0) FROM dirty_days";
    let highest: i64 = sqlx::query_scalar(highest)
        .fetch_one(&mut *connection)
        .await?;
    let now = now.as_unix_ms().saturating_mul(NANOSECONDS_PER_MS);
    sqlx::query(
        "INSERT INTO dirty_days (day, mark) SELECT value, $2 FROM json_each($1) WHERE true \
         ON CONFLICT (day) DO UPDATE SET mark = excluded.mark",
    )
    .bind(many(days.iter().map(|day| day.days_since_epoch().into())))
    .bind(now.max(highest + 1))
    .execute(connection)
    .await?;
    Ok(())
}
