//! The patches by which days were counted last.

use async_trait::async_trait;
use domain::{Patch, Timestamp};
use etl_application::ports::{PatchStore, StoreError, WarehouseError};

use crate::SqliteWarehouse;

const KEPT: &str = "SELECT name, since FROM patches ORDER BY since, name";
const KEEP: &str = "INSERT INTO patches (name, since, version) VALUES ($1, $2, $3)";

#[async_trait]
impl PatchStore for SqliteWarehouse {
    async fn kept_patches(&self) -> Result<Vec<Patch>, WarehouseError> {
        let kept: Vec<(String, i64)> = self
            .answer(async { sqlx::query_as(KEPT).fetch_all(self.readers()).await })
            .await?;
        let patches = kept.into_iter().map(|(name, since)| Patch {
            name,
            since: Timestamp::from_unix_seconds(since),
        });
        Ok(patches.collect())
    }

    async fn keep_patches(&self, patches: &[Patch]) -> Result<(), StoreError> {
        let version = self.clock().now().as_unix_ms();
        let kept = async {
            let mut change = self.change().await?;
            sqlx::query("DELETE FROM patches")
                .execute(&mut *change)
                .await?;
            for patch in patches {
                sqlx::query(KEEP)
                    .bind(&*patch.name)
                    .bind(patch.since.unix_seconds())
                    .bind(version)
                    .execute(&mut *change)
                    .await?;
            }
            change.commit().await
        };
        kept.await.map_err(|error| self.not_stored(&error))
    }
}
