//! What was asked of upstreams.

use async_trait::async_trait;
use domain::Day;
use etl_application::ports::{CallMemory, StoreError, WarehouseError};

use crate::ClickHouseWarehouse;
use crate::marks::number_of;

/// Two numbers of one day stand beside each other until they are merged; the
/// higher one counts.
const CALLS: &str = "\
SELECT max(calls) FROM call_budgets WHERE upstream = ? AND toUInt16(day) = ?";

const SET_DOWN: &str = "\
INSERT INTO call_budgets (upstream, day, calls) SELECT ?, toDate(?), toUInt64(?)";

#[async_trait]
impl CallMemory for ClickHouseWarehouse {
    async fn calls(&self, upstream: &str, day: Day) -> Result<u64, WarehouseError> {
        let Some(day) = number_of(day) else {
            return Ok(0);
        };
        let calls = self.ask(CALLS).bind(upstream).bind(day);
        self.answer(calls.fetch_one()).await
    }

    async fn set_down(&self, upstream: &str, day: Day, calls: u64) -> Result<(), StoreError> {
        let Some(day) = number_of(day) else {
            return Ok(());
        };
        let limit = self.query_timeout();
        let set_down = self.limited(SET_DOWN, limit);
        let set_down = set_down.bind(upstream).bind(day).bind(calls);
        let set_down = self.within(limit, set_down.execute()).await;
        set_down.map_err(|error| self.not_marked(&error))
    }
}
