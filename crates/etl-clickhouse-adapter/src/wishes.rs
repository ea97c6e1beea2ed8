//! Wishes for details.

use std::collections::BTreeMap;

use async_trait::async_trait;
use clickhouse::Row;
use clickhouse::error::Result;
use contracts::warehouse::{DetailWishRow, WishState as StateCode};
use domain::{MatchId, Timestamp};
use etl_application::WishReason;
use etl_application::ports::{
    NewWish, StoreError, WarehouseError, Wish, WishCounts, WishQueue, WishState, WishStore,
};
use serde::Deserialize;

use crate::ClickHouseWarehouse;
use crate::error::nonsense;
use crate::facts::IDS_MAX;
use crate::row::Of;

/// A match that is known whole is not wished for, one that has a wish keeps it.
/// Who looks and inserts beside another makes the same row, or one of a version
/// that does not count.
const WISH_FOR_MATCH: &str = "\
INSERT INTO detail_wishes (match_id, reason, priority, attempts, state, next_try, version) \
SELECT id, ?, ?, 0, 'waiting', toDateTime(?, 'UTC'), ? \
FROM (SELECT arrayJoin(CAST(? AS Array(UInt64))) AS id) \
WHERE id NOT IN (SELECT match_id FROM matches WHERE match_id IN ?) \
AND id NOT IN (SELECT match_id FROM detail_wishes WHERE match_id IN ?)";

/// Takes the place of a wish that is for the match alone: its version is higher.
const WISH_FOR_REPLAY: &str = "\
INSERT INTO detail_wishes (match_id, reason, priority, attempts, state, next_try, version) \
SELECT id, ?, ?, 0, 'waiting', toDateTime(?, 'UTC'), ? \
FROM (SELECT arrayJoin(CAST(? AS Array(UInt64))) AS id) \
WHERE id NOT IN (SELECT match_id FROM detail_wishes WHERE match_id IN ? \
                 AND reason NOT IN ('missing', 'incomplete'))";

/// Rows that say so, replaced ones among them, are found in two small columns;
/// only for their ids is looked at what counts.
const DUE: &str = "\
SELECT ?fields FROM detail_wishes FINAL WHERE match_id IN (\
    SELECT match_id FROM detail_wishes WHERE state = 'waiting' AND next_try <= ?) \
AND state = 'waiting' AND next_try <= ? \
ORDER BY priority DESC, next_try, match_id LIMIT ?";

/// The ids of those that wait stand in their own part: it decides how much of
/// the larger table is read.
const END_KNOWN: &str = "\
INSERT INTO detail_wishes (match_id, reason, priority, attempts, state, next_try, version) \
SELECT match_id, reason, priority, attempts, 'fetched', next_try, version + ? \
FROM detail_wishes FINAL WHERE match_id IN (SELECT arrayJoin(CAST(? AS Array(UInt64)))) \
AND state = 'waiting' AND reason IN ('missing', 'incomplete')";

const KNOWN: &str = "\
SELECT DISTINCT match_id FROM matches WHERE match_id IN (\
    SELECT match_id FROM detail_wishes FINAL WHERE match_id IN (\
        SELECT match_id FROM detail_wishes WHERE state = 'waiting' AND next_try <= ?) \
    AND state = 'waiting' AND next_try <= ? \
    AND reason IN ('missing', 'incomplete')) LIMIT ?";

const SURPLUS: &str = "\
SELECT ?fields FROM detail_wishes FINAL WHERE match_id IN (\
    SELECT match_id FROM detail_wishes WHERE state = 'waiting') AND state = 'waiting' \
ORDER BY priority DESC, next_try, match_id LIMIT ? OFFSET ?";

const COUNTS: &str = "\
SELECT reason, state, count() AS wishes FROM detail_wishes FINAL GROUP BY reason, state";

#[derive(Row, Deserialize)]
struct CountRow {
    reason: String,
    state: StateCode,
    wishes: u64,
}

#[async_trait]
impl WishStore for ClickHouseWarehouse {
    async fn wish(&self, wishes: &[NewWish]) -> Result<(), StoreError> {
        // Those for replays last: they replace others.
        let mut alike: BTreeMap<_, Vec<u64>> = BTreeMap::new();
        for wish in wishes {
            let key = (wish.version(), wish.reason, wish.first_try);
            let ids = alike.entry(key).or_default();
            ids.push(wish.match_id.get().cast_unsigned());
        }
        for ((version, reason, first_try), mut ids) in alike {
            // An id that comes twice would make its row twice.
            ids.sort_unstable();
            ids.dedup();
            for ids in ids.chunks(IDS_MAX) {
                let made = self.wish_alike(version, reason, first_try, ids);
                made.await.map_err(|error| self.not_marked(&error))?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl WishQueue for ClickHouseWarehouse {
    async fn due(&self, now: Timestamp, count_max: usize) -> Result<Vec<Wish>, WarehouseError> {
        let due = self.ask(DUE).bind(seconds(now)).bind(seconds(now));
        let due = due.bind(count_max as u64);
        let rows = self.answer(due.fetch_all::<Of<DetailWishRow>>()).await?;
        let wishes: Result<_> = rows.into_iter().map(|row| read_wish(&row.0)).collect();
        wishes.map_err(|error| self.not_read(&error))
    }

    async fn settle(&self, wishes: &[Wish]) -> Result<(), StoreError> {
        let rows = wishes.iter().map(row_after);
        let settled = self.insert(rows.collect()).await;
        settled.map_err(|error| self.not_marked(&error))
    }

    async fn end_known(&self, now: Timestamp, count_max: usize) -> Result<usize, StoreError> {
        let ended = async {
            let limit = self.query_timeout();
            let known = self.limited(KNOWN, limit).bind(seconds(now));
            let known = known.bind(seconds(now));
            let known = known.bind(count_max.min(IDS_MAX) as u64);
            let known = self.within(limit, known.fetch_all::<u64>()).await?;
            if !known.is_empty() {
                let end = self.limited(END_KNOWN, limit);
                let end = end.bind(WishState::Fetched.version_step()).bind(&known);
                self.within(limit, end.execute()).await?;
            }
            Ok(known.len())
        };
        ended.await.map_err(|error| self.not_marked(&error))
    }

    async fn end_surplus(&self, waiting_max: u64, count_max: usize) -> Result<usize, StoreError> {
        let ended = async {
            let limit = self.query_timeout();
            let surplus = self.limited(SURPLUS, limit);
            let surplus = surplus
                .bind(count_max.min(IDS_MAX) as u64)
                .bind(waiting_max);
            let surplus = surplus.fetch_all::<Of<DetailWishRow>>();
            let rows = self.within(limit, surplus).await?.into_iter();
            let rows = rows.map(|Of(row)| DetailWishRow {
                reason: WishReason::Overflow.as_str().to_owned(),
                state: StateCode::GivenUp,
                version: row.version + WishState::GivenUp.version_step(),
                ..row
            });
            let rows: Vec<_> = rows.collect();
            let count = rows.len();
            self.insert(rows).await?;
            Ok(count)
        };
        ended.await.map_err(|error| self.not_marked(&error))
    }

    async fn counts(&self) -> Result<WishCounts, WarehouseError> {
        let rows = self.ask(COUNTS).fetch_all::<CountRow>();
        let mut counts = WishCounts::default();
        for row in self.answer(rows).await? {
            counts.add(
                WishReason::of_word(&row.reason),
                state(row.state),
                row.wishes,
            );
        }
        Ok(counts)
    }
}

impl ClickHouseWarehouse {
    async fn wish_alike(
        &self,
        version: u64,
        reason: WishReason,
        first_try: Timestamp,
        ids: &[u64],
    ) -> Result<()> {
        let limit = self.query_timeout();
        let is_for_the_replay = reason.is_for_the_replay();
        let statement = if is_for_the_replay {
            WISH_FOR_REPLAY
        } else {
            WISH_FOR_MATCH
        };
        let wish = self.limited(statement, limit).bind(reason.as_str());
        let wish = wish.bind(reason.priority()).bind(full_second(first_try));
        let mut wish = wish.bind(version).bind(ids).bind(ids);
        if !is_for_the_replay {
            wish = wish.bind(ids);
        }
        self.within(limit, wish.execute()).await
    }

    pub(crate) async fn find_wish(&self, id: MatchId) -> Result<Option<DetailWishRow>> {
        let asked = "SELECT ?fields FROM detail_wishes FINAL WHERE match_id = ?";
        let asked = self.ask(asked).bind(id.get());
        let found = asked.fetch_optional::<Of<DetailWishRow>>().await?;
        Ok(found.map(|Of(row)| row))
    }
}

/// The wish that a row is.
pub(crate) fn read_wish(row: &DetailWishRow) -> Result<Wish> {
    let match_id = MatchId::try_new(row.match_id.cast_signed()).map_err(nonsense)?;
    Ok(Wish {
        match_id,
        reason: WishReason::of_word(&row.reason),
        priority: row.priority,
        attempts: row.attempts,
        state: state(row.state),
        next_try: Timestamp::from_unix_seconds(row.next_try.into()),
        version: row.version,
    })
}

fn row_after(wish: &Wish) -> DetailWishRow {
    DetailWishRow {
        match_id: wish.match_id.get().cast_unsigned(),
        reason: wish.reason.as_str().to_owned(),
        priority: wish.priority,
        attempts: wish.attempts,
        state: match wish.state {
            WishState::Waiting => StateCode::Waiting,
            WishState::Fetched => StateCode::Fetched,
            WishState::GivenUp => StateCode::GivenUp,
        },
        next_try: full_second(wish.next_try),
        version: wish.version_after(),
    }
}

fn state(code: StateCode) -> WishState {
    match code {
        StateCode::Waiting => WishState::Waiting,
        StateCode::Fetched => WishState::Fetched,
        StateCode::GivenUp => WishState::GivenUp,
    }
}

fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.unix_seconds().max(0)).unwrap_or(u32::MAX)
}

/// Nobody is asked before the time.
fn full_second(at: Timestamp) -> u32 {
    seconds(Timestamp::from_unix_ms(at.as_unix_ms().saturating_add(999)))
}
