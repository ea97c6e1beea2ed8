//! Marks of days whose counters are behind their facts.

use std::collections::BTreeSet;

use clickhouse::error::Result;
use domain::Day;

use crate::ClickHouseWarehouse;

/// By the clock of the server, and higher than everything that was marked
/// before: a clock that is set back must not hide a change from the builder.
/// The time is that of the statement's beginning, so of before anybody sees it.
const MARK: &str = "\
INSERT INTO dirty_days (day, mark) \
SELECT arrayJoin(CAST(? AS Array(UInt16))), \
       greatest(toUInt64(toUnixTimestamp64Nano(now64(9))), (SELECT max(mark) FROM dirty_days) + 1)";

impl ClickHouseWarehouse {
    pub(crate) async fn mark(&self, days: &BTreeSet<Day>) -> Result<()> {
        let days: Vec<u16> = days.iter().filter_map(|day| number_of(*day)).collect();
        if days.is_empty() {
            return Ok(());
        }
        let limit = self.query_timeout();
        let marked = self.limited(MARK, limit).bind(days).execute();
        self.within(limit, marked).await
    }
}

/// How a day stands in a column; none if it does not, and so has no facts either.
pub(crate) fn number_of(day: Day) -> Option<u16> {
    u16::try_from(day.days_since_epoch()).ok()
}

pub(crate) fn day_of(number: u16) -> Day {
    Day::from_days_since_epoch(number.into())
}
