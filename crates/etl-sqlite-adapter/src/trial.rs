//! Tries what the service needs of the file. Leaves no row behind.

use etl_application::ports::WarehouseError;

use crate::SqliteWarehouse;

impl SqliteWarehouse {
    /// Whether the file can be written now: takes the lock for writing, and
    /// changes nothing under it.
    ///
    /// # Errors
    /// It cannot, or another process has not let go of it for seconds.
    pub async fn try_write(&self) -> Result<(), WarehouseError> {
        let tried = async {
            let mut change = self.change().await?;
            sqlx::query("DELETE FROM dirty_days WHERE false")
                .execute(&mut *change)
                .await?;
            change.rollback().await
        };
        tried.await.map_err(|error| self.not_read(&error))
    }
}
