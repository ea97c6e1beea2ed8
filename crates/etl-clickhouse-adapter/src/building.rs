//! Building days.

use std::sync::PoisonError;
use std::time::Duration;

use async_trait::async_trait;
use clickhouse::Row;
use domain::{CountingRules, Day, Patches};
use etl_application::ports::{
    BuildError, CounterStore, DayBuild, DayState, Difference, DirtyDay, WarehouseError,
};
use serde::Deserialize;
use tokio::time::Instant;
use tracing::warn;

use crate::ClickHouseWarehouse;
use crate::marks::{day_of, number_of};
use crate::stage::Stage;

/// Between two looks for stages that were left behind.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// All rows of a part come from one build, so the first of each tells; a table
/// in which the day has none is as old as the note. The note counts by itself
/// as well: a builder that dies between swapping and noting leaves its day dirty.
/// It is asked for by itself, for `least` passes over what is not known.
const DIRTY_DAYS: &str = "\
SELECT d.day AS day, d.mark AS mark, \
       if(b.mark IS NULL, NULL, least(b.mark, ifNull(h.build, b.mark), ifNull(o.build, b.mark), \
       ifNull(p.build, b.mark))) AS build \
FROM (SELECT day, max(mark) AS mark FROM dirty_days GROUP BY day) AS d \
LEFT JOIN (SELECT day, max(mark) AS mark FROM day_builds GROUP BY day) AS b ON b.day = d.day \
LEFT JOIN (SELECT day, min(build) AS build FROM hero_days WHERE _part_offset = 0 GROUP BY day) AS h \
    ON h.day = d.day \
LEFT JOIN (SELECT day, min(build) AS build FROM position_days WHERE _part_offset = 0 GROUP BY day) AS o \
    ON o.day = d.day \
LEFT JOIN (SELECT day, min(build) AS build FROM pair_days WHERE _part_offset = 0 GROUP BY day) AS p \
    ON p.day = d.day \
WHERE build IS NULL OR build < d.mark ORDER BY day LIMIT ?";

#[derive(Row, Deserialize)]
struct DirtyRow {
    day: u16,
    mark: u64,
    build: Option<u64>,
}

#[async_trait]
impl CounterStore for ClickHouseWarehouse {
    async fn dirty_days(&self, count_max: usize) -> Result<Vec<DirtyDay>, WarehouseError> {
        let asked = self.ask(DIRTY_DAYS).bind(count_max);
        let asked = asked.with_setting("join_use_nulls", "1");
        let rows: Vec<DirtyRow> = self.answer(asked.fetch_all()).await?;
        let days = rows.into_iter().map(|row| DirtyDay {
            day: day_of(row.day),
            mark: row.mark,
            build: row.build,
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
        let number = number_of(day).ok_or_else(|| no_such_day(day))?;
        self.sweep_sometimes().await;
        let stage = Stage::begin(self, number).await.map_err(failed)?;
        let built = async {
            let filled = stage.fill(rules, patches).await.map_err(failed)?;
            let differences = filled.sums.differences(&filled.build);
            if !differences.is_empty() {
                return Err(BuildError::DoesNotAddUp(differences));
            }
            stage.swap_in(&filled).await.map_err(failed)?;
            Ok(filled.build)
        };
        let built = built.await;
        stage.drop_tables().await;
        built
    }

    async fn verify_day(
        &self,
        day: Day,
        rules: &CountingRules,
        patches: &Patches,
    ) -> Result<Vec<Difference>, WarehouseError> {
        let number = number_of(day).ok_or_else(|| no_such_day(day))?;
        let compared = async {
            let counters = self.count_again(number, rules, patches).await?;
            let stored = self.stored_day(number).await?;
            Ok(stored.differences(day, &counters))
        };
        let compared: clickhouse::error::Result<_> = compared.await;
        compared.map_err(|error| self.not_read(&error))
    }

    async fn days(&self, from: Day, to: Day) -> Result<Vec<DayState>, WarehouseError> {
        let days = self.states_of_days(from, to).await;
        days.map_err(|error| self.not_read(&error))
    }
}

impl ClickHouseWarehouse {
    async fn sweep_sometimes(&self) {
        {
            let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
            if swept.is_some_and(|swept| swept.elapsed() < SWEEP_EVERY) {
                return;
            }
            *swept = Some(Instant::now());
        }
        if let Err(error) = self.sweep().await {
            warn!(%error, "stages that were left behind stay for now");
        }
    }
}

fn no_such_day(day: Day) -> WarehouseError {
    WarehouseError {
        detail: format!("{day} is no day of the warehouse"),
    }
}
