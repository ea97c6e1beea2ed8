//! What was asked of upstreams.

use async_trait::async_trait;
use domain::Day;
use etl_application::ports::{CallMemory, StoreError, WarehouseError};

use crate::SqliteWarehouse;

#[async_trait]
impl CallMemory for SqliteWarehouse {
    async fn calls(&self, upstream: &str, day: Day) -> Result<u64, WarehouseError> {
        let statement = "SELECT calls FROM call_budgets WHERE upstream = $1 AND day = $2";
        self.answer(async {
            let calls: Option<i64> = sqlx::query_scalar(statement)
                .bind(upstream)
                .bind(day.days_since_epoch())
                .fetch_optional(self.readers())
                .await?;
            Ok(calls.unwrap_or_default().cast_unsigned())
        })
        .await
    }

    async fn set_down(&self, upstream: &str, day: Day, calls: u64) -> Result<(), StoreError> {
        let statement = "\
            INSERT INTO call_budgets (upstream, day, calls) VALUES ($1, $2, $3) \
            ON CONFLICT (upstream, day) DO UPDATE SET calls = max(calls, excluded.calls)";
        let set_down = async {
            let mut change = self.change().await?;
            sqlx::query(statement)
                .bind(upstream)
                .bind(day.days_since_epoch())
                .bind(i64::try_from(calls).unwrap_or(i64::MAX))
                .execute(&mut *change)
                .await?;
            change.commit().await
        };
        set_down.await.map_err(|error| self.not_stored(&error))
    }
}
