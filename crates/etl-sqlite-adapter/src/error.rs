//! What the errors of the database mean to the ports.

use etl_application::ports::{StoreError, WarehouseError};
use sql_kit::Fault;

use crate::SqliteWarehouse;

impl SqliteWarehouse {
    pub(crate) fn not_stored(&self, error: &sqlx::Error) -> StoreError {
        let detail = format!("{}: {error}", self.path().display());
        match Fault::of(error) {
            Fault::Content => StoreError::Refused { detail },
            Fault::Schema => StoreError::Schema {
                detail: format!("{detail}; start the newest program, which upgrades the file"),
            },
            fault => StoreError::Unavailable {
                detail,
                cause: fault.cause(),
            },
        }
    }

    pub(crate) fn not_read(&self, error: &sqlx::Error) -> WarehouseError {
        let cause = Fault::of(error).cause();
        WarehouseError {
            detail: format!("{}: {error} ({cause})", self.path().display()),
        }
    }
}

/// A row that holds what no row can.
pub(crate) fn nonsense(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}
