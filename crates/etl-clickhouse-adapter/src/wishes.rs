//! Wishes for details.

use async_trait::async_trait;
use domain::MatchId;
use etl_application::ports::{StoreError, WishStore};

use crate::ClickHouseWarehouse;
use crate::facts::IDS_MAX;

/// A match that is known whole is wished for by nobody, one that was wished for
/// keeps its wish. Below the time of a version there is room for a checksum.
/// Two who wish the same at the same time make the same row.
const WISH: &str = "\
INSERT INTO detail_wishes (match_id, reason, priority, attempts, state, next_try, version) \
SELECT id, 'missing', 0, 0, 'waiting', now(), toUInt64(toUnixTimestamp64Milli(now64(3))) * 65536 \
FROM (SELECT arrayJoin(CAST(? AS Array(UInt64))) AS id) \
WHERE id NOT IN (SELECT match_id FROM matches WHERE match_id IN ?) \
AND id NOT IN (SELECT match_id FROM detail_wishes WHERE match_id IN ?)";

#[async_trait]
impl WishStore for ClickHouseWarehouse {
    async fn wish(&self, ids: &[MatchId]) -> Result<(), StoreError> {
        let ids: Vec<u64> = ids.iter().map(|id| id.get().cast_unsigned()).collect();
        let limit = self.query_timeout();
        for ids in ids.chunks(IDS_MAX) {
            let wish = self.limited(WISH, limit).bind(ids).bind(ids).bind(ids);
            let wished = self.within(limit, wish.execute()).await;
            wished.map_err(|error| self.not_marked(&error))?;
        }
        Ok(())
    }
}
