//! How the days are that have facts.

use std::collections::BTreeSet;

use clickhouse::Row;
use clickhouse::error::Result;
use domain::{Day, Timestamp};
use etl_application::ports::{DayBuild, DayState};
use serde::Deserialize;

use crate::ClickHouseWarehouse;
use crate::marks::day_of;
use crate::stage::read_reason;

const NANOSECONDS_PER_MS: u64 = 1_000_000;

/// Days of which rows speak, also rows that are replaced by now; with their
/// mark and their note.
const NAMED: &str = "\
SELECT n.day AS day, d.mark AS dirty, b.mark AS mark, b.built_at AS built_at, \
       b.matches AS matches, b.counted AS counted, \
       arrayZip(mapKeys(b.left_out), mapValues(b.left_out)) AS left_out, b.is_noted AS is_noted \
FROM (SELECT DISTINCT toDate(start_time) AS day FROM ( \
        SELECT start_time FROM matches WHERE toDate(start_time) BETWEEN toDate(?) AND toDate(?) \
        UNION ALL \
        SELECT start_time FROM match_sources WHERE toDate(start_time) BETWEEN toDate(?) AND toDate(?)) \
    ) AS n \
LEFT JOIN (SELECT day, max(mark) AS mark FROM dirty_days GROUP BY day) AS d ON d.day = n.day \
LEFT JOIN (SELECT *, true AS is_noted FROM day_builds FINAL) AS b ON b.day = n.day \
ORDER BY day";

/// Those of these days that a row speaks of which counts.
const WITH_FACTS: &str = "\
SELECT DISTINCT toUInt16(day) FROM ( \
    SELECT toDate(start_time) AS day FROM matches FINAL WHERE match_id IN \
        (SELECT match_id FROM matches WHERE toUInt16(toDate(start_time)) IN ?) \
    UNION ALL \
    SELECT toDate(start_time) AS day FROM match_sources FINAL WHERE match_id IN \
        (SELECT match_id FROM match_sources WHERE toUInt16(toDate(start_time)) IN ?))";

#[derive(Row, Deserialize)]
struct NamedRow {
    day: u16,
    dirty: u64,
    mark: u64,
    built_at: i64,
    matches: u64,
    counted: u64,
    left_out: Vec<(String, u64)>,
    is_noted: bool,
}

impl NamedRow {
    fn is_behind(&self) -> bool {
        self.dirty > 0 && (!self.is_noted || self.mark < self.dirty)
    }

    /// Whether the note says that the day has facts, and nothing has changed since.
    fn is_known(&self) -> bool {
        self.is_noted && !self.is_behind() && self.matches > 0
    }
}

impl ClickHouseWarehouse {
    /// Days without a current note are looked at in the facts, match by match;
    /// there are few of them, but for the first load of a past range.
    pub(crate) async fn states_of_days(&self, from: Day, to: Day) -> Result<Vec<DayState>> {
        let limit = self.query_timeout();
        let (from, to) = (clamped(from), clamped(to));
        let named = self.ask(NAMED).bind(from).bind(to).bind(from).bind(to);
        let mut named: Vec<NamedRow> = self.within(limit, named.fetch_all()).await?;
        let unknown = named.iter().filter(|row| !row.is_known());
        let unknown: Vec<u16> = unknown.map(|row| row.day).collect();
        if !unknown.is_empty() {
            let with_facts = self.ask(WITH_FACTS).bind(&unknown).bind(&unknown);
            let with_facts: Vec<u16> = self.within(limit, with_facts.fetch_all()).await?;
            let with_facts: BTreeSet<_> = with_facts.into_iter().collect();
            named.retain(|row| row.is_known() || with_facts.contains(&row.day));
        }
        named.into_iter().map(state).collect()
    }
}

/// The nearest day that a column can hold.
fn clamped(day: Day) -> u16 {
    let days = day.days_since_epoch().clamp(0, u16::MAX.into());
    u16::try_from(days).expect("it is within the range")
}

fn state(row: NamedRow) -> Result<DayState> {
    let day = day_of(row.day);
    let dirty_since = row.is_behind().then(|| {
        let ms = i64::try_from(row.dirty / NANOSECONDS_PER_MS);
        Timestamp::from_unix_ms(ms.expect("a 64th of it and less"))
    });
    if !row.is_noted {
        return Ok(DayState {
            build: None,
            built_at: None,
            day,
            dirty_since,
        });
    }
    let left_out = row.left_out.into_iter();
    let left_out = left_out.map(|(word, count)| Ok((read_reason(&word)?, count)));
    let build = DayBuild {
        day,
        mark: row.mark,
        matches: row.matches,
        counted: row.counted,
        left_out: left_out.collect::<Result<_>>()?,
    };
    Ok(DayState {
        build: Some(build),
        built_at: Some(Timestamp::from_unix_ms(row.built_at)),
        day,
        dirty_since,
    })
}
