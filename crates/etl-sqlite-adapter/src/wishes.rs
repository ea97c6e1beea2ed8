//! Wishes for details.

use async_trait::async_trait;
use contracts::warehouse::WishState;
use domain::MatchId;
use etl_application::ports::{StoreError, WishStore};

use crate::SqliteWarehouse;
use crate::values::many;

/// A match that is known whole is wished for by nobody, one that was wished for
/// keeps its wish.
const WISH: &str = "\
    INSERT INTO detail_wishes (match_id, reason, priority, attempts, state, next_try, version) \
    SELECT value, 'missing', 0, 0, $2, $3, $4 FROM json_each($1) \
    WHERE NOT EXISTS (SELECT 1 FROM matches WHERE match_id = value) \
    ON CONFLICT (match_id) DO NOTHING";

/// Below the time of a version there is room for a checksum.
const VERSIONS_PER_MS: i64 = 1 << 16;

#[async_trait]
impl WishStore for SqliteWarehouse {
    async fn wish(&self, ids: &[MatchId]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let now = self.clock().now();
        let wished = async {
            let mut change = self.change().await?;
            sqlx::query(WISH)
                .bind(many(ids.iter().map(|id| id.get())))
                .bind(WishState::Waiting.code())
                .bind(now.unix_seconds())
                .bind(now.as_unix_ms().saturating_mul(VERSIONS_PER_MS))
                .execute(&mut *change)
                .await?;
            change.commit().await
        };
        wished.await.map_err(|error| self.not_stored(&error))
    }
}
