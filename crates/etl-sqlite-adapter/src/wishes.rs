//! Wishes for details.
//!
//! Statements say `state = 1` where they mean wishes that wait: so the index of
//! these is taken.

use std::collections::BTreeMap;

use async_trait::async_trait;
use contracts::warehouse::WishState as StateCode;
use domain::{MatchId, Timestamp};
use etl_application::WishReason;
use etl_application::ports::{
    NewWish, StoreError, WarehouseError, Wish, WishCounts, WishQueue, WishState, WishStore,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::SqliteWarehouse;
use crate::error::nonsense;
use crate::values::{many, read_match_id, read_start};

/// A match that is known whole is wished for only for its replay ($6), and so is
/// one that has a wish, if that is for the match alone.
const WISH: &str = "\
    INSERT INTO detail_wishes AS old \
    (match_id, reason, priority, attempts, state, next_try, version) \
    SELECT value, $2, $3, 0, 1, $4, $5 FROM json_each($1) \
    WHERE $6 OR NOT EXISTS (SELECT 1 FROM matches WHERE match_id = value) \
    ON CONFLICT (match_id) DO UPDATE SET reason = excluded.reason, priority = excluded.priority, \
    attempts = 0, state = 1, next_try = excluded.next_try, version = excluded.version \
    WHERE $6 AND old.reason IN ('missing', 'incomplete')";

const DUE: &str = "\
    SELECT * FROM detail_wishes WHERE state = 1 AND next_try <= $1 \
    ORDER BY priority DESC, next_try, match_id LIMIT $2";

const SETTLE: &str = "\
    UPDATE detail_wishes SET reason = $2, attempts = $3, state = $4, next_try = $5, version = $6 \
    WHERE match_id = $1 AND version < $6";

const KNOWN: &str = "\
    SELECT match_id FROM detail_wishes AS w WHERE state = 1 AND next_try <= $1 \
    AND reason IN ('missing', 'incomplete') \
    AND EXISTS (SELECT 1 FROM matches AS m WHERE m.match_id = w.match_id) LIMIT $2";

const END_KNOWN: &str = "\
    UPDATE detail_wishes SET state = 2, version = version + $2 \
    WHERE match_id IN (SELECT value FROM json_each($1)) AND state = 1 \
    AND reason IN ('missing', 'incomplete')";

const END_SURPLUS: &str = "\
    UPDATE detail_wishes SET state = 3, reason = 'overflow', version = version + $3 \
    WHERE match_id IN (SELECT match_id FROM detail_wishes WHERE state = 1 \
    ORDER BY priority DESC, next_try, match_id LIMIT $2 OFFSET $1)";

#[async_trait]
impl WishStore for SqliteWarehouse {
    async fn wish(&self, wishes: &[NewWish]) -> Result<(), StoreError> {
        if wishes.is_empty() {
            return Ok(());
        }
        // Those for replays last: they replace others.
        let mut alike: BTreeMap<_, Vec<i64>> = BTreeMap::new();
        for wish in wishes {
            let key = (wish.version(), wish.reason, wish.first_try);
            alike.entry(key).or_default().push(wish.match_id.get());
        }
        let made = async {
            let mut change = self.change().await?;
            for ((version, reason, first_try), ids) in alike {
                sqlx::query(WISH)
                    .bind(many(ids))
                    .bind(reason.as_str())
                    .bind(reason.priority())
                    .bind(full_second(first_try))
                    .bind(version.cast_signed())
                    .bind(reason.is_for_the_replay())
                    .execute(&mut *change)
                    .await?;
            }
            change.commit().await
        };
        made.await.map_err(|error| self.not_stored(&error))
    }
}

#[async_trait]
impl WishQueue for SqliteWarehouse {
    async fn due(&self, now: Timestamp, count_max: usize) -> Result<Vec<Wish>, WarehouseError> {
        self.answer(async {
            let rows = sqlx::query(DUE)
                .bind(now.unix_seconds())
                .bind(limit(count_max))
                .fetch_all(self.readers())
                .await?;
            rows.iter().map(read_wish).collect()
        })
        .await
    }

    async fn settle(&self, wishes: &[Wish]) -> Result<(), StoreError> {
        if wishes.is_empty() {
            return Ok(());
        }
        let settled = async {
            let mut change = self.change().await?;
            for wish in wishes {
                sqlx::query(SETTLE)
                    .bind(wish.match_id.get())
                    .bind(wish.reason.as_str())
                    .bind(wish.attempts)
                    .bind(code(wish.state))
                    .bind(full_second(wish.next_try))
                    .bind(wish.version_after().cast_signed())
                    .execute(&mut *change)
                    .await?;
            }
            change.commit().await
        };
        settled.await.map_err(|error| self.not_stored(&error))
    }

    async fn end_known(&self, now: Timestamp, count_max: usize) -> Result<usize, StoreError> {
        // Looked for outside the transaction: others write meanwhile.
        let ended = async {
            let known: Vec<i64> = sqlx::query_scalar(KNOWN)
                .bind(now.unix_seconds())
                .bind(limit(count_max))
                .fetch_all(self.readers())
                .await?;
            if known.is_empty() {
                return Ok(0);
            }
            let mut change = self.change().await?;
            sqlx::query(END_KNOWN)
                .bind(many(known.iter().copied()))
                .bind(WishState::Fetched.version_step().cast_signed())
                .execute(&mut *change)
                .await?;
            change.commit().await?;
            Ok(known.len())
        };
        ended.await.map_err(|error| self.not_stored(&error))
    }

    async fn end_surplus(&self, waiting_max: u64, count_max: usize) -> Result<usize, StoreError> {
        let ended = async {
            let mut change = self.change().await?;
            let ended = sqlx::query(END_SURPLUS)
                .bind(i64::try_from(waiting_max).unwrap_or(i64::MAX))
                .bind(limit(count_max))
                .bind(WishState::GivenUp.version_step().cast_signed())
                .execute(&mut *change)
                .await?;
            change.commit().await?;
            Ok(usize::try_from(ended.rows_affected()).unwrap_or(usize::MAX))
        };
        ended.await.map_err(|error| self.not_stored(&error))
    }

    async fn counts(&self) -> Result<WishCounts, WarehouseError> {
        let statement = "SELECT reason, state, count(*) FROM detail_wishes GROUP BY reason, state";
        self.answer(async {
            let rows: Vec<(String, i8, i64)> =
                sqlx::query_as(statement).fetch_all(self.readers()).await?;
            let mut counts = WishCounts::default();
            for (reason, state, count) in rows {
                let reason = WishReason::of_word(&reason);
                counts.add(reason, read_state(state)?, count.cast_unsigned());
            }
            Ok(counts)
        })
        .await
    }
}

/// The wish of a match.
pub(crate) async fn wish_of(
    connection: &mut SqliteConnection,
    id: MatchId,
) -> Result<Option<Wish>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM detail_wishes WHERE match_id = $1")
        .bind(id.get())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(read_wish).transpose()
}

fn read_wish(row: &SqliteRow) -> Result<Wish, sqlx::Error> {
    let reason: &str = row.try_get("reason")?;
    Ok(Wish {
        match_id: read_match_id(row.try_get("match_id")?)?,
        reason: WishReason::of_word(reason),
        priority: row.try_get("priority")?,
        attempts: row.try_get("attempts")?,
        state: read_state(row.try_get("state")?)?,
        next_try: read_start(row.try_get("next_try")?),
        version: row.try_get::<i64, _>("version")?.cast_unsigned(),
    })
}

fn read_state(code: i8) -> Result<WishState, sqlx::Error> {
    let code = StateCode::try_from(code).map_err(nonsense)?;
    Ok(match code {
        StateCode::Waiting => WishState::Waiting,
        StateCode::Fetched => WishState::Fetched,
        StateCode::GivenUp => WishState::GivenUp,
    })
}

fn code(state: WishState) -> i8 {
    let code = match state {
        WishState::Waiting => StateCode::Waiting,
        WishState::Fetched => StateCode::Fetched,
        WishState::GivenUp => StateCode::GivenUp,
    };
    code.code()
}

/// Nobody is asked before the time.
fn full_second(at: Timestamp) -> i64 {
    Timestamp::from_unix_ms(at.as_unix_ms().saturating_add(999)).unix_seconds()
}

fn limit(count_max: usize) -> i64 {
    i64::try_from(count_max).unwrap_or(i64::MAX)
}
